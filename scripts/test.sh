#!/usr/bin/env bash
# test.sh [SECONDS]: builds and runs every check and test, plain and under the sanitizers, and each
# fuzz harness for SECONDS (10). Its last line is "N passed, N failed"; skipped tests are named above
# it and count as neither.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/test.sh --inside "$@"; fi
shift
. scripts/lib/env.sh
fuzz_seconds=${1:-10}
[[ $fuzz_seconds =~ ^[1-9][0-9]*$ ]] || { say "usage: scripts/test.sh [SECONDS]"; exit 2; }

passed=0 failed=0 skipped=()

# step TITLE COMMAND...: one check, counted as one test.
step() {
  if quietly "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

build() {
  quietly "Building ($1)" sh -c "cmake --preset $1 && cmake --build --preset $1 -- -j2"
}

# suite PRESET [PATTERN]: builds a preset and runs its tests (those whose name matches), each counted.
suite() {
  local preset=$1 folder=build/$1 log total bad unrun names name rc=0
  [ "$preset" = release ] && folder=build
  if ! build "$preset"; then failed=$((failed + 1)); return; fi
  log=$PWD/$folder/junit.xml
  rm -f "$log"
  quietly "Testing ($preset)" ctest --test-dir "$folder" --output-on-failure --timeout 300 \
    --tests-regex "${2:-.}" --output-junit "$log" || rc=$?
  [ -e "$log" ] || touch "$log"
  total=$(grep -c '<testcase .*status="run"' "$log" || true)
  bad=$(grep -c '<testcase .*status="fail"' "$log" || true)
  # A test that says it cannot run here is skipped; one whose program is missing has failed.
  unrun=$(grep '<skipped message=' "$log" | grep -vc '"SKIP_RETURN_CODE' || true)
  mapfile -t names < <(grep -B 1 '<skipped message="SKIP_RETURN_CODE' "$log" |
    sed -n 's/.*<testcase name="\([^"]*\)".*/\1/p')
  for name in "${names[@]}"; do skipped+=("$name ($preset)"); done
  # A suite that ran nothing proves nothing.
  if [ "$total" -eq 0 ] || { [ "$rc" -ne 0 ] && [ $((bad + unrun)) -eq 0 ]; }; then failed=$((failed + 1)); fi
  passed=$((passed + total)) failed=$((failed + bad + unrun))
}

fuzz_to() { scripts/fuzz.sh "$fuzz_seconds" >"$1"; }

fuzz() {
  local log=build/fuzz.txt result
  run_job fuzz_to "$log"
  cat "$log"
  result=$(tail -n 1 "$log")
  if [[ $result =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    failed=$((failed + 1))
  fi
}

tracked() { git -c safe.directory='*' ls-files -- "$@"; }

# clang-tidy on every source of host/ and provider/, by name: a pattern would match nothing in a folder
# named a+b.
tidy() {
  local sources
  mapfile -t sources < <(jq -r --arg host "$PWD/host/" --arg provider "$PWD/provider/" \
    '.[].file | select(startswith($host) or startswith($provider))' \
    build/clang/compile_commands.json | sort -u)
  [ "${#sources[@]}" -gt 0 ] || die "build/clang/compile_commands.json names no source"
  printf '%s\0' "${sources[@]}" | xargs -0 -P 2 -n 4 clang-tidy --quiet -p build/clang
}

# What has processor time to spare for while the tests of the release wait for clocks and disks: the other
# builds, and clang-tidy. Whether they failed is found out when it is their turn.
build_ahead() {
  local preset
  renice -n 19 -p "$BASHPID" >/dev/null
  for preset in clang sanitize debug thread; do
    cmake --preset "$preset" && cmake --build --preset "$preset" -- -j2 || true
  done
  { cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers -- -j2; } || true
  tidy >build/tidy.txt 2>&1 && echo passed >>build/tidy.txt
}
tidied() { cat build/tidy.txt && [ "$(tail -n 1 build/tidy.txt)" = passed ]; }

mapfile -t code_files < <(tracked '*.c' '*.h' '*.cpp' '*.hpp')
mapfile -t shell_files < <(tracked '*.sh' '.ci/*')
[ "${#code_files[@]}" -gt 0 ] && [ "${#shell_files[@]}" -gt 0 ] ||
  die "git lists no files here: the checks of their form would check nothing (use a clone)"
step "Formatting" clang-format --dry-run --Werror "${code_files[@]}"
step "Shell scripts" shellcheck --external-sources --severity=warning "${shell_files[@]}"
step "Layers and docstrings" python3 scripts/check-layers.py
step "The check of layers itself" python3 scripts/check-layers.py --self-test
step "Hardware lint" scripts/lint-hw.sh
build release || true
rm -f build/tidy.txt
set -m
build_ahead </dev/null >build/ahead.txt 2>&1 & ahead=$!
set +m
suite release
quietly "Building ahead, clang-tidy" tail --pid="$ahead" -f /dev/null
if build clang; then
  passed=$((passed + 1))
  step "clang-tidy" tidied
else
  failed=$((failed + 1))
fi
suite sanitize
# All stories ran as released and under the sanitizers, there with fault points; once more those that kill at
# fault points, which are then as quick as they will be.
suite debug 'e2e_(killed_at|acme_client_(changes|killed)|ceremony_that_fails|direct_instance)'
suite thread 'test_(rpc|engine|hash|http|sign_(signer|failover|latch)|store_open|provider_guests|acme_(ca|job|nonce|validate))'
fuzz
if [ "${#skipped[@]}" -gt 0 ]; then
  printf 'skipped:\n'
  printf '  %s\n' "${skipped[@]}"
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
