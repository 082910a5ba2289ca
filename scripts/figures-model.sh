#!/usr/bin/env bash
# figures-model.sh [FOLDER]: how fast the whole core is in the model (fold 1, two registers a round), with
# model and driver on one processor: 50,000 entries of a real log, in batches of 250, four in flight.
# The target is 20 seconds. FOLDER is a log's tile/entries; without it a log is made of 250 requests with
# keys of five types and one to ten names (scripts/lib/make-csrs.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then
  share=()
  if [ $# -gt 0 ]; then share=(--share "$1"); fi
  exec scripts/run.sh "${share[@]}" scripts/figures-model.sh --inside "$@"
fi
shift
work=$(mktemp -d /tmp/mtc-figures-XXXXXX)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf --one-file-system "$work"
}
trap finish EXIT
[ -e build/CMakeCache.txt ] || cmake --preset release >/dev/null
cmake --build --preset release --target mtc mtcd mtc-signer mtc-sim mtc-card-load >"$work/log" ||
  { cat "$work/log"; exit 1; }

# start COMMAND...: a process that says "ready".
start() {
  local line
  mkfifo "$work/ready"
  exec 7<>"$work/ready"
  "$@" >&7 2>>"$work/log" 7>&- &
  pids+=("$!")
  read -r -t 60 line <&7 && [ "$line" = ready ] || { cat "$work/log"; exit 1; }
  exec 7>&-
  rm "$work/ready"
}

# make_log: a CA, 250 requests, and what it publishes.
make_log() {
  mkdir "$work/csr"
  scripts/lib/make-csrs.sh "$work/csr" 0 1 250
  build/bin/mtc key generate --uri "$work/ca.key" --out "$work/ca.pub" 2>>"$work/log"
  build/bin/mtc ca init --dir "$work/ca" --id 32473.1 --key "$work/ca.key" >>"$work/log" 2>&1
  export MTC_SOCKET=$work/ca/mtcd.sock
  start build/bin/mtcd --config "$work/ca/mtc.yaml"
  build/bin/mtc issue --profile chrome-dv-7d --out "$work/issued" --json "$work"/csr/*.csr \
    >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

if [ $# -gt 0 ]; then
  folder=$1
else
  make_log
  folder=$(find "$work/ca" -type d -path '*/tile/entries')
fi
# Of the growing last bundle, the longest.
mapfile -t bundles < <(find "$folder" -type f -path '*/entries/*' ! -path '*.p/*' | sort)
partial=$(find "$folder" -type f -path '*.p/*' | sort -V | tail -1)
if [ -n "$partial" ] && [ ! -e "${partial%.p/*}" ]; then bundles+=("$partial"); fi
[ "${#bundles[@]}" -gt 0 ] || { echo "figures-model.sh: no entry bundles in $folder" >&2; exit 1; }

cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
start taskset -c "$cpu" build/bin/mtc-sim --path "$work/card" --fold 1 --stages 2
begin=$(date +%s%3N)
taskset -c "$cpu" build/bin/mtc-card-load "$work/card" 4 200 250 "${bundles[@]}"
took=$(($(date +%s%3N) - begin))
echo "$took ms from the start of the program to its end, model and driver on processor $cpu; the target is 20000"
[ "$took" -lt 20000 ]
