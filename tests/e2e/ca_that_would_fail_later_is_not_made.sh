#!/usr/bin/env bash
# mtc ca init refuses what mtcd or the log's readers would refuse later, and takes away only what it
# made itself.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
"$bin/mtc" key generate --uri ca.key --out ca.pub 2>/dev/null
"$bin/mtc" key generate --uri p256.key --algorithm ecdsa-p256 --out p256.pub 2>/dev/null
init() { "$bin/mtc" ca init --dir ca --id 32473.1 --key ca.key "$@"; }
refuses() { fails "$@"; [ ! -e ca ] || fail "a folder is left: $*"; }

# Files of another CA, or of something else.
for name in mtc.yaml log.db log.db-wal ca_cert.pem public; do
  mkdir ca
  echo mine >"ca/$name"
  fails "ca/$name is there" init
  [ "$(ls -A ca)" = "$name" ] && [ "$(cat "ca/$name")" = mine ] || fail "$name is not as it was"
  rm -r ca
done
mkdir ca
echo mine >ca/notes
fails "--key" init --key p256.key
[ "$(ls -A ca)" = notes ] || fail "what was not made by it is gone, or something is left"
rm -r ca

# Names of keys, modules, folders that mtc.yaml could not hold.
for name in $'del\x7f' $'\xff' $'next\xc2\x85line' $'tab\t'; do
  cp ca.key "$name"
  refuses "which mtc.yaml cannot hold" init --key "$name"
  refuses "--card" init --card "$work/$name"
done
cp ca.key "it's ä key"
init --key "it's ä key" >/dev/null 2>&1
"$bin/mtc" log fsck --dir ca >/dev/null || fail "quotes and UTF-8 in mtc.yaml"
rm -r ca

# URLs.
refuses "does not begin with http" init --prefix-url ''
refuses "does not begin with http" init --prefix-url javascript:alert
refuses "names no host" init --prefix-url https://
refuses "names no host" init --prefix-url http:///path
refuses "longer than 1024" init --prefix-url "https://$(printf 'a%.0s' $(seq 1020))"
refuses "ends in a slash" init --prefix-url https://log.example/
refuses "query or fragment" init --prefix-url 'https://log.example/?a'
refuses "query or fragment" init --prefix-url 'https://log.example/#a'
refuses "printable ASCII" init --prefix-url 'https://log.example/a b'
refuses "requires an ML-DSA-44 key" init --key p256.key --algorithm ecdsa-p256 --prefix-url https://log.example

# The wrong algorithm, the wrong kind of key.
refuses "--algorithm names another" init --key p256.key
refuses "there is no file no.key" init --key no.key
refuses "looks like a PKCS#11 URI" init --key 'pkcs11;token=t'
refuses "needs its module" init --key 'pkcs11:token=t;object=o'
refuses "pin-source=file:" init --module /m.so --key 'pkcs11:token=t;object=o?pin-value=1234'

# IDs: {ca 1 log landmark} is 32 bytes at most, with 5 for the landmark and 1 to 3 for the log.
id() { printf 32473; for _ in $(seq "$1"); do printf .1; done; } # 3 bytes and $1
limit() { # limit BYTES OPTION...: that many are allowed, and not one more
  local bytes=$1; shift
  refuses "at most $bytes are allowed" init --id "$(id $((bytes - 2)))" "$@"
  init --id "$(id $((bytes - 3)))" "$@" >/dev/null 2>&1 || fail "an ID of $bytes bytes: $*"
  rm -r ca
}
limit 25
limit 25 --wire-version plants-05
limit 25 --log-number 123
limit 24 --log-number 124
limit 23 --log-number 16380
limit 23 --log-number 65535
