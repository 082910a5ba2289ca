#!/usr/bin/env bash
# Output that cannot be written costs that certificate's file alone, and its serial number is said;
# what is no certificate is not written over.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
make_csr c1
for i in 2 3 4 5 6 7; do cp "$work/csr/c1.csr" "$work/csr/c$i.csr"; done
# 255 bytes are a name; 254 and .pem are none.
long=$(printf 'n%.0s' $(seq 251)) longer=$(printf 'm%.0s' $(seq 254))
cp "$work/csr/c1.csr" "$work/csr/$long.csr"
cp "$work/csr/c1.csr" "$work/csr/$longer"
rm "$work/csr/c1.key"
mkdir -p "$work/issued/c5.pem"
rc=0
issue "$work"/csr/* >"$work/answers" || rc=$?
[ "$rc" -eq 1 ] || fail "exit code $rc"
[ "$(jq -s 'map(select(.certificate)) | length' "$work/answers")" -eq 7 ] || fail "the others were not issued"
[ "$(find "$work/issued" -type f -name '*.pem' | wc -l)" -eq 7 ] || fail "not seven files"
[ -f "$work/issued/$long.pem" ] || fail "a name of 255 bytes"
[ -z "$(find "$work/issued" -name '.mtc-*')" ] || fail "a temporary file is left"
for name in c5.csr "$longer"; do
  serial=$(jq -r --arg name "/$name" 'select(.error and (.csr | endswith($name))) | .serial' "$work/answers")
  "$bin/mtc" certificate get --serial "$serial" --kind standalone --out "$work/fetched.pem"
  verify "$work/fetched.pem" || fail "$name: what was fetched"
done
fails "get it with mtc certificate get --serial 1:9 --kind standalone" \
  "$bin/mtc" issue --profile chrome-dv-7d --out "$work/issued" "$work/csr/c5.csr"
[ "$(tree_size)" -eq 10 ] || fail "the tree has $(tree_size) entries"

# Nothing is sent when a file would be lost.
mkdir "$work/here"
cp "$work/csr/c2.csr" "$work/here/w.pem"
cp "$work/csr/c3.csr" "$work/here/v.csr"
openssl genpkey -algorithm ed25519 -out "$work/here/v.pem"
cp -r "$work/here" "$work/before"
cd "$work/here"
fails "./w.pem is one of the CSRs" "$bin/mtc" issue --profile chrome-dv-7d --out . w.pem
fails "is one of the CSRs" "$bin/mtc" issue --profile chrome-dv-7d --out "$work/here" ../here/w.pem
fails "v.pem is there and is no PEM certificate" "$bin/mtc" issue --profile chrome-dv-7d --out . v.csr
fails "two CSRs would be written" "$bin/mtc" issue --profile chrome-dv-7d --out o w.pem ../csr/w.csr
fails "v.pem is there and is no PEM certificate" "$bin/mtc" certificate get --serial 1:0 --kind standalone --out v.pem
cat "$work/fetched.pem" v.pem >both.pem
fails "both.pem is there" "$bin/mtc" certificate get --serial 1:0 --kind standalone --out both.pem
rm both.pem
echo notes >notes.pem
fails "notes.pem is there" "$bin/mtc" certificate get --serial 1:0 --kind standalone --out notes.pem
: >notes.pem
"$bin/mtc" certificate get --serial 1:0 --kind standalone --out notes.pem || fail "an empty file"
rm notes.pem
rmdir o
diff -r "$work/before" "$work/here" || fail "a file changed"
[ "$(tree_size)" -eq 10 ] || fail "something was sent"
issue "$work/csr/c2.csr" >/dev/null || fail "a certificate is replaced"

# What is there and is no file stays what it is; a link leads to the file.
mkfifo fifo
fails "fifo: it exists and is not a regular file" "$bin/mtc" certificate get --serial 1:0 --kind standalone --out fifo
[ -p fifo ] || fail "the FIFO is gone"
ln -s ../fetched.pem link.pem
"$bin/mtc" certificate get --serial 1:1 --kind standalone --out link.pem
[ -L link.pem ] || fail "the link is gone"
cmp "$work/fetched.pem" <("$bin/mtc" certificate get --serial 1:1 --kind standalone) || fail "the link's target"

# A disk that is full under standard output is a failure too.
"$bin/mtc" landmark allocate >/dev/null
# shellcheck disable=SC2016  # expanded by the inner shell
fails "cannot write to standard output" sh -c '"$0"/mtc landmark subtrees >/dev/full' "$bin"
# shellcheck disable=SC2016
fails "cannot write to standard output" sh -c '"$0"/mtc landmark list >&-' "$bin"
stop "$daemon"
fsck_clean
