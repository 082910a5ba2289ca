#!/usr/bin/env bash
# What an HSM does when it is ill, on either token: requests wait, are issued once it is well, and the
# operator is told in words. What is an alarm waits for him.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }

begin() { # FAULT-LINE...: requests that meet the fault
  : >"$shim/calls"
  shim_faults "$shim" "$@"
  issue "$work"/csr/*.csr >>"$work/issued.json" 2>"$work/issue.log" &
  issuing=$!
}
end() { # TEXT: they are issued all the same
  wait "$issuing" || fail "$kind, $1: $(cat "$work/issue.log")"
  rounds=$((rounds + 1))
}

for i in 1 2 3 4; do make_csr "host$i"; done
for kind in nss softhsm; do
  rm -rf "$work/ca" "$work/token" "$work/shim" "$work/issued.json"
  rounds=0
  make_token_ca "$kind"
  sed -i "s/^  timeout_ms: 10000/  timeout_ms: 2000/" "$work/ca/mtc.yaml"
  start_token_daemon

  # What passes by itself.
  for fault in "C_Sign close-sessions @1" "C_SignInit log-out @1" "C_Sign return CKR_DEVICE_ERROR @1+3" \
    "C_Sign return CKR_DEVICE_REMOVED @1+3" "C_Sign return CKR_SESSION_HANDLE_INVALID @1+2" \
    "C_Sign return CKR_DEVICE_MEMORY @1" "C_Sign hang @1" "C_Sign abort @1" "C_Sign segfault @1" \
    "C_Sign return CKR_FUNCTION_FAILED @1+2"; do
    begin "$fault"
    end "$fault"
  done
  # A login, a start that fails or hangs.
  for fault in "C_Login return CKR_DEVICE_ERROR @1" "C_Initialize return CKR_GENERAL_ERROR @1" "C_Login hang @1" \
    "C_OpenSession return CKR_SESSION_COUNT @1+2"; do
    kill -9 "$(signer_pid)"
    begin "$fault"
    end "$fault"
  done
  # Pulled out and put back.
  begin "token removed"
  await "$kind: the token is missed" has_call ".* CKR_TOKEN_NOT_PRESENT"
  shim_faults "$shim"
  end "token removed"

  # SoftHSM's folder is moved away, and a process that has seen that never finds the token again.
  if [ "$kind" = softhsm ]; then
    mv "$work/token/tokens" "$work/token/away"
    begin
    failed_since() { [ "$("$bin/mtc" signer status --json | jq .failures)" -gt "$1" ]; }
    await "the folder is missed" failed_since "$("$bin/mtc" signer status --json | jq .failures)"
    mv "$work/token/away" "$work/token/tokens"
    end "the folder moved away"
  fi

  # A signature that does not verify is an alarm: nobody asks this token again before an operator has
  # looked, and nothing is lost meanwhile.
  begin "C_Sign flip @1"
  await "$kind: latched" signer_state latched
  fails "does not verify" "$bin/mtc" signer status
  "$bin/mtc" status --json | jq -e .signer.latched >/dev/null || fail "$kind: status"
  [ "$(shim_calls "$shim" C_Sign)" -eq 1 ] || fail "$kind: asked again"
  "$bin/mtc" signer unlatch >/dev/null
  end "a wrong signature"

  # A PIN that is locked is not tried.
  kill -9 "$(signer_pid)"
  begin "token set CKF_USER_PIN_LOCKED"
  await "$kind: latched" signer_state latched
  fails "the PIN is locked" "$bin/mtc" signer status
  [ "$(shim_calls "$shim" C_Login)" -eq 0 ] || fail "$kind: an attempt at a locked PIN"
  shim_faults "$shim"
  "$bin/mtc" signer unlatch >/dev/null
  end "PIN locked"

  "$bin/mtc" signer status >/dev/null || fail "$kind: it does not serve"
  all_issued "$work/issued.json" $((4 * rounds))
  verify "$work"/issued/*.pem || fail "$kind: a certificate"
  stop "$daemon"
  fsck_clean
done
