#!/usr/bin/env bash
# A token that takes its time makes batches larger, not queues longer: as many requests in far fewer
# batches, none refused, none lost, every certificate good.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/shim.sh
. "$(dirname "$0")/../support/shim.sh"
"$(dirname "$0")/../../scripts/make-softhsm.sh" "$work/token" 123456 >"$work/token.sh"
# shellcheck source=/dev/null
. "$work/token.sh"
shim=$(shim_around "$work/shim" "$MODULE")
key=(--key "$KEY_URI" --module "$shim" --pin-source "$PIN_SOURCE" --algorithm ecdsa-p256)
"$bin/mtc" key generate --uri "$KEY_URI" --module "$shim" --pin-source "$PIN_SOURCE" --algorithm ecdsa-p256 \
  --out "$work/public.pem"
"$bin/mtc" ca init --dir "$work/ca" --id 32473.1 "${key[@]}" >/dev/null
# A batch is due nearly at once: that it is larger then is because of the token alone.
sed -i 's/max_delay_ms: 100 */max_delay_ms: 10/' "$work/ca/mtc.yaml"
export MTC_SOCKET=$work/ca/mtcd.sock
start_daemon

rate=100 seconds=2 num=200
# load NAME: offers the requests; each must be issued. Its batches, by the daemon's own count, go to $batches.
load() {
  local before after
  before=$("$bin/mtc" status --json | jq .engine.batches)
  "$bin/mtc" bench signer --rate $rate --seconds $seconds --json >"$work/$1.json" || fail "$1: mtc bench"
  after=$("$bin/mtc" status --json | jq .engine.batches)
  [ "$(jq .issued "$work/$1.json")" -eq $num ] || fail "$1: $(cat "$work/$1.json")"
  batches=$((after - before))
  [ "$(jq '.engine.batches | round' "$work/$1.json")" -eq "$batches" ] || fail "$1: batches are counted wrongly"
}
load fast
fast=$batches
# So much that it outweighs whatever else a batch costs on a slow machine.
shim_faults "$work/shim" "C_Sign delay 200ms"
load slow
slow=$batches
[ "$fast" -ge $((2 * slow)) ] || fail "$slow batches with a slow token, $fast without"
[ "$(tree_size)" -eq $((2 * num)) ] || fail "an entry is missing, or there twice"
[ "$("$bin/mtc" status --json | jq .signer.failures)" -eq 0 ] || fail "the signer failed"
# Two or three signatures a batch, and none for a certificate alone; one login for all of them.
signatures=$("$bin/mtc" status --json | jq .signer.signatures)
[ "$signatures" -ge $((2 * (fast + slow))) ] && [ "$signatures" -le $((3 * (fast + slow) + 1)) ] ||
  fail "$signatures signatures for $((fast + slow)) batches"
shim_faults "$work/shim"

mkdir "$work/issued"
seq 0 $((2 * num - 1)) |
  xargs -P 2 -I{} "$bin/mtc" certificate get --serial 1:{} --kind standalone --out "$work/issued/{}.pem" ||
  fail "a certificate is missing"
verify "$work"/issued/*.pem || fail "a certificate does not verify"
stop "$daemon"
fsck_clean
[ "$(shim_calls "$work/shim" "C_Sign CKR_OK")" -ge "$signatures" ] || fail "signatures from elsewhere"
