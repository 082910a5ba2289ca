#!/usr/bin/env bash
# kill -9 of the signer in the middle of a signature, fifty times in a row: no request is lost, no index
# is used twice, 500 certificates verify, the log is clean.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
make_token_ca nss
start_token_daemon
for i in {1..10}; do make_csr "host$i"; done
for round in {1..50}; do
  # The first signature of the next batch never ends.
  : >"$shim/calls"
  shim_faults "$shim" "C_Sign hang @1"
  "$bin/mtc" issue --profile chrome-dv-7d --out "$work/issued$round" --json "$work"/csr/*.csr \
    >>"$work/issued.json" 2>"$work/issue.log" &
  issuing=$!
  await "a signature under way" has_call "C_Sign hang"
  kill -9 "$(signer_pid)"
  wait "$issuing" || fail "round $round: $(cat "$work/issue.log")"
done
all_issued "$work/issued.json" 500
verify "$work"/issued*/*.pem || fail "a certificate"
[ "$("$bin/mtc" signer status --json | jq .respawns)" -ge 50 ] || fail "the signer was not replaced"
stop "$daemon"
fsck_clean
