#!/usr/bin/env bash
# bench.sh [--ml-dsa] [--processes N] [RATE [SECONDS [MS...]]]: the engine with a slow HSM. RATE (2000)
# requests a second for SECONDS (20) each, with signatures that take MS more than the token's own
# (0 5 20 50 100), N (1) of them at the same time; the token is SoftHSM's with P-256, or NSS softoken's
# with ML-DSA-44. Prints a table, and beside it
# how fast libcrypto signs in this process. What was measured stays in build/bench.
# bench.sh acme ...: the ACME server instead (bench-acme.sh).
set -euo pipefail
# shellcheck source=scripts/lib/env.sh
. "$(dirname "$0")/lib/env.sh"
if [ "${1:-}" = acme ]; then exec "$repo/scripts/bench-acme.sh" "${@:2}"; fi
if [ "${1:-}" != --inside ]; then exec "$repo/scripts/run.sh" "$repo/scripts/bench.sh" --inside "$@"; fi
shift
cd "$repo"
usage="usage: scripts/bench.sh [--ml-dsa] [--processes N] [RATE [SECONDS [MS...]]]"
make_token=scripts/make-softhsm.sh algorithm=ecdsa-p256 speed=ecdsap256 processes=1
if [ "${1:-}" = --ml-dsa ]; then
  make_token=scripts/make-token.sh algorithm=ml-dsa-44 speed=ML-DSA-44
  shift
fi
if [ "${1:-}" = --processes ] && [ $# -ge 2 ]; then processes=$2; shift 2; fi
rate=${1:-2000} seconds=${2:-20}
latencies=("${@:3}")
[ "${#latencies[@]}" -gt 0 ] || latencies=(0 5 20 50 100)
for number in "$processes" "$rate" "$seconds" "${latencies[@]}"; do
  [[ $number =~ ^[0-9]+$ ]] || { say "$usage"; exit 2; }
done
export MTC_BIN=$repo/build/bin
# shellcheck source=tests/support/shim.sh
. tests/support/shim.sh
bench=$repo/build/bench daemon=

at_end() { [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; }

with_token() { env LD_LIBRARY_PATH="$libraries" "$@"; }

make_key() {
  "$make_token" "$bench/token" 123456 >"$bench/token.sh"
  # shellcheck source=/dev/null
  . "$bench/token.sh"
  libraries=${LD_LIBRARY_PATH:-}
  unset LD_LIBRARY_PATH
  shim=$(shim_around "$bench/shim" "$MODULE" "SOFTHSM2_CONF=${SOFTHSM2_CONF:-}")
  token_options=(--module "$shim" --pin-source "$PIN_SOURCE")
  [ -z "${MODULE_ARGS:-}" ] || token_options+=(--module-args "$MODULE_ARGS")
  with_token "$MTC_BIN/mtc" key generate --uri "$KEY_URI" --algorithm "$algorithm" "${token_options[@]}" \
    --out "$bench/public.pem"
}

# measure MS: a CA of its own each, so that no run finds a longer log than another.
measure() {
  local ms=$1 ca=$bench/ca-$1
  with_token "$MTC_BIN/mtc" ca init --dir "$ca" --id 32473.1 --key "$KEY_URI" --algorithm "$algorithm" \
    "${token_options[@]}" >/dev/null
  sed -i "s/^signer:\$/&\n  processes: $processes/" "$ca/mtc.yaml"
  [ "$ms" -eq 0 ] || shim_faults "$bench/shim" "C_Sign delay ${ms}ms"
  env LD_LIBRARY_PATH="$libraries" "$MTC_BIN/mtcd" --config "$ca/mtc.yaml" >"$bench/mtcd-$ms.log" 2>&1 &
  daemon=$!
  "$MTC_BIN/mtc" bench signer --socket "$ca/mtcd.sock" --rate "$rate" --seconds "$seconds" --json \
    >"$bench/$ms.json"
  kill "$daemon"
  wait "$daemon"
  daemon=
  shim_faults "$bench/shim"
}

# signs_per_s: libcrypto alone, in one thread.
signs_per_s() {
  openssl speed -seconds 2 "$speed" 2>/dev/null |
    awk '/nistp256/ { print $(NF - 1) } /ML-DSA-44/ { print $(NF - 1) }'
}

quietly "Building" sh -c 'cmake --preset release && cmake --build --preset release --target "$@"' build \
  mtc mtcd mtc-signer mtc-make-token mtc-pkcs11-shim
rm -rf --one-file-system "$bench"
mkdir -p "$bench"
make_key
for ms in "${latencies[@]}"; do measure "$ms"; done

printf '%s, %s requests/s offered for %s s, signer processes: %s\n\n' "$algorithm" "$rate" "$seconds" \
  "$processes"
printf '| %s ' "added ms" "ms/signature" issued/s "p50 ms" "p99 ms" "max ms" batches entries/batch \
  "waiting, max" certificates/signature "signer busy"
printf '|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
for ms in "${latencies[@]}"; do
  jq -r --arg ms "$ms" 'def r($d): . * pow(10; $d) | round / pow(10; $d);
    "| \([$ms, (.signer.ms_per_signature | r(2)), (.issued_per_s | r(0)), (.latency_ms.p50 | r(1)),
      (.latency_ms.p99 | r(1)), (.latency_ms.max | r(1)), .engine.batches,
      (.engine.entries_per_batch | r(0)), .engine.max_waiting,
      (.signer.certificates_per_signature | r(0)), (.signer.busy * 100 | r(0) | tostring + "%")]
      | map(tostring) | join(" | ")) |"' "$bench/$ms.json"
done
printf '\nlibcrypto in process, one thread: %s signatures/s\n' "$(signs_per_s)"
