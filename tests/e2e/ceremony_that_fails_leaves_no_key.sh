#!/usr/bin/env bash
# Whatever goes wrong in a ceremony, the token holds no key of it afterwards, no file of it is left but
# its transcript, and that is closed as failed and says why. What cannot be taken away is named.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
make_softhsm "$work/softhsm" curves
shim=$work/shim
module=$(shim_around "$shim" "$softhsm_module")
list() { "$bin/mtc" key list --uri pkcs11:token=curves --module "$softhsm_module" --pin-source "file:$work/softhsm/pin"; }
# ceremony [SED-EXPRESSION...]: with a token of which is wrong what shim_faults said last.
ceremony() { write_ceremony try ecdsa-p256 curves "$module" "file:$work/softhsm/pin" "$@"; "$bin/mtc" key ceremony try.yaml; }

# fault FAULT STEP TEXT: the ceremony fails in STEP, saying TEXT, and leaves nothing.
fault() {
  shim_faults "$shim" "$1"
  fails "$3" ceremony
  shim_faults "$shim"
  [ -z "$(list)" ] || fail "$1: a key is left: $(list)"
  [ ! -e try.pub ] && [ ! -e try.pem ] && [ ! -e try.csr ] || fail "$1: files are left"
  fails "FAILED ceremony, intact transcript" "$bin/mtc" key transcript verify try.transcript
  [ "$(tail -n 1 try.transcript | jq -r '.event + " " + .step')" = "failed $2" ] || fail "$1: $(tail -n 1 try.transcript)"
  [ "$(tail -n 1 try.transcript | jq '.left | length')" -eq 0 ] || fail "$1: the transcript says that something is left"
  grep -F "$3" try.transcript >/dev/null || fail "$1: the transcript does not say why"
  mv try.transcript "failed$((++num)).transcript"
}

num=0
fault "C_GenerateKeyPair return CKR_DEVICE_ERROR" "making the key" "no key was made"
fault "token says CKA_EXTRACTABLE=true" "judging the key" "CKA_EXTRACTABLE is true"
fault "token says CKA_SENSITIVE=false" "judging the key" "CKA_SENSITIVE is false"
fault "token says CKA_LOCAL=false" "judging the key" "CKA_LOCAL is false"
fault "C_Sign return CKR_DEVICE_ERROR" "testing the key" "the new key was destroyed"
fault "C_Sign flip" "testing the key" "the test signature does not verify"
fault "C_CreateObject return CKR_DEVICE_MEMORY" "storing the certificate" "the new key was destroyed"
fault "C_GenerateKeyPair terminate" "making the key" "interrupted by signal 15"

# A token that takes the certificate and gives another back; the public key's value is not read so.
fault "token says CKA_VALUE=changed" "storing the certificate" "the token holds another certificate"

# The last file cannot be written: those before it go again.
long=$(printf 'x%.0s' $(seq 300))
write_ceremony try ecdsa-p256 curves "$module" "file:$work/softhsm/pin" "s/csr: .*/csr: $long/"
fails "File name too long" "$bin/mtc" key ceremony try.yaml
[ ! -e try.pub ] && [ ! -e try.pem ] && [ -z "$(list)" ] || fail "a file or the key is left"
mv try.transcript nowhere.transcript

# A disk that fills up, at any moment: a transcript that says so or just ends, and no key.
for kib in 1 2 3 4 5 6 7 8 9; do
  write_ceremony try ecdsa-p256 curves "$module" "file:$work/softhsm/pin"
  (ulimit -f $kib && "$bin/mtc" key ceremony try.yaml) >full.out 2>&1 && fail "$kib KiB were enough: $(stat -c %s try.transcript)"
  [ -z "$(list)" ] || fail "$kib KiB: a key is left: $(list) $(cat full.out)"
  "$bin/mtc" key transcript verify try.transcript && fail "$kib KiB: finished"
  rm -f try.transcript try.p* try.csr
done >/dev/null

