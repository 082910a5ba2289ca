#!/usr/bin/env bash
# fuzz.sh SECONDS [NAME...]: builds the libFuzzer harnesses (tests/fuzz) and runs each, or only those
# named, for SECONDS, two at once, from its seeds. What an input breaks stays in build/fuzz/findings.
# Its last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/fuzz.sh --inside "$@"; fi
shift
. scripts/lib/env.sh

seconds=${1:-}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { say "usage: scripts/fuzz.sh SECONDS [NAME...]"; exit 2; }
shift

# What a harness is given beyond the default: inputs as large as what it parses.
max_len() {
  case $1 in
    provider | verify | certificate | ca_certificate | pem | policy) echo 8192 ;;
    tai | name | uri) echo 512 ;;
    *) echo 4096 ;;
  esac
}

# run NAME: one harness; what it found before is tried first, so that a fix shows at once.
run() {
  local name=$1 findings=build/fuzz/findings/$1 corpus=build/fuzz/corpus/$1
  mkdir -p "$findings" "$corpus"
  build/fuzz/fuzz/fuzz_"$name" -max_total_time="$seconds" -max_len="$(max_len "$name")" -timeout=5 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$findings/" \
    "$corpus" "tests/fuzz/$name" "$findings" >"build/fuzz/$name.log" 2>&1 && return
  printf 'FAILED %s (build/fuzz/%s.log)\n' "$name" "$name"
  grep -E 'Assertion|runtime error|^SUMMARY|Test unit written' "build/fuzz/$name.log" ||
    tail -n 20 "build/fuzz/$name.log"
  return 1
}

# run_all NAME...: two at once; succeeds when all did.
run_all() {
  local name running=0 failed=0
  for name in "$@"; do
    if [ "$running" -eq 2 ]; then
      wait -n || failed=$((failed + 1))
      running=$((running - 1))
    fi
    run "$name" &
    running=$((running + 1))
  done
  while [ "$running" -gt 0 ]; do
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
  done
  printf '%s\n' "$failed" >build/fuzz/failed
  [ "$failed" -eq 0 ]
}

if [ $# -eq 0 ]; then
  for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_}
    set -- "$@" "${name%.c}"
  done
fi
for name in "$@"; do
  [ -e "tests/fuzz/fuzz_$name.c" ] || die "no harness named $name in tests/fuzz"
done
quietly "Building (fuzz)" \
  sh -c 'cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers -- -j2' || exit 1
failed=0
rm -f build/fuzz/failed
quietly "Fuzzing ($# parsers, $seconds s each)" run_all "$@" || failed=$(cat build/fuzz/failed)
printf '%s passed, %s failed\n' "$(($# - failed))" "$failed"
[ "$failed" -eq 0 ]
