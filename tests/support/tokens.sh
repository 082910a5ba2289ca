# shellcheck shell=bash disable=SC2034,SC2154  # lib.sh of the stories reads this, and has $bin and $work
# Tokens for the stories: real ones, with or without the shim in front of them.
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../scripts" && pwd)
# shellcheck source=tests/support/shim.sh
. "$scripts/../tests/support/shim.sh"

# A PIN that is found wherever it should not be.
pin=918273645
softhsm_module=/usr/lib/softhsm/libsofthsm2.so

# make_softhsm FOLDER LABEL: a SoftHSM token of its own (curves only) and its PIN file, FOLDER/pin.
make_softhsm() {
  mkdir "$1" "$1/tokens"
  printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$1/tokens" >"$1/conf"
  export SOFTHSM2_CONF=$1/conf
  softhsm2-util --init-token --free --label "$2" --pin $pin --so-pin 5678 >/dev/null
  (umask 077 && echo $pin >"$1/pin")
  # SoftHSM 2.6.1 loses an ASN1_OCTET_STRING in C_SignInit of an Edwards key (tests/unit/test_sign_token.c).
  echo leak:libsofthsm2.so >"$1/lsan"
  export LSAN_OPTIONS=suppressions=$1/lsan:print_suppressions=0 ASAN_OPTIONS=fast_unwind_on_malloc=0
}

# make_nss FOLDER: an NSS token "mtc-ca" (ML-DSA, curves); sets MODULE, MODULE_ARGS, PIN_SOURCE and
# with_token, for what loads it: its libraries lie beside it. Exits as skipped where there is none.
make_nss() {
  [ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
  "$scripts/make-token.sh" "$1" $pin >"$1.sh"
  # shellcheck source=/dev/null
  . "$1.sh"
  token_libraries=$LD_LIBRARY_PATH
  unset LD_LIBRARY_PATH
}
with_token() { env ${token_libraries:+LD_LIBRARY_PATH="$token_libraries"} "$@"; }

# write_ceremony NAME ALGORITHM TOKEN MODULE PIN-SOURCE [SED-EXPRESSION...]: NAME.yaml, which makes the
# key NAME and NAME.{transcript,pub,pem,csr} beside it; the expressions change it.
write_ceremony() {
  local name=$1 algorithm=$2 token=$3 module=$4 pin_source=$5; shift 5
  cat >"$name.yaml" <<END
token:
  uri: 'pkcs11:token=$token'
  module: $module
  pin_source: $pin_source
key:
  label: '$name'
  algorithm: $algorithm
ca:
  id: 32473.1
  wire_version: plants-07
output:
  transcript: $name.transcript
  public_key: $name.pub
  certificate: $name.pem
  csr: $name.csr
  store_certificate: true
present:
  - {name: 'Alice "A" Example', role: ceremony administrator}
  - {name: Björn Example, role: witness}
END
  local expression
  for expression; do sed -i "$expression" "$name.yaml"; done
}

# make_token_ca KIND [OPTION...]: a CA in $work/ca with its key on a real token (nss: ML-DSA-44; softhsm:
# P-256) that has the shim in front of it (tests/fault/pkcs11_shim): $shim is the shim's folder.
make_token_ca() {
  local kind=$1 algorithm=ml-dsa-44 maker=make-token.sh environment=(); shift
  [ "$kind" = nss ] || algorithm=ecdsa-p256 maker=make-softhsm.sh
  unset MODULE_ARGS SOFTHSM2_CONF LD_LIBRARY_PATH
  rm -f "$work/token.pub"
  "$scripts/$maker" "$work/token" "${token_pin:-123456}" >"$work/token.sh"
  # shellcheck source=/dev/null
  . "$work/token.sh"
  # The token's libraries lie beside its module: only what loads it gets this path.
  token_libraries=${LD_LIBRARY_PATH:-}
  unset LD_LIBRARY_PATH
  token_options=(--pin-source "$PIN_SOURCE")
  [ -z "${MODULE_ARGS:-}" ] || token_options+=(--module-args "$MODULE_ARGS")
  with_token "$bin/mtc" key generate --uri "$KEY_URI" --algorithm "$algorithm" --module "$MODULE" \
    "${token_options[@]}" --out "$work/token.pub" 2>/dev/null
  [ -z "${SOFTHSM2_CONF:-}" ] || environment=("SOFTHSM2_CONF=$SOFTHSM2_CONF")
  shim=$work/shim
  shim_around "$shim" "$MODULE" "${environment[@]}" >/dev/null
  with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$KEY_URI" --algorithm "$algorithm" \
    --module "$shim/module.so" "${token_options[@]}" "$@" >/dev/null 2>&1
  export MTC_SOCKET=$work/ca/mtcd.sock
}
# A process of its own, not a shell that waits for it: its id is the daemon's.
start_token_daemon() {
  start mtcd env ${token_libraries:+LD_LIBRARY_PATH="$token_libraries"} "$bin/mtcd" --config "$work/ca/mtc.yaml" "$@"
  daemon=$started
}

signer_pid() { pgrep -P "$daemon" mtc-signer; }

# await TEXT COMMAND...: until the command succeeds; a minute at most.
await() {
  local text=$1 end=$((SECONDS + 60)); shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "not within a minute: $text"
    sleep 0.02
  done
}
has_call() { [ "$(shim_calls "$shim" "$1")" -gt 0 ]; }
signer_state() { [ "$("$bin/mtc" signer status --json 2>/dev/null | jq -r ".tokens[${2:-0}].state")" = "$1" ]; }

# all_issued FILE COUNT: every certificate is there, with an index of its own.
all_issued() {
  [ "$(jq -s 'map(select(.serial)) | map(.index) | unique | length' "$1")" -eq "$2" ] ||
    fail "$(jq -s 'map(select(.serial)) | length' "$1") of $2 issued, or an index twice"
}
