#!/usr/bin/env bash
# The only token is away for half a minute while requests keep coming: they wait, and every one of them
# is issued once it is back, without an operator.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
# Half a minute is half a minute in any preset: one is enough.
[ "${MTC_FAULT_POINTS:-OFF}" = OFF ] || { echo "skipped: in the release preset only"; exit 77; }
make_token_ca nss
start_token_daemon
for i in 1 2 3 4; do make_csr "host$i"; done
issue "$work"/csr/*.csr >"$work/issued.json"
shim_faults "$shim" "token removed"
issuing=()
for round in {1..30}; do
  issue --request-id "away$round" "$work"/csr/*.csr >"$work/away$round.json" 2>"$work/away$round.err" &
  issuing+=($!)
  sleep 1
done
[ "$(tree_size)" -eq 4 ] || fail "something was issued without the token"
shim_faults "$shim"
for pid in "${issuing[@]}"; do wait "$pid" || fail "a request is lost: $(cat "$work"/away*.err)"; done
cat "$work"/away*.json >>"$work/issued.json"
all_issued "$work/issued.json" 124
verify "$work"/issued/*.pem || fail "a certificate"
stop "$daemon"
fsck_clean
