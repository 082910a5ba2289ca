#!/usr/bin/env bash
# mtc key generate writes over nothing, and a key whose public half cannot be kept is shown.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
generate() { "$bin/mtc" key generate --algorithm ed25519 "$@"; }
public_half() { openssl pkey -in "$1" -pubout; }
fails "name the same file" generate --uri key --out key
fails "name the same file" generate --uri key --out "$work/./key"
[ ! -e key ] || fail "a key was made"
echo precious >there
fails "there exists" generate --uri key --out there
ln -s nowhere link
fails "link exists" generate --uri key --out link
fails "cannot create no/folder" generate --uri key --out no/folder
[ "$(cat there)" = precious ] && [ ! -e key ] && [ ! -e nowhere ] || fail "something was written"
generate --uri key --out public 2>/dev/null
cmp public <(public_half key) || fail "the public key"
fails "never overwritten" generate --uri key --out other
[ ! -e other ] || fail "a public key of no key is left"

# The path of --out leaves no room for that of a temporary file: the write fails when the key is there.
deep=$work/deep
while [ ${#deep} -lt 3890 ]; do deep=$deep/$(printf 'd%.0s' $(seq 200)); done
mkdir -p "$deep"
deep=$deep/$(printf 'e%.0s' $(seq $((4091 - ${#deep}))))
mkdir "$deep"
rc=0
generate --uri second --out "$deep/p" >shown 2>said || rc=$?
[ "$rc" -eq 1 ] || fail "exit code $rc"
grep -q "the key is made, and its public key on standard output" said || fail "$(cat said)"
cmp shown <(public_half second) || fail "the public key is not shown"
[ ! -e "$deep/p" ] || fail "an empty file is left"
