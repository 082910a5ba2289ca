#!/usr/bin/env bash
# One log, whose batches are hashed by each build of the card in turn, and by none: it is clean, and each
# build makes of all its entries the root that the CA signed. (Two logs of the same requests differ: an
# entry has the time of its issue.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
mkdir "$work/card"
make_ca --card "$work/card"
count=59
make_csr host # its entries differ by their serial numbers
for ((i = 0; i < count; i++)); do cp "$work/csr/host.csr" "$work/csr/host$i.csr"; done
rm "$work/csr/host.csr"

start_sim() { start sim "$MTC_SIM" --path "$work/card" "$@"; sim=$started; }
hash_of() { "$bin/mtc" status --json | jq ".hash.$1"; }
checkpoint() { sed -n '2,3p' "$work/ca/public/1/checkpoint" | paste -sd ' '; }
builds=("--fold 64" "--fold 4" "--fold 1 --stages 1" "--fold 1 --stages 2" "--fold 4 --lanes 2")

for build in "${builds[@]}"; do
  # shellcheck disable=SC2086  # the options are several words
  start_sim $build
  start_daemon
  issue "$work"/csr/*.csr >/dev/null || fail "$build: issuing"
  [ "$(hash_of card_leaves)" -eq "$count" ] && [ "$(hash_of cpu_entries)" -eq 0 ] ||
    fail "$build: the hashes did not come from the card"
  stop "$daemon"
  stop "$sim"
done
sed -i 's/backend: card/backend: cpu/' "$work/ca/mtc.yaml"
start_daemon
issue "$work"/csr/*.csr >/dev/null || fail "issuing without a card"
[ "$(hash_of card_leaves)" -eq 0 ] && [ "$(hash_of cpu_entries)" -eq "$count" ] || fail "not on the CPU"
stop "$daemon"
fsck_clean

# The same entries, published in a full bundle and one that grows.
size=$((count * (${#builds[@]} + 1)))
signed=$(checkpoint)
[ "${signed% *}" -eq "$size" ] || fail "the checkpoint is of $signed"
entries=$work/ca/public/1/tile/entries
bundles=("$entries/000" "$entries/001.p/$((size - 256))")
# root_of PATH BATCH
root_of() { "$bin/mtc-card-root" "$1" "$2" "${bundles[@]}"; }
for batch in 1 7 256 1000; do
  [ "$(root_of cpu "$batch")" = "$signed" ] || fail "the CPU, in batches of $batch: $(root_of cpu "$batch")"
done
for build in "${builds[@]}"; do
  # shellcheck disable=SC2086
  start_sim $build
  for batch in 7 1000; do
    found=$(root_of "$work/card" "$batch") || fail "$build: no root"
    [ "$found" = "$signed" ] || fail "$build, in batches of $batch: $found instead of $signed"
  done
  stop "$sim"
done

# Entries in another order have another root.
bundles=("${bundles[1]}" "${bundles[0]}")
[ "$(root_of cpu 256)" != "$signed" ] || fail "any order has the same root"
# A card that lies is found, by the driver or by the root.
start_sim --fold 64 --fault wrong-hash:50
bundles=("${bundles[1]}" "${bundles[0]}")
if found=$(root_of "$work/card" 1000 2>/dev/null); then
  [ "$found" != "$signed" ] || fail "a wrong hash has the same root"
fi
stop "$sim"

# The demo runs with each of them, too; others are named before it begins.
demo=$(dirname "$0")/../../scripts/demo.sh
for build in 7 4/2 1/3 "" "64 "; do
  exits 2 "--card $build: the model's builds are 1/1, 1/2, 4 and 64" "$demo" --card "$build" 10 "$work/demo"
done
exits 2 "usage:" "$demo" --card
[ ! -e "$work/demo" ] || fail "a demo began"
