#!/usr/bin/env bash
# test.sh [SECONDS]: builds and runs every check and test, plain and under the sanitizers, and each
# fuzz harness for SECONDS (20). Its last line is "N passed, N failed"; skipped tests are named above
# it and count as neither.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/test.sh --inside "$@"; fi
shift
. scripts/lib/env.sh
fuzz_seconds=${1:-20}
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
  local preset=$1 folder=build/$1 log title total bad missing name rc=0
  [ "$preset" = release ] && folder=build
  if ! build "$preset"; then failed=$((failed + 1)); return; fi
  log=$(mktemp)
  title="Testing ($preset)"
  quietly "$title" ctest --test-dir "$folder" --output-on-failure --timeout 300 \
    --tests-regex "${2:-.}" --output-junit "$log" || rc=$?
  total=$(grep -c '<testcase .*status="run"' "$log" || true)
  bad=$(grep -c '<testcase .*status="fail"' "$log" || true)
  missing=$(grep '<testcase .*status="\(notrun\|disabled\)"' "$log" | sed 's/.* name="\([^"]*\)".*/\1/' || true)
  for name in $missing; do skipped+=("$name ($preset)"); done
  rm -f "$log"
  # A suite that ran nothing proves nothing; a test whose program is missing is "notrun" too.
  if [ "$total" -eq 0 ] || { [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; }; then failed=$((failed + 1)); fi
  passed=$((passed + total)) failed=$((failed + bad))
}

fuzz() {
  local log result
  log=$(mktemp)
  scripts/fuzz.sh "$fuzz_seconds" | tee "$log" || true
  result=$(tail -n 1 "$log")
  rm -f "$log"
  if [[ $result =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    failed=$((failed + 1))
  fi
}

mapfile -t c_files < <(git ls-files 'host/*.c' 'host/*.h' 'tests/*.c' 'tests/*.h')
mapfile -t shell_files < <(git ls-files 'scripts/*.sh' 'tests/*.sh' .ci/run)
step "Formatting" clang-format --dry-run --Werror "${c_files[@]}"
# SC2155: what these declarations run cannot fail without the script having failed before.
step "Shell scripts" shellcheck --external-sources --severity=warning --exclude=SC2155 "${shell_files[@]}"
step "Layers and docstrings" python3 scripts/check-layers.py
step "Hardware lint" scripts/lint-hw.sh
if build clang; then
  passed=$((passed + 1))
  step "clang-tidy" run-clang-tidy -quiet -j2 -p build/clang "$PWD/host/"
else
  failed=$((failed + 1))
fi
suite release
suite sanitize
suite debug e2e_
suite thread 'test_(rpc|engine|hash|sign_signer|store_open)'
fuzz
if [ "${#skipped[@]}" -gt 0 ]; then
  printf 'skipped:\n'
  printf '  %s\n' "${skipped[@]}"
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
