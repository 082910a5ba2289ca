#!/usr/bin/env bash
# A ceremony that must not be is refused before the token makes anything: a file that is wrong, by file
# and line; a label or an id that is there on any object; overrides that weaken the key. A dry run
# changes nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
make_softhsm "$work/softhsm" curves
where=(curves "$softhsm_module" "file:$work/softhsm/pin")
ceremony() { local name=$1; shift; write_ceremony "$name" ecdsa-p256 "${where[@]}" "$@"; "$bin/mtc" key ceremony "$name.yaml"; }
list() { "$bin/mtc" key list --uri pkcs11:token=curves --module "$softhsm_module" --pin-source "file:$work/softhsm/pin"; }

# wrong LINE TEXT SED-EXPRESSION...: refused with file and line, and nothing is made.
wrong() {
  local line=$1 text=$2; shift 2
  fails "bad.yaml:$line: " ceremony bad "$@"
  fails "$text" ceremony bad "$@"
  [ ! -e bad.transcript ] || fail "a transcript of a file that is wrong: $text"
}
wrong 7 "Unexpected key" 's/^  label: .*/&\n  lable: x/'
wrong 7 "none of ml-dsa-44" 's/algorithm: .*/algorithm: rsa/'
wrong 6 "control character U+000A" 's/label: .*/label: "a\\nb"/'
wrong 6 "control character U+001B" 's/label: .*/label: "a\\e[31m"/'
wrong 6 "longer than 255" "s/label: .*/label: $(printf 'a%.0s' $(seq 256))/"
wrong 7 "1 to 64 bytes in hexadecimal" 's/^  algorithm: .*/  id: 0g\n&/'
wrong 7 "1 to 64 bytes in hexadecimal" "s/^  algorithm: .*/  id: $(printf 'aa%.0s' $(seq 65))\n&/"
wrong 2 "pin-value would put the PIN into the transcript" 's/token=curves/token=curves?pin-value=1234/'
wrong 2 "slots move" 's/token=curves/slot-id=1/'
wrong 2 "it names an object" 's/token=curves/token=curves;object=x/'
wrong 3 "absolute path" 's/module: .*/module: libsofthsm2.so/'
wrong 9 "leading zero" 's/id: 32473.1/id: 32473.01/'
wrong 10 "none of plants-05" 's/plants-07/plants-08/'
wrong 11 "requires an ML-DSA-44 key" 's/^output:/  prefix_url: https:\/\/log.example\noutput:/'
wrong 11 "1 to 36525" 's/^output:/  validity_days: 36526\noutput:/'
wrong 11 "1 to 36525" 's/^output:/  validity_days: -1\noutput:/'
wrong 11 "YYYY-MM-DD" 's/^output:/  not_before: yesterday\noutput:/'
wrong 13 "named twice" 's/bad.pub/bad.transcript/'
touch mine.pub
wrong 13 "mine.pub exists; it is never overwritten" 's/bad.pub/mine.pub/'
ln -s nowhere link.pem
wrong 14 "link.pem exists; it is never overwritten" 's/bad.pem/link.pem/'
wrong 15 "cannot write into nowhere" 's/csr: .*/csr: nowhere\/bad.csr/'
wrong 17 "" '/^  - /d'
fails "control character" ceremony bad 's/Björn Example/"B\\eX"/'
fails "UTF-8" ceremony bad $'s/Björn/\xff/'
fails "larger than 65536" ceremony bad "\$a# $(head -c 70000 /dev/zero | tr '\0' x)"
exits 2 "exactly one FILE" "$bin/mtc" key ceremony

# Overrides: by name and by number, never weaker.
private() { printf 's/^ca:/  attributes:\\n    private: [%s]\\nca:/' "$1"; }
for override in CKA_EXTRACTABLE=true CKA_EXTRACTABLE=omit CKA_SENSITIVE=false CKA_SENSITIVE=omit CKA_PRIVATE=false \
  CKA_SIGN=false 0x162=true 354=true 0x103=false CKA_EXTRACTABLE=0x1 CKA_EXTRACTABLE=hex:01 CKA_DECRYPT=true \
  CKA_UNWRAP=true CKA_DERIVE=true CKA_TOKEN=false CKA_ID=hex:00 CKA_LABEL=text:x CKA_VALUE=hex:00 CKA_ALWAYS_SENSITIVE=true; do
  wrong 9 "" "$(private "$override")"
