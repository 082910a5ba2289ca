#!/usr/bin/env bash
# The CA key is on a token: mtcd signs the log with it, and openssl, by pkcs11-provider, the CRL; both
# providers live in one openssl, in both orders of ours. (SoftHSM uses libcrypto itself, which is why the
# default provider stands before it, and why it is loaded early and never finished.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
[ -e "$OPENSSL_MODULES/pkcs11.so" ] || { echo "skipped: no pkcs11-provider here"; exit 77; }
[ -z "$sanitizer" ] || { echo "skipped: pkcs11-provider loads modules in a way that sanitizers refuse"; exit 77; }
make_softhsm "$work/token" ca
cd "$work"
key=(--module "$softhsm_module" --pin-source "file:$work/token/pin")
"$bin/mtc" key generate --uri 'pkcs11:token=ca;object=mtc-ca' --algorithm ecdsa-p256 "${key[@]}" >/dev/null 2>&1
"$bin/mtc" ca init --dir ca --id 32473.1 --key 'pkcs11:token=ca;object=mtc-ca' --algorithm ecdsa-p256 --crl-sign \
  "${key[@]}" >/dev/null 2>&1
export MTC_SOCKET=$work/ca/mtcd.sock
start_daemon
make_csr www
for order in default,mtc mtc,default; do
  provider_config cnf "$order" "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
  sed -i 's/^\[algorithms\]$/pkcs11 = provider_pkcs11\n&/' cnf
  mkdir -p db
  cat >>cnf <<EOF
[provider_pkcs11]
activate = 1
pkcs11-module-load-behavior = early
pkcs11-module-quirks = no-deinit
pkcs11-module-path = $softhsm_module
pkcs11-module-token-pin = file:$work/token/pin
EOF
  ca_config cnf db
  "$bin/mtc" reserve --count 1 --serial-file db/serial >/dev/null
  with cnf openssl ca -batch -notext -in csr/www.csr -out www.pem 2>ca.log || fail "$order: $(cat ca.log)"
  with cnf openssl ca -gencrl -crldays 3 -keyfile 'pkcs11:token=ca;object=mtc-ca;type=private' -out crl.pem 2>ca.log ||
    fail "$order: the CRL: $(cat ca.log)"
  with cnf ossl_verify -crl_check -CRLfile crl.pem www.pem >/dev/null || fail "$order: verification"
  verify www.pem
done
stop "$daemon"
