#!/usr/bin/env bash
# What is on a token: listed, shown, tested; and deleted only by somebody who means it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
make_softhsm "$work/softhsm" curves
soft=(--module "$softhsm_module" --pin-source "file:$work/softhsm/pin")
key() { "$bin/mtc" key "$@" "${soft[@]}"; }
tool() { pkcs11-tool --module "$softhsm_module" --token-label curves --login --pin $pin "$@"; }
uri=pkcs11:token=curves
[ -z "$(key list --uri $uri)" ] || fail "an empty token holds something"
for algorithm in ecdsa-p256 ecdsa-p384 ed25519; do
  write_ceremony "$algorithm" $algorithm curves "$softhsm_module" "file:$work/softhsm/pin"
  "$bin/mtc" key ceremony "$algorithm.yaml" >/dev/null
done
key generate --uri "$uri;object=plain" --algorithm ecdsa-p256 --out plain.pub 2>/dev/null
tool --keypairgen --key-type rsa:2048 \
  --label $'an "rsa"\e[31m' --id 99 >/dev/null 2>&1 || fail "pkcs11-tool"

# list: a line each, nothing that drives a terminal, the digests of openssl.
key list --uri $uri >list
[ "$(wc -l <list)" -eq 5 ] || fail "$(cat list)"
grep -P '\e' list && fail "a label drives the terminal"
grep -F '"an \"rsa\"\u001B[31m"  id 99  RSA other  key pair  sha256 -' list >/dev/null || fail "the RSA key: $(cat list)"
for name in ecdsa-p256 ecdsa-p384 ed25519 plain; do
  digest=$(openssl pkey -pubin -in $name.pub -outform DER | sha256sum | cut -d' ' -f1)
  line=$(grep -F "\"$name\"" list)
  [[ $line == *" sha256 $digest"* ]] || fail "$name: $line"
  if [ $name = plain ]; then [[ $line != *certificate ]]; else [[ $line == *certificate ]]; fi || fail "$line"
done
[ "$(key list --json --uri $uri | jq -s 'map(select(.certificate)) | length')" -eq 3 ] || fail "list --json"
[ "$(key list --uri "$uri;object=plain" | wc -l)" -eq 1 ] || fail "one of them"

# show: what the token says.
key show --uri "$uri;object=ed25519" >show
grep -E '^  CKA_EXTRACTABLE +false$' show >/dev/null && grep -E '^  CKA_VERIFY +true$' show >/dev/null || fail "$(cat show)"
fails 'no private key is named so on token "curves"' key show --uri "$uri;object=none"
fails "which key?" key show --uri $uri
fails "which key?" key test --uri $uri
# A label of two keys names neither.
tool --keypairgen --key-type EC:prime256v1 --label plain --id 88 >/dev/null 2>&1 || fail "pkcs11-tool"
for command in show test delete; do fails "more than one private key" key $command --uri "$uri;object=plain"; done
key show --uri "$uri;object=plain;id=%88" >/dev/null || fail "label and id"
digest=$(key list --json --uri "$uri;id=%88" | jq -r .public_key_sha256)
key delete --uri "$uri;object=plain;id=%88" --yes-delete plain --public-key-digest "$digest" >/dev/null

# test: every signature counts.
[[ $(key test --uri "$uri;object=ecdsa-p384" --count 25) == "25 signatures with ecdsa_p384_sha384, all verified by libcrypto"* ]] || fail "test"
key test --json --uri "$uri;object=ed25519" --count 3 | jq -e '.min_ms <= .p50_ms and .p50_ms <= .p99_ms and .p99_ms <= .max_ms' >/dev/null ||
  fail "test --json"
fails "no public key for it that libcrypto could verify under" key test --uri "$uri;id=%99"
soft=(--module "$(shim_around "$work/shim" "$softhsm_module")" --pin-source "file:$work/softhsm/pin")
shim_faults "$work/shim" "C_Sign flip"
fails "signature 1: the signature does not verify" key test --uri "$uri;object=plain"
shim_faults "$work/shim"
exits 2 "--count" key test --uri "$uri;object=plain" --count 0

# delete: not in a pipe, not by half, not by another's digest.
soft=(--module "$softhsm_module" --pin-source "file:$work/softhsm/pin")
digest=$(key list --json --uri "$uri;object=ecdsa-p256" | jq -r .public_key_sha256)
other=$(key list --json --uri "$uri;object=ecdsa-p384" | jq -r .public_key_sha256)
delete() { key delete --uri "$uri;object=ecdsa-p256" "$@"; }
printf 'ecdsa-p256\necdsa-p256\n' >answers
fails "there is no terminal" delete <answers
exits 2 "go together" delete --yes-delete ecdsa-p256
exits 2 "go together" delete --public-key-digest "$digest"
fails "is not the key's label" delete --yes-delete ecdsa-p384 --public-key-digest "$digest"
fails "is not that of the key" delete --yes-delete ecdsa-p256 --public-key-digest "$other"
fails "is not that of the key" delete --yes-delete ecdsa-p256 --public-key-digest ''
fails "gives no public key" key delete --uri "$uri;id=%99" --yes-delete $'an "rsa"\e[31m' --public-key-digest "$digest"
fails "which key?" key delete --uri $uri --yes-delete x --public-key-digest "$digest"
[ "$(key list --uri $uri | wc -l)" -eq 5 ] || fail "something is deleted"
openssl x509 -in ecdsa-p384.pem -outform DER -out second.der
tool --type cert --label second --id "$(key list --json --uri "$uri;object=ecdsa-p256" | jq -r .id)" \
  --write-object second.der >/dev/null 2>&1 || fail "pkcs11-tool"
fails "several objects" delete --yes-delete ecdsa-p256 --public-key-digest "$digest"
tool --delete-object --type cert --label second >/dev/null 2>&1
[ "$(delete --yes-delete ecdsa-p256 --public-key-digest "$digest")" = $'private key: deleted\npublic key: deleted\ncertificate: deleted' ] ||
  fail "delete"
[ "$(key list --uri $uri | wc -l)" -eq 4 ] || fail "more than one is deleted"
tool --list-objects 2>/dev/null |
  grep -F ecdsa-p256 && fail "something of it is left"

# On a terminal: the label, twice.
typed() { # typed FIRST SECOND: what delete says on a terminal on which these are typed
  python3 "$scripts/../tests/support/terminal.py" "its label: " "$1" "label again: " "$2" -- \
    "$bin/mtc" key delete --uri "$uri;object=ecdsa-p384" "${soft[@]}" || true
}
[[ $(typed ecdsa-p384 no) == *"nothing is deleted"* ]] || fail "one answer is enough"
[ "$(key list --uri $uri | wc -l)" -eq 4 ] || fail "one answer is enough"
[[ $(typed ecdsa-p384 ecdsa-p384) == *"private key: deleted"* ]] || fail "two answers are not enough"
[ "$(key list --uri $uri | wc -l)" -eq 3 ] || fail "it is not deleted"

# The PIN is said nowhere.
rm -r softhsm
if grep -rF $pin .; then fail "the PIN is there"; fi
