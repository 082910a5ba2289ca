#!/usr/bin/env bash
# mutate-hw.sh [PATTERN]: puts each fault of hw/mutations.txt (those whose module matches PATTERN) into a
# copy of the tree and runs the benches, that of the module first, until one fails. A fault that none
# notices has survived, and the script fails. Too slow for every change: run by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/mutate-hw.sh --inside "$@"; fi

pattern=${2:-.}
copy=$(mktemp -d /tmp/mtc-mutate-XXXXXX)
trap 'rm -rf "$copy"' EXIT
cp -r hw "$copy/"
# Most of what is compiled is the same again and again.
export OBJCACHE=ccache CCACHE_DIR=$copy/ccache
mapfile -t sources <hw/core.f

# mutate INDEX: applies a fault; prints its module and what it costs, nothing behind the last one.
mutate() {
  python3 - "$copy" "$1" <<'END'
import sys
copy, index = sys.argv[1], int(sys.argv[2])
blocks = [[line for line in block.splitlines() if not line.startswith("#")]
          for block in open("hw/mutations.txt").read().split("\n\n")]
blocks = [block for block in blocks if block]
if index >= len(blocks): sys.exit()
module, why = blocks[index][0].split(": ", 1)
text, other = ("\n".join(line[2:] for line in blocks[index][1:] if line.startswith(mark))
               for mark in ("- ", "+ "))
path = f"hw/rtl/{module}.sv"
source = open(path).read()
if source.count(text) != 1: sys.exit(f"{path}: {source.count(text)} times: {text}")
open(f"{copy}/{path}", "w").write(source.replace(text, other))
print(module, why)
END
}

# build NAME TOP SOURCE... [-G...]: a bench with the RTL of the copy, as tests/hw/CMakeLists.txt has it, but
# by Verilator alone and with little optimisation: CMake would make every other bench anew as well.
build() {
  (cd "$copy" && verilator --cc --exe --build -j 2 --assert --x-assign unique --x-initial unique -Wno-lint \
    --prefix "V$1" --top-module "$2" -Mdir "$copy/$1" -o bench -MAKEFLAGS "OPT_FAST=-O1 OPT_SLOW=-O0" \
    -CFLAGS "-std=c++17 -I$OLDPWD/host -I$OLDPWD/sim -I$OLDPWD/tests/hw" -LDFLAGS -lcrypto \
    "${@:3}" "${sources[@]}") >"$copy/log" 2>&1 ||
    { cat "$copy/log" >&2; echo "does not build: $module: $why" >&2; exit 1; }
}

# fails PROGRAM [ARGUMENT]...: one that hangs has noticed; one that cannot be run has not.
fails() {
  local result=0
  { timeout 120 "$@" >"$copy/log" 2>&1 || result=$?; } 2>/dev/null  # no word of the shell on a signal
  case $result in
    0) return 1 ;;
    126 | 127) cat "$copy/log" >&2; exit 1 ;;
  esac
}

# module_notices MODULE: its bench fails.
module_notices() {
  local parameters=()
  case $1 in
    fifo) parameters=(-GWidth=40 -GDepth=8) ;;
    sched) parameters=(-GFold=16) ;;
  esac
  build "$1" "mtc_$1" "$PWD/tests/hw/test_hw_$1.cpp" "${parameters[@]}"
  fails "$copy/$1/bench"
}

# lane_notices FOLD STAGES: the lane's bench fails in this build.
lane_notices() {
  local name=lane_$1_$2
  mkdir -p "$copy/$name"
  printf '#include "V%s.h"\n#define LANES(make) {%s, %s, make<V%s>}\n' "$name" "$1" "$2" "$name" \
    >"$copy/$name/lanes.hpp"
  build "$name" mtc_lane "$PWD/tests/hw/test_hw_lane.cpp" "$PWD/sim/model.cpp" "-GFold=$1" "-GStages=$2"
  fails "$copy/$name/bench" "$1" "$2"
}

caught=0 survived=0
for ((index = 0; ; index++)); do
  line=$(mutate "$index")
  if [ -z "$line" ]; then break; fi
  read -r module why <<<"$line"
  by=
  if [[ $module =~ $pattern ]]; then
    own=${module#mtc_}
    case $module in
      mtc_lane | mtc_csr | mtc_pkg | mtc_delay | mtc_sha256_*) ;;
      *) if module_notices "$own"; then by=test_hw_$own; fi ;;
    esac
    if [ "$by" ]; then :
    elif [ "$module" = mtc_sha256_unrolled ]; then
      if lane_notices 1 1; then by="test_hw_lane 1 1"; fi
    elif lane_notices 4 1; then
      by="test_hw_lane 4 1"
    elif lane_notices 64 1; then
      by="test_hw_lane 64 1"
    fi
    if [ "$by" ]; then
      caught=$((caught + 1))
      echo "caught by $by: $module: $why"
    else
      survived=$((survived + 1))
      echo "SURVIVED: $module: $why"
    fi
  fi
  cp "hw/rtl/$module.sv" "$copy/hw/rtl/$module.sv"
done
echo "$caught caught, $survived survived"
[ "$survived" = 0 ] && [ "$caught" -gt 0 ]
