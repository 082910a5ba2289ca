#!/usr/bin/env bash
# Instances that sign directly, each with a key of its own on a token, beside the log: ordinary
# certificates that openssl verifies; one certificate a request, also after a kill at every step.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"


make_root() { # NAME KEY-OPTION...: $work/ca/NAME.key and its self-signed CA certificate NAME.pem
  local name=$1; shift
  openssl genpkey -quiet -algorithm "$@" -out "$work/ca/$name.key"
  chmod 600 "$work/ca/$name.key"
  openssl req -x509 -new -key "$work/ca/$name.key" -subj "/O=Example/CN=$name" -days 30 \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
    -out "$work/ca/$name.pem"
}
profile() { # NAME VALIDITY [LINE]
  printf '      - {name: %s, validity_s: %s, backdate_s: 300, key_types: [p256, rsa, ml-dsa-44], ext_key_usage: [server], policy_oid: 2.23.140.1.2.1, allow_wildcards: true, allow_ip: true}\n' "$1" "$2"
}
instance() { # NAME SIGNER VALIDITY
  printf '  - name: %s\n    certificate: %s.pem\n    signer: {%s}\n    profiles:\n' "$1" "$1" "$2"
  profile "$1" "$3"
}
ask() { "$bin/mtc-ask-daemon" "$MTC_SOCKET" "$@"; }
verify_direct() { # NAME FILE
  openssl verify -x509_strict -check_ss_sig -purpose sslserver -CAfile "$work/ca/$1.pem" "$2" >/dev/null ||
    fail "openssl does not verify $2"
}
text() { openssl x509 -in "$1" -noout -text; }

make_ca
cp "$work/ca/mtc.yaml" "$work/plain.yaml"
make_root classic EC -pkeyopt group:P-256
make_root classic-384 EC -pkeyopt group:P-384
make_root edwards ED25519
make_root classic-pq ML-DSA-65
{
  cat "$work/plain.yaml"
  echo 'direct:'
  instance classic 'key: classic.key' 7776000
  instance classic-384 'key: classic-384.key' 86400
  instance edwards 'key: edwards.key' 86400
  instance classic-pq 'key: classic-pq.key' 86400
} >"$work/ca/mtc.yaml"
start_daemon
make_csr one
make_csr two
make_csr rsa -newkey rsa:2048

# Every algorithm, strictly.
for name in classic classic-384 edwards classic-pq; do
  serial=$(ask issue-direct $name "" "$work/csr/one.csr" "$work/$name.crt")
  [[ $serial =~ ^[4-7][0-9a-f]{31}$ ]] || fail "serial number $serial"
  verify_direct $name "$work/$name.crt"
  [ "$(openssl x509 -in "$work/$name.crt" -noout -serial)" = "serial=${serial^^}" ] || fail "$name: serial number"
  text "$work/$name.crt" | grep -q 'DNS:one.example.com' || fail "$name: name"
  text "$work/$name.crt" | grep -q 'CA:FALSE' || fail "$name: basicConstraints"
  text "$work/$name.crt" | grep -q 'Policy: 2.23.140.1.2.1' || fail "$name: policy"
  ask direct-certificate "$serial" "$work/both.pem"
  [ "$(openssl x509 -in "$work/both.pem" -outform DER | sha256sum)" = \
    "$(openssl x509 -in "$work/$name.crt" -outform DER | sha256sum)" ] || fail "$name: fetched"
  grep -c BEGIN "$work/both.pem" | grep -qx 2 || fail "$name: no issuer"
done
# No longer than the CA certificate: 90 days were asked of 30.
[ "$(openssl x509 -in "$work/classic.crt" -noout -enddate)" = "$(openssl x509 -in "$work/ca/classic.pem" -noout -enddate)" ] ||
  fail "valid beyond its issuer"

# One request, one certificate.
first=$(ask issue-direct classic request-1 "$work/csr/two.csr" "$work/a.crt")
again=$(ask issue-direct classic request-1 "$work/csr/two.csr" "$work/b.crt")
[ "$first" = "$again" ] && cmp "$work/a.crt" "$work/b.crt" || fail "two certificates for a request"
fails "request ID request-1 was used for another request" ask issue-direct classic request-1 "$work/csr/one.csr" "$work/c.crt"
fails 'no directly signing instance in mtc.yaml has a certificate profile "chrome-dv-7d"' \
  ask issue-direct chrome-dv-7d "" "$work/csr/one.csr" "$work/c.crt"
fails "does not allow this type of key" ask issue-direct classic "" "$(make_csr p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384; echo "$work/csr/p384.csr")" "$work/c.crt"
fails "no directly signed certificate" ask direct-certificate 4000 "$work/c.crt"
[ ! -e "$work/c.crt" ] || fail "a refused request got a certificate"

