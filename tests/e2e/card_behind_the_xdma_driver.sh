#!/usr/bin/env bash
# Programs as they are installed see the model through the XDMA driver's character devices
# (libmtc-xdma.so in LD_PRELOAD): split and aligned transfers go through, and what only that driver does
# wrong has its cause.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
xdma=$(dirname "$MTC_SIM")/../lib/libmtc-xdma.so
[ -e "$xdma" ] || { echo "skipped: $xdma was not built"; exit 77; }
# A sanitizer's library wants to be the first; its own read and write end in those of the next.
sanitizer=$(ldd "$bin/mtc-card-load" | awk '/lib[at]san/ { print $3 }')
preload="${sanitizer:+$sanitizer }$(realpath "$xdma")"
mkdir "$work/card"

start_sim() { start sim "$MTC_SIM" --path "$work/card" --fold 4 "$@"; sim=$started; }
load() { env LD_PRELOAD="$preload" "$bin/mtc-card-load" "$work/card" 4 40 70; }
bare_load() { "$bin/mtc-card-load" "$work/card" 4 40 70; }

# Good ones: pieces of any size, buffers aligned as cards may want them.
for options in "" "--dma-split 64" "--dma-split 1984 --fault short --idle 20 --stall 20" \
  "--dma-align 64 --dma-split 4032"; do
  # shellcheck disable=SC2086  # several words
  start_sim $options
  load >"$work/load" 2>&1 || fail "$options: $(cat "$work/load")"
  grep -q "^40 card batches, 2800 entries" "$work/load" || fail "$options: $(cat "$work/load")"
  stop "$sim"
done

# The same model has these faults for a program behind the library, and for no other.
while read -r fault cause; do
  start_sim --dma-timeout 200 --fault "$fault"
  bare_load >"$work/load" 2>&1 || fail "$fault without the library: $(cat "$work/load")"
  fails "$cause" load
  stop "$sim"
done <<'FAULTS'
refuse-h2c:20 writing to the card: Invalid argument
refuse-c2h:60 reading from the card: Invalid argument
timeout-h2c:20 writing to the card: Connection timed out
timeout-c2h:60 reading from the card: Connection timed out
busy-c2h:1 Device or resource busy
FAULTS
# A transfer that was cut goes on.
for fault in cut-h2c:20 cut-c2h:60; do
  start_sim --dma-timeout 200 --fault "$fault"
  load >"$work/load" 2>&1 || fail "$fault: $(cat "$work/load")"
  stop "$sim"
done

# The daemon: the batch whose transfer is refused is hashed on the CPU, and every request is answered.
make_ca --card "$work/card"
for i in 1 2 3; do make_csr "host$i"; done
hash_of() { "$bin/mtc" status --json | jq -r ".hash.$1"; }
start_sim --dma-split 128 --dma-align 64 --fault refuse-h2c:6
start mtcd env LD_PRELOAD="$preload" "$bin/mtcd" --config "$work/ca/mtc.yaml"
daemon=$started
for i in 1 2 3 4 5 6; do issue "$work"/csr/*.csr >/dev/null || fail "issuing, time $i"; done
[[ $(hash_of card_fault) == *"writing to the card: Invalid argument"* ]] || fail "no cause: $(hash_of card_fault)"
[ "$(hash_of card_leaves)" -gt 0 ] && [ "$(hash_of cpu_entries)" -gt 0 ] || fail "card, then CPU: $(hash_of card_leaves)"
[ "$(($(hash_of card_leaves) + $(hash_of cpu_entries)))" -eq 18 ] || fail "an entry was not hashed once"
"$bin/mtc" card readmit >/dev/null || fail "the card was refused once only"
issue "$work"/csr/*.csr >/dev/null || fail "issuing with the card again"
[ "$(hash_of card_in_service)" = true ] || fail "it went again: $(hash_of card_fault)"
verify "$work"/issued/*.pem
stop "$daemon"
stop "$sim"
fsck_clean