# Where even that fails, what is left is named.
shim_faults "$shim" "C_Sign return CKR_DEVICE_ERROR" "C_DestroyObject return CKR_DEVICE_ERROR"
fails "LEFT BEHIND" ceremony
shim_faults "$shim"
grep -F '"left":["private key on the token' try.transcript >/dev/null || fail "$(tail -n 1 try.transcript)"
[[ $(list) == *'"try"'* ]] || fail "what was named is not there"
rm try.transcript
fails "holds an object with that label already" ceremony
rm try.transcript
remove() {
  digest=$("$bin/mtc" key list --json --uri pkcs11:token=curves --module "$softhsm_module" --pin-source "file:$work/softhsm/pin" | jq -r .public_key_sha256)
  "$bin/mtc" key delete --uri "pkcs11:token=curves;object=try" --module "$softhsm_module" \
    --pin-source "file:$work/softhsm/pin" --yes-delete try --public-key-digest "$digest" >/dev/null
}
remove
# The token is away from when its key is made.
shim_faults "$shim" "C_GetAttributeValue return CKR_DEVICE_REMOVED" "C_OpenSession return CKR_DEVICE_REMOVED @3-"
fails "LEFT BEHIND" ceremony
shim_faults "$shim"
[[ $(tail -n 1 try.transcript | jq -r '.left[0]') == "perhaps the key: the token does not answer"* ]] || fail "$(tail -n 1 try.transcript)"
[[ $(list) == *'"try"'* ]] || fail "what was named is not there"
remove
rm try.transcript

# What the file accepts is accepted, and nothing else.
shim_faults "$shim" "token says CKA_LOCAL=false"
ceremony 's/^key:/key:\n  accept: [not_local]/' >/dev/null || fail "accept"
shim_faults "$shim" "token says CKA_EXTRACTABLE=true"
fails "CKA_EXTRACTABLE is true" ceremony 's/^key:/key:\n  accept: [not_local, not_always_sensitive, not_never_extractable]/' \
  's/label: .*/label: other/' 's/: try\./: other./'

# A wrong PIN costs exactly one attempt, and no key is asked for.
rm -f ./*.transcript ./*.p*
echo 111111 >softhsm/pin
shim_faults "$shim"
: >"$shim/calls"
fails "The password or PIN is incorrect" ceremony 's/label: .*/label: pin/' 's/: try\./: pin./'
[ "$(shim_calls "$shim" C_Login)" -eq 1 ] || fail "$(shim_calls "$shim" C_Login) attempts"
grep -F 111111 ./pin.transcript && fail "the transcript holds the PIN"
fails "no key was made" "$bin/mtc" key transcript verify pin.transcript

# A token with one attempt left is not tried. One with a keypad is given no PIN.
: >"$shim/calls"
shim_faults "$shim" "token set CKF_USER_PIN_FINAL_TRY"
fails "one PIN attempt is left" "$bin/mtc" key list --uri pkcs11:token=curves --module "$module" \
  --pin-source "file:$work/softhsm/pin"
[ "$(shim_calls "$shim" C_Login)" -eq 0 ] || fail "it was tried"
shim_faults "$shim" "token protected-path $pin"
"$bin/mtc" key list --uri pkcs11:token=curves --module "$module" </dev/null >keypad.out
[ "$(wc -l <keypad.out)" -eq 1 ] || fail "the keypad: $(cat keypad.out)"
write_ceremony keypad ecdsa-p256 curves "$module" "file:$work/softhsm/pin" '/pin_source/d'
"$bin/mtc" key ceremony keypad.yaml </dev/null >/dev/null
shim_faults "$shim"
grep -F "on the token's keypad" keypad.transcript >/dev/null || fail "the transcript does not tell of the keypad"

# Killed in the middle: the transcript says which key may be there.
[ "$MTC_FAULT_POINTS" = ON ] || exit 0
echo $pin >softhsm/pin
MTC_FAULT="testing the key" ceremony 's/label: .*/label: dead/' 's/: try\./: dead./' >/dev/null 2>&1 && fail "not killed"
fails 'the token may hold a key "dead"' "$bin/mtc" key transcript verify dead.transcript
[[ $(list) == *'"dead"'* ]] || fail "the key is not there"
