#!/usr/bin/env bash
# An HSM's key by its URI alone: module-path in it serves mtc key generate, mtc ca init and mtcd. A
# key of another type is called what it is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
scripts=$(dirname "$0")/../../scripts
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
"$scripts/make-token.sh" "$work/token" 123456 >"$work/token.sh"
# shellcheck source=/dev/null
. "$work/token.sh"
# The token's libraries lie beside its module: only what loads it gets this path.
libraries=$LD_LIBRARY_PATH
unset LD_LIBRARY_PATH
with_token() { env LD_LIBRARY_PATH="$libraries" "$@"; }
key="$KEY_URI?pin-source=$PIN_SOURCE"
uri="$key&module-path=$MODULE"
fails "give the path with --module (in mtc.yaml signer.module), or ?module-path=/PATH" \
  "$bin/mtc" key generate --uri "$key"
with_token "$bin/mtc" key generate --uri "$uri" --algorithm ml-dsa-44 --module-args "$MODULE_ARGS" \
  --out "$work/public.pem" 2>/dev/null
fails "pin-value would write the PIN into mtc.yaml" with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 \
  --key "$KEY_URI?module-path=$MODULE&pin-value=123456" --module-args "$MODULE_ARGS"
[ ! -e "$work/ca" ] || fail "a folder with a PIN"
fails "the key on the token is of type ML-DSA" with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 \
  --key "$uri" --module-args "$MODULE_ARGS" --algorithm ecdsa-p256
# --module comes first where both are given.
fails "no-such-module" with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$uri" \
  --module /no-such-module.so
with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$uri" --module-args "$MODULE_ARGS" >/dev/null
export MTC_SOCKET=$work/ca/mtcd.sock
start mtcd env LD_LIBRARY_PATH="$libraries" "$bin/mtcd" --config "$work/ca/mtc.yaml"
make_csr www
issue "$work/csr/www.csr" >/dev/null
verify "$work/issued/www.pem" || fail "the certificate"
stop "$started"

# A P-256 key, and nobody said so.
softhsm=/usr/lib/softhsm/libsofthsm2.so
mkdir "$work/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$work/softhsm.conf"
export SOFTHSM2_CONF=$work/softhsm.conf
softhsm2-util --init-token --free --label curves --pin 1234 --so-pin 5678 >/dev/null
(umask 077 && echo 1234 >"$work/pin")
uri="pkcs11:token=curves;object=ca?module-path=$softhsm&pin-source=file:$work/pin"
"$bin/mtc" key generate --uri "$uri" --algorithm ecdsa-p256 --out "$work/p256.pem"
fails "(for ml-dsa-44: --algorithm names another): the key on the token is of type EC" \
  "$bin/mtc" ca init --dir "$work/curve" --id 32473.2 --key "$uri"
"$bin/mtc" ca init --dir "$work/curve" --id 32473.2 --key "$uri" --algorithm ecdsa-p256 >/dev/null ||
  fail "--algorithm"