done
wrong 9 "is not NAME=VALUE" "$(private CKA_SIGN)"
wrong 9 "no attribute known here" "$(private CKA_NONSENSE=true)"
wrong 9 "the value is none of" "$(private CKA_MODIFIABLE=maybe)"
wrong 9 "no number" 's/^ca:/  mechanisms:\n    sign: CKM_ECDSA\nca:/'
fails "the token does not offer the mechanism" ceremony numbers 's/^ca:/  mechanisms: {generate: 0x80000001}\nca:/'
[ -z "$(list)" ] || fail "a key was made: $(list)"

# A dry run looks at everything and changes nothing.
# SoftHSM itself rewrites token.object at each login.
objects() { find softhsm -type f ! -name token.object ! -name generation -exec sha256sum {} + | sort; }
objects >before
write_ceremony dry ecdsa-p256 "${where[@]}"
"$bin/mtc" key ceremony --dry-run dry.yaml >dry.out
grep -F '"CKA_EXTRACTABLE": false' dry.out >/dev/null || fail "the dry run does not show the template"
objects | cmp - before || fail "the dry run changed the token"
[ ! -e dry.transcript ] && [ ! -e dry.pub ] && [ -z "$(list)" ] || fail "the dry run made something"
sed 's/token=curves/token=elsewhere/' dry.yaml >elsewhere.yaml
fails 'no token "elsewhere"' "$bin/mtc" key ceremony --dry-run elsewhere.yaml

# What is left to the token is judged by what it made of it.
fails "CKA_UNWRAP is true" ceremony omits "$(private CKA_UNWRAP=omit)"
# Overrides that are allowed reach the token.
ceremony ca "$(private "CKA_MODIFIABLE=false, CKA_SIGN_RECOVER=false")" 's/^ca:/  id: 0a0b\nca:/' >/dev/null
"$bin/mtc" key show --json --uri "pkcs11:token=curves;object=ca" --module "$softhsm_module" \
  --pin-source "file:$work/softhsm/pin" >ca.json
[ "$(jq -c '.private_key_attributes | [.CKA_MODIFIABLE, .CKA_SIGN_RECOVER, .CKA_EXTRACTABLE, .CKA_ID]' ca.json)" = \
  '[false,false,false,"0a0b"]' ] || fail "$(cat ca.json)"

# So do a vendor's numbers, here the standard's own.
ceremony numbered 's/^ca:/  mechanisms: {generate: 0x1040, sign: 4161, key_type: 0x3}\nca:/' >/dev/null || fail "numbers"
fails "testing the key" ceremony edwards 's/^ca:/  mechanisms: {sign: 0x1057}\nca:/'

# Existing label, existing id; on a certificate, too.
fails "holds an object with that label already" ceremony again 's/label: .*/label: ca/'
fails "holds an object with that id already" ceremony twin 's/^ca:/  id: 0a0b\nca:/'
rm twin.transcript
fails "holds an object with that id already" "$bin/mtc" key ceremony --dry-run twin.yaml
openssl x509 -in ca.pem -outform DER -out ca.der
pkcs11-tool --module "$softhsm_module" --token-label curves --login --pin $pin --type cert --label lonely --id 77 \
  --write-object ca.der >/dev/null 2>&1 || fail "pkcs11-tool"
fails "holds an object with that label already" ceremony lonely
[ "$(list | wc -l)" -eq 2 ] || fail "$(list)"

# Keys that want the PIN at each signature are tested, too.
ceremony each "$(private CKA_ALWAYS_AUTHENTICATE=true)" >/dev/null || fail "CKA_ALWAYS_AUTHENTICATE"
"$bin/mtc" key transcript verify --ca-cert each.pem each.transcript >/dev/null || fail "its transcript"

# Credentials of systemd; no PIN, no terminal.
mkdir -m 700 credentials
(umask 077 && echo $pin >credentials/mtc-pin)
CREDENTIALS_DIRECTORY=$work/credentials ceremony credential '/pin_source/d' >/dev/null || fail "the credential"
fails "wants a PIN" ceremony none '/pin_source/d' </dev/null
chmod 644 softhsm/pin
fails "others can read it" ceremony open
fails "no key was made" "$bin/mtc" key transcript verify open.transcript
