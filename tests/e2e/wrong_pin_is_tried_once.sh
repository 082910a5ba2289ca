#!/usr/bin/env bash
# A PIN file with a wrong PIN: one attempt, however often a service manager starts the daemon, until an
# operator says that he has looked. Then the CA goes on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
for kind in nss softhsm; do
  rm -rf "$work/ca" "$work/token" "$work/shim"
  make_token_ca "$kind"
  pin=${PIN_SOURCE#file:}
  : >"$shim/calls"
  echo 999999 >"$pin"
  fails "PIN" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"
  for _ in 1 2 3; do fails "latched" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"; done
  echo "${token_pin:-123456}" >"$pin"
  # The right PIN alone does not do it.
  fails "mtc signer unlatch" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"
  [ "$(shim_calls "$shim" "C_Login CKR_PIN_INCORRECT")" -eq 1 ] || fail "$kind: more than one attempt"
  [ "$(shim_calls "$shim" C_Login)" -eq 1 ] || fail "$kind: $(shim_calls "$shim" C_Login) logins"
  exits 2 "exclude each other" "$bin/mtc" signer unlatch --socket x --latch y
  [ "$("$bin/mtc" signer unlatch --latch "$work/ca/signer.latch")" = "1 latched" ] || fail "$kind: unlatch"
  start_token_daemon
  make_csr www
  issue "$work/csr/www.csr" >/dev/null
  "$bin/mtc" signer status | grep -q '^  state *serving' || fail "$kind: status"

  # The PIN becomes wrong under the running daemon, and its signer must log in anew.
  : >"$shim/calls"
  echo 999999 >"$pin"
  kill -9 "$(signer_pid)"
  issue --request-id waits "$work/csr/www.csr" >"$work/waits.json" 2>&1 &
  issuing=$!
  await "$kind: latched" signer_state latched
  [ "$(shim_calls "$shim" C_Login)" -eq 1 ] || fail "$kind: more than one attempt of a running daemon"
  echo "${token_pin:-123456}" >"$pin"
  "$bin/mtc" signer unlatch >/dev/null
  wait "$issuing" || fail "$kind: the request that waited: $(cat "$work/waits.json")"
  stop "$daemon"
  fsck_clean
done
