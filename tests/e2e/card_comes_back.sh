#!/usr/bin/env bash
# A CA starts without its card, takes it into service, loses it and takes it back: by hand, then by
# itself. Everything is issued meanwhile.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
mkdir "$work/card"
make_ca --card "$work/card"
sed -i 's/card_check: full/&\n  timeout_ms: 2000/' "$work/ca/mtc.yaml"
cp "$work/ca/mtc.yaml" "$work/good.yaml"
for i in 1 2 3; do make_csr "host$i"; done

hash_of() { "$bin/mtc" status --json | jq -r ".hash.$1"; }
start_sim() { start sim "$MTC_SIM" --path "$work/card"; sim=$started; }
kill_sim() { kill -9 "$sim"; wait "$sim" || true; }

# Without the card: an alarm, not an error, unless the configuration says otherwise.
sed -i 's/timeout_ms: 2000/&\n  card_required: true/' "$work/ca/mtc.yaml"
fails "cannot open $work/card/user" "$bin/mtcd" --config "$work/ca/mtc.yaml"
cp "$work/good.yaml" "$work/ca/mtc.yaml"
start_daemon
grep -q 'card_retired fault="cannot open' "$work/mtcd.log" || fail "no alarm"
[ "$(hash_of card_in_service)" = false ] || fail "a card that is not there is in service"
[[ $(hash_of card_fault) == "cannot open $work/card/user"* ]] || fail "no cause: $(hash_of card_fault)"
issue "$work"/csr/*.csr >/dev/null || fail "issuing without the card"
fails "cannot open $work/card/user" "$bin/mtc" card readmit

# By hand.
start_sim
"$bin/mtc" card readmit >"$work/readmitted"
[ "$(cat "$work/readmitted")" = "the card is in service" ] || fail "$(cat "$work/readmitted")"
[ "$(hash_of card_fault)" = "" ] || fail "a fault in service: $(hash_of card_fault)"
fails "is in service" "$bin/mtc" card readmit
issue "$work"/csr/*.csr >/dev/null
[ "$(hash_of card_leaves)" -eq 3 ] || fail "the card did not hash"
# Its own counters: ten entries of the known-answer test, and three.
[ "$(hash_of card.entries)" -eq 13 ] || fail "the card counts $(hash_of card.entries) entries"
[ "$(hash_of card.leaf_blocks)" -gt 13 ] && [ "$(hash_of card.cycles)" -gt 0 ] || fail "the card's counters"
[ "$(hash_of card.batches_at_a_time)" -eq 4 ] || fail "batches at a time"
kill_sim
issue "$work"/csr/*.csr >/dev/null || fail "issuing after the card"
[ "$(hash_of card_in_service)" = false ] || fail "a dead card is in service"
stop "$daemon"

# By itself, after two tests.
sed -i 's/timeout_ms: 2000/&\n  readmit_after: 2/' "$work/ca/mtc.yaml"
start_daemon
start_sim
for ((i = 0; i < 300; i++)); do
  [ "$(hash_of card_in_service)" = false ] || break
  sleep 0.1
done
[ "$(hash_of card_in_service)" = true ] || fail "the card did not come back"
[ "$(hash_of card_readmissions)" -eq 1 ] || fail "it came back $(hash_of card_readmissions) times"
issue "$work"/csr/*.csr >/dev/null
[ "$(hash_of card_leaves)" -eq 3 ] || fail "the card did not hash again"
verify "$work"/issued/*.pem
stop "$daemon"
stop "$sim"

# Without a card in the configuration there is nothing to take back.
sed -i 's/backend: card/backend: cpu/' "$work/ca/mtc.yaml"
start_daemon
fails "no card configured" "$bin/mtc" card readmit
stop "$daemon"
fsck_clean
