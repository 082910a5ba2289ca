#!/usr/bin/env bash
# A card with two lanes loses one in service: certificates go on coming, the other lane hashes, and
# an operator sees which lane it was and why.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
mkdir "$work/card"
make_ca --card "$work/card"
sed -i 's/card_check: full/&\n  timeout_ms: 2000/' "$work/ca/mtc.yaml"
for i in 1 2 3; do make_csr "host$i"; done

hash_of() { "$bin/mtc" status --json | jq -r ".hash.$1"; }

# Lane 1 hangs with the answer of its first batch after the known-answer test.
start sim "$MTC_SIM" --path "$work/card" --fold 64 --lanes 2 --fault hang:1@1
sim=$started
start_daemon
[ "$(hash_of lanes_in_service)" -eq 2 ] || fail "two lanes are in service"
for i in 1 2 3 4; do issue "$work"/csr/*.csr >/dev/null || fail "issuing, time $i"; done
[ "$(hash_of card_in_service)" = true ] || fail "a lane is left"
[ "$(hash_of lanes_in_service)" -eq 1 ] || fail "$(hash_of lanes_in_service) lanes are in service"
[ "$(hash_of 'lanes[0].in_service')" = true ] || fail "lane 0: $(hash_of 'lanes[0].fault')"
[ "$(hash_of 'lanes[0].batches')" -ge 1 ] || fail "lane 0 hashed nothing"
[[ $(hash_of 'lanes[1].fault') == *"not done within 2000 ms"* ]] || fail "lane 1: $(hash_of 'lanes[1].fault')"
[[ $(hash_of card_fault) == "lane 1: "* ]] || fail "no cause: $(hash_of card_fault)"
grep -q 'card_retired fault="the card was not done.*lane=1' "$work/mtcd.log" || fail "no alarm"

# The lane is as dead as before; the other stays.
fails "lane 1: " "$bin/mtc" card readmit
[ "$(hash_of lanes_in_service)" -eq 1 ] || fail "a dead lane is in service"
issue "$work"/csr/*.csr >/dev/null || fail "issuing with one lane"
verify "$work"/issued/*.pem
stop "$daemon"
stop "$sim"
fsck_clean