# The log goes on beside them.
issue "$work/csr/rsa.csr" >/dev/null
verify "$work/issued/rsa.pem"
ask instances >"$work/instances"
cat >"$work/expected" <<END
0 32473.1 chrome-dv-7d=604800
1 classic classic=7776000
1 classic-384 classic-384=86400
1 edwards edwards=86400
1 classic-pq classic-pq=86400
END
cmp "$work/instances" "$work/expected" || fail "instances: $(cat "$work/instances")"
read -r interval next size < <(ask landmark-schedule)
[ "$interval" = 3600 ] && [ "$size" = 0 ] || fail "schedule: $interval $next $size"
# An hour from the start on, rounded up to a whole second, where `date` rounds down.
now=$(date +%s)
((next - now <= 3601 && next - now > 3500)) || fail "next landmark at $next, now $now"
"$bin/mtc" landmark allocate >/dev/null
read -r interval next size < <(ask landmark-schedule)
[ "$size" = 1 ] || fail "newest landmark of $size"
stop "$daemon"
fsck_clean

# A kill at every step: the same certificate, signed at most once more.
if [ "$MTC_FAULT_POINTS" = ON ]; then
  for point in direct.stored direct.signed direct.kept; do
    MTC_FAULT=$point start_daemon
    if ask issue-direct classic "at-$point" "$work/csr/two.csr" "$work/c.crt" 2>/dev/null; then fail "$point: answered"; fi
    # The answer is lost before the dead daemon's lock is.
    wait "$daemon" && fail "$point: not killed there"
    start_daemon
    ask issue-direct classic "at-$point" "$work/csr/two.csr" "$work/a.crt" >"$work/first"
    ask issue-direct classic "at-$point" "$work/csr/two.csr" "$work/b.crt" >"$work/again"
    cmp "$work/first" "$work/again" && cmp "$work/a.crt" "$work/b.crt" || fail "$point: two certificates"
    verify_direct classic "$work/a.crt"
    stop "$daemon"
  done
fi

# Refused at start, by name.
refused() { # TEXT
  fails "$1" timeout 10 "$bin/mtcd" --config "$work/ca/mtc.yaml"
}
with() { { cat "$work/plain.yaml"; echo 'direct:'; "$@"; } >"$work/ca/mtc.yaml"; }
with instance classic 'key: edwards.key' 86400
refused "direct.classic: signer"
cp "$work/ca/classic.pem" "$work/ca/copy.pem"
both() { instance classic 'key: classic.key' 86400; instance copy 'key: classic.key' 86400; }
with both
refused "direct.copy: certificate: its key is that of classic"
cosigner() { # its own key in an ordinary CA certificate
  "$bin/mtc" key generate --uri "$work/p256.key" --algorithm ecdsa-p256 --out "$work/p256.pub" 2>/dev/null
  "$bin/mtc" ca init --dir "$work/other" --id 32473.2 --key "$work/p256.key" --algorithm ecdsa-p256 >/dev/null 2>&1
  openssl req -x509 -new -key "$work/p256.key" -subj /CN=x -days 3 -addext keyUsage=critical,keyCertSign -out "$work/other/x.pem"
  { cat "$work/other/mtc.yaml"; echo 'direct:'; instance x "key: $work/p256.key" 86400; } >"$work/other/new.yaml"
  fails "direct.x: certificate: its key is the CA cosigner's" "$bin/mtcd" --config "$work/other/new.yaml"
}
cosigner
bad_root() { # TEXT OPENSSL-OPTION...
  local expected=$1; shift
  openssl req -x509 -new -key "$work/ca/classic.key" -subj /CN=bad "$@" -out "$work/ca/bad.pem" 2>/dev/null
  with instance bad 'key: classic.key' 86400
  refused "direct.bad: certificate: $expected"
}
bad_root "its keyUsage does not have keyCertSign" -days 3 -addext keyUsage=critical,digitalSignature
bad_root "it is no CA's" -days 3 -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyCertSign
bad_root "it has expired" -not_before 20200101000000Z -not_after 20210101000000Z -addext keyUsage=critical,keyCertSign
bad_root "it is not valid yet" -not_before 20900101000000Z -not_after 20910101000000Z -addext keyUsage=critical,keyCertSign
with instance 'a/b' 'key: classic.key' 86400
refused "name: 1 to 64 letters"
twice() { instance classic 'key: classic.key' 86400; profile classic 86400; }
with twice
refused "profile classic: the name is used twice"
with instance classic 'key: classic.key, timeout_ms: -1' 86400
refused "direct.classic: signer.timeout_ms: -1"
