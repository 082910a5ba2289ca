#!/usr/bin/env bash
# Hostile requests among good ones: each gets its own error, the good ones are issued.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
make_csr good1
make_csr good2 -newkey ed25519
make_csr weak -newkey rsa:1024
make_csr curve -newkey ec -pkeyopt ec_paramgen_curve:P-521
make_csr sha1 -newkey rsa:2048 -sha1
make_csr pss-sha1 -newkey rsa:2048 -sha1 -sigopt rsa_padding_mode:pss
make_csr good3 -newkey rsa:2048 -sha256 -sigopt rsa_padding_mode:pss
make_csr tampered
make_csr cut
make_csr long
openssl req -new -noenc -newkey ed25519 -subj / -keyout "$work/k" -out "$work/csr/nameless.csr" 2>/dev/null
openssl req -new -noenc -newkey ed25519 -subj / -keyout "$work/k" -out "$work/csr/control.csr" \
  -addext "subjectAltName=DER:30:0a:82:08:77:77:77:00:2e:65:78:65" 2>/dev/null
openssl req -new -noenc -newkey ed25519 -subj / -keyout "$work/k" -out "$work/csr/single.csr" \
  -addext "subjectAltName=DNS:localhost" 2>/dev/null
der() { openssl req -in "$work/csr/$1.csr" -outform DER -out "$work/csr/$1.der"; rm "$work/csr/$1.csr"; }
der tampered; der cut; der long
at=$(($(stat -c %s "$work/csr/tampered.der") - 9))
byte=$(xxd -s "$at" -l 1 -p "$work/csr/tampered.der")
printf '%02x' $((0x$byte ^ 1)) | xxd -r -p | dd of="$work/csr/tampered.der" bs=1 seek="$at" conv=notrunc status=none
truncate -s -5 "$work/csr/cut.der"
printf 'x' >>"$work/csr/long.der"
printf 'no request' >"$work/csr/garbage.csr"
head -c 70000 /dev/zero | sed 's/^./0/' >"$work/csr/huge.der"
rc=0
issue "$work"/csr/*.csr "$work"/csr/*.der >"$work/answers.json" || rc=$?
[ "$rc" -eq 1 ] || fail "exit code $rc"
[ "$(jq -s 'map(select(.serial)) | length' "$work/answers.json")" -eq 3 ] || fail "the good ones were not issued"
expect() {
  jq -r --arg name "$1" 'select(.csr | contains($name)) | .error' "$work/answers.json" | grep "$2" >/dev/null ||
    fail "$1: $(grep "$1" "$work/answers.json")"
}
expect /weak. '1024 bits'
expect /curve. 'the key is none of'
expect /sha1. 'MD5 or SHA-1'
expect /pss-sha1. 'MD5 or SHA-1'
expect /tampered. 'signature'
expect /cut. 'not a SEQUENCE in DER'
expect /long. 'bytes after it'
expect /nameless. 'nothing to certify'
expect /control. 'NUL or control'
expect /single. 'single label'
expect /garbage. 'no CERTIFICATE REQUEST'
expect /huge. 'at most 65536'
[ "$(tree_size)" -eq 3 ] || fail "the tree holds more than the good ones"
# Bodies that are not what their method takes, sent as they are.
refused() { # refused METHOD HEX: prints the text that the daemon answers
  python3 - "$MTC_SOCKET" "$1" "$2" <<'END'
import socket, struct, sys
body = bytes.fromhex(sys.argv[3])
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(struct.pack(">IBI", 5 + len(body), int(sys.argv[2]), 7) + body)
answer = peer.makefile("rb")
frame = answer.read(struct.unpack(">I", answer.read(4))[0])
print(frame[6:].decode() if frame[0] else "answered")
END
}
for method in 5 6 7 8 9 11 12 13 14 15 16 17 18; do
  [ "$(refused "$method" 00)" = "the request's body is malformed" ] || fail "method $method takes any body"
done
for body in '' 01 0000; do
  [ "$(refused 10 "$body")" = "the request's body is malformed" ] || fail "method 10 takes $body"
done
[ "$(refused 10 00)" = answered ] || fail "method 10 refuses its body"
[ "$(refused 7 '')" = answered ] || fail "method 7 refuses its body"
[ "$(refused 200 '')" = "method 200 is unknown" ] || fail "method 200"
[ "$(refused 3 00)" = "the request's body is malformed" ] || fail "method 3 takes any body"
fails "no certificate profile" "$bin/mtc" issue --profile nope --out "$work/o" "$work/csr/good1.csr"
stop "$daemon"
fsck_clean
