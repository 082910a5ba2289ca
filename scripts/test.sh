#!/usr/bin/env bash
# test.sh: builds and runs every test, plain and under the sanitizers. Its last line is
# "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/test.sh --inside; fi
. scripts/lib/env.sh

passed=0 failed=0

# step TITLE COMMAND...: one check, counted as one test.
step() {
  if quietly "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# suite PRESET: builds a preset and runs its tests, each counted.
suite() {
  local preset=$1 folder=build/$1 log
  [ "$preset" = release ] && folder=build
  if ! quietly "Building ($preset)" sh -c "cmake --preset $preset && cmake --build --preset $preset"; then
    failed=$((failed + 1))
    return
  fi
  log=$(mktemp)
  quietly "Testing ($preset)" ctest --test-dir "$folder" --output-on-failure \
    --output-junit "$log" || true
  local total bad
  total=$(grep -c '<testcase ' "$log" || true)
  bad=$(grep -c 'status="fail"' "$log" || true)
  rm -f "$log"
  # A suite that ran nothing proves nothing.
  if [ "$total" -eq 0 ]; then failed=$((failed + 1)); fi
  passed=$((passed + total - bad)) failed=$((failed + bad))
}

mapfile -t c_files < <(git ls-files 'host/*.c' 'host/*.h' 'tests/*.c')
mapfile -t shell_files < <(git ls-files 'scripts/*.sh' .ci/run)
step "Formatting" clang-format --dry-run --Werror "${c_files[@]}"
# SC2155: what these declarations run cannot fail without the script having failed before.
step "Shell scripts" shellcheck --severity=warning --exclude=SC2155 "${shell_files[@]}"
step "Layers and docstrings" python3 scripts/check-layers.py
suite release
suite sanitize
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
