#!/usr/bin/env bash
# A key ceremony on each token, with each algorithm that it has: the transcript is verified, a CA is
# made of the ceremony's certificate, and the certificates that it issues (500; fewer in the presets for
# tests, which are slow) verify. The PIN shows up nowhere.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
documents=$(realpath "$(dirname "$0")/../../docs")
cd "$work"
make_softhsm "$work/softhsm" curves
make_nss "$work/nss"
make_csr www
count=500
[ "${MTC_FAULT_POINTS:-OFF}" = OFF ] || count=10
for ((i = 1; i < count; i++)); do cp "$work/csr/www.csr" "$work/csr/www$i.csr"; done
quiet() { "$@" >>"$work/story.log" 2>&1 || fail "$*"; }

# to_ca NAME ALGORITHM: after the ceremony of that name.
to_ca() {
  local name=$1 uri
  uri=$(sed -n 's/^uri //p' "$work/$name.out")
  quiet "$bin/mtc" key transcript verify --public-key "$name.pub" --ca-cert "$name.pem" "$name.transcript"
  openssl req -in "$name.csr" -noout -verify 2>&1 | grep -F "OK" >/dev/null || fail "$name: the request"
  cmp <(openssl req -in "$name.csr" -noout -pubkey) "$name.pub" || fail "$name: the request's key"
  quiet openssl asn1parse -in "$name.pem"
  quiet with_token "$bin/mtc" ca init --dir "$work/ca" --certificate "$name.pem" --key "$uri" \
    --module "$module" "${args[@]}" --pin-source "$pin_source"
  cmp "$work/ca/ca_cert.pem" "$name.pem" || fail "$name: the CA has another certificate"
  export MTC_SOCKET=$work/ca/mtcd.sock
  start mtcd env LD_LIBRARY_PATH="$token_libraries" "$bin/mtcd" --config "$work/ca/mtc.yaml"
  issue "$work"/csr/*.csr >"$work/issued.json"
  all_issued "$work/issued.json" "$count"
  verify "$work"/issued/*.pem || fail "$name: a certificate of it"
  stop "$started"
  fsck_clean
  rm -r "$work/ca" "$work/issued"
}

# ceremony NAME ALGORITHM [SED-EXPRESSION...]
ceremony() {
  local name=$1 algorithm=$2; shift 2
  write_ceremony "$name" "$algorithm" "$token" "$module" "$pin_source" "$@"
  if [ -n "${args[*]}" ]; then
    awk -v args="${args[1]}" '{print} /^  module:/ {gsub("\x27", "\x27\x27", args); print "  module_args: \x27" args "\x27"}' \
      "$name.yaml" >"$name.tmp" && mv "$name.tmp" "$name.yaml"
  fi
  quiet with_token "$bin/mtc" key ceremony --dry-run "$name.yaml"
  [ ! -e "$name.transcript" ] || fail "a dry run leaves a transcript"
  with_token "$bin/mtc" key ceremony "$name.yaml" >"$name.out"
  to_ca "$name"
}

token=curves module=$softhsm_module pin_source=file:$work/softhsm/pin args=()
for algorithm in ecdsa-p256 ecdsa-p384 ed25519; do ceremony "soft $algorithm" $algorithm; done
token=mtc-ca module=$MODULE pin_source=$PIN_SOURCE args=(--module-args "$MODULE_ARGS")
# NSS says of no key that it was made on the token, and the file says that this is accepted.
# Unsigned certificates have one issuer and one serial number all, and NSS holds one of each only.
accept='s/^key:/key:\n  accept: [not_local]/'
ceremony "nss ml-dsa-44" ml-dsa-44 "$accept"
for algorithm in ml-dsa-65 ml-dsa-87 ecdsa-p256 ecdsa-p384; do
  ceremony "nss $algorithm" $algorithm "$accept" '/store_certificate/d'
done

# A certificate is for its own key, ID and log numbers.
uri="pkcs11:token=curves;object=soft%20ecdsa-p256"
init() { "$bin/mtc" ca init --dir other --module "$softhsm_module" --pin-source "file:$work/softhsm/pin" "$@"; }
fails "" init --certificate "soft ecdsa-p384.pem" --key "$uri"
fails "not for --id 32473.2" init --certificate "soft ecdsa-p256.pem" --key "$uri" --id 32473.2
fails "leave no log 9" init --certificate "soft ecdsa-p256.pem" --key "$uri" --log-number 9
exits 2 "--certificate says it already" init --certificate "soft ecdsa-p256.pem" --key "$uri" --algorithm ed25519
[ ! -e other ] || fail "a CA of another key"

# All three wire versions, and what goes into the certificate.
for version in plants-05 plants-06 plants-07; do
  write_ceremony "$version" ecdsa-p256 curves "$softhsm_module" "file:$work/softhsm/pin" \
    "s/plants-07/$version/" 's/^ca:/ca:\n  crl_sign: true\n  not_before: 2026-01-01T00:00:00Z\n  validity_days: 100/'
  quiet "$bin/mtc" key ceremony "$version.yaml"
  "$bin/mtc" inspect "$version.pem" | grep "$version" >/dev/null || fail "$version"
  openssl x509 -in "$version.pem" -noout -dates | grep -F "notAfter=Apr 10 23:59:59 2026" >/dev/null ||
    fail "$version: $(openssl x509 -in "$version.pem" -noout -dates)"
  openssl x509 -in "$version.pem" -noout -ext keyUsage | grep -F "CRL Sign" >/dev/null || fail "crl_sign"
done

# Another key of the same algorithm is not the certificate's either.
fails "is another key than the configured public key" init --certificate plants-07.pem --key "$uri"
[ ! -e other ] || fail "a CA whose certificate is another key's"

# The example of docs/hsm.md, on this token.
sed -n '/^# ceremony.yaml/,/^```$/p' "$documents/hsm.md" | sed "\$d; s/token=mtc-ca;serial=[0-9a-f]*/token=curves/
  s|file:/run/ceremony/pin|file:$work/softhsm/pin|" >example.yaml
grep -F "$work/softhsm/pin" example.yaml >/dev/null || fail "the example of docs/hsm.md is not what it was"
quiet "$bin/mtc" key ceremony example.yaml
quiet "$bin/mtc" key transcript verify --ca-cert example-ca-2026.pem example-ca-2026.transcript

# The PIN is in its files alone.
rm -r softhsm nss nss.sh
if grep -rF $pin .; then fail "the PIN is there"; fi
