#!/usr/bin/env bash
# The card goes away for good: the batch is rehashed on the CPU, everything is issued.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
mkdir "$work/card"
start sim "$MTC_SIM" --path "$work/card"
sim=$started
make_ca --card "$work/card"
sed -i 's/card_check: full/&\n  timeout_ms: 2000/' "$work/ca/mtc.yaml"
start_daemon
for i in 1 2 3; do make_csr "host$i"; done
issue "$work"/csr/*.csr >/dev/null
[ "$("$bin/mtc" status --json | jq .hash.card_leaves)" -eq 3 ] || fail "the card did not hash"
kill -9 "$sim"
wait "$sim" || true
issue "$work"/csr/*.csr >/dev/null || fail "issuing without the card"
"$bin/mtc" status --json >"$work/status.json"
[ "$(jq .hash.card_in_service "$work/status.json")" = false ] || fail "the card is still in service"
[ "$(jq .hash.cpu_entries "$work/status.json")" -eq 3 ] || fail "the CPU did not hash"
[ "$(jq -r .hash.card_fault "$work/status.json")" != "" ] || fail "no reason is given"
verify "$work"/issued/*.pem
stop "$daemon"
fsck_clean
