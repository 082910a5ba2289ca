#!/usr/bin/env bash
# mutate-hw.sh [PATTERN [PART/PARTS]]: puts each fault of hw/mutations.txt (those whose module matches
# PATTERN, of them every PARTSth) into a copy of the tree and runs the benches, that of the module first,
# until one fails; first, that each passes without any fault. A fault that none notices has survived; one
# whose text is not once in its file is stale; with either, the script fails. Too slow for every change: run by
# hand, "." 1/2 and "." 2/2 at a time where there are two processors. The tree may be edited meanwhile: the copy is
# made first.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/mutate-hw.sh --inside "$@"; fi

pattern=${2:-.} part=${3:-1/1}
[[ $part =~ ^[1-9]/[1-9]$ ]] || { echo "usage: scripts/mutate-hw.sh [PATTERN [PART/PARTS]]" >&2; exit 2; }
jobs=$((part == 1 ? 2 : 1))
copy=$(mktemp -d /tmp/mtc-mutate-XXXXXX)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/host/hash" "$copy/tests" "$copy/good"
cp -r hw sim "$copy/"
cp -r tests/hw "$copy/tests/"
cp host/hash/card_regs.h "$copy/host/hash/"
cp -r hw "$copy/good/"
cd "$copy"
# Most of what is compiled is the same again and again.
export OBJCACHE=ccache CCACHE_DIR=$copy/ccache
mapfile -t sources <hw/core.f

# mutate INDEX: what becomes of the fault of this number, nothing behind the last one: "MODULE applied",
# "MODULE stale"; then what it costs.
mutate() {
  python3 - "$1" <<'END'
import sys
index = int(sys.argv[1])
blocks = [[line for line in block.splitlines() if not line.startswith("#")]
          for block in open("hw/mutations.txt").read().split("\n\n")]
blocks = [block for block in blocks if block]
if index >= len(blocks): sys.exit()
module, why = blocks[index][0].split(": ", 1)
text, other = ("\n".join(line[2:] for line in blocks[index][1:] if line.startswith(mark))
               for mark in ("- ", "+ "))
path = f"hw/rtl/{module}.sv"
source = open(f"good/{path}").read()
open(path, "w").write(source.replace(text, other))
print(module, "applied" if source.count(text) == 1 and text != other else "stale", why)
END
}

# build NAME TOP SOURCE... [-G...]: a bench with the RTL of the copy, as tests/hw/CMakeLists.txt has it, but
# by Verilator alone and with little optimisation: CMake would make every other bench anew as well.
# `extra` is what else the compiler and linker are told; without a bench among the sources, a library.
build() {
  local exe=(--exe -o bench)
  [[ " ${*:3} " == *.cpp* ]] || exe=()
  verilator --cc "${exe[@]}" --build -j "$jobs" --assert --x-assign unique --x-initial unique -Wno-lint \
    --prefix "V$1" --top-module "$2" -Mdir "$1" -MAKEFLAGS "OPT_FAST=-O1 OPT_SLOW=-O0" \
    -CFLAGS "-std=c++17 -I$PWD/host -I$PWD/sim -I$PWD/tests/hw ${cflags:-}" \
    -LDFLAGS "${ldflags:-} -lcrypto -ljansson" "${@:3}" "${sources[@]}" >log 2>&1 ||
    { cat log >&2; echo "does not build: $module: $why" >&2; exit 1; }
}

# fails PROGRAM [ARGUMENT]...: one that hangs has noticed; one that cannot be run has not. What is hanging
# depends on the machine and on who shares it: ten times what it took without a fault, and a minute.
fails() {
  local result=0 begin=$SECONDS seconds limit
  limit=$copy/limit_$(tr -c 'a-zA-Z0-9\n' _ <<<"$*")
  # Several modules share a bench: once is enough to know that it passes.
  if [ "$why" = "no fault" ] && [ -e "$limit" ]; then return 1; fi
  seconds=$(cat "$limit" 2>/dev/null || echo 1800)
  { timeout "$seconds" "$@" >log 2>&1 || result=$?; } 2>/dev/null  # no word of the shell on a signal
  [ -e "$limit" ] || echo $((10 * (SECONDS - begin) + 60)) >"$limit"
  case $result in
    0) return 1 ;;
    126 | 127) cat log >&2; exit 1 ;;
  esac
}

# module_notices MODULE: its bench fails.
module_notices() {
  local arguments=() own=() top=mtc_$1 file
  case $1 in
    fifo | queue) own=(-GWidth=40 -GDepth=8) ;;
    skid) own=(-GWidth=40) ;;
    axil) own=(-GLanes=3 -GAddressWidth=16) ;;
    csr) own=(-GBuild=0x89ABCDEF -GFold=4 -GStages=1 -GLanes=3) ;;
    sched) own=(-GFold=16) ;;
  esac
  for file in tests/hw/"$1"_bench.sv tests/hw/"$1"_bench.vlt; do
    if [ -e "$file" ]; then own+=("$PWD/$file"); fi
  done
  if [ -e "tests/hw/$1_bench.sv" ]; then top=$1_bench; fi
  if grep -q 'usage: .* mtc_regs.json' "tests/hw/test_hw_$1.cpp"; then arguments=(hw/regs/mtc_regs.json); fi
  build "$1" "$top" "$PWD/tests/hw/test_hw_$1.cpp" "${own[@]}"
  fails "$1/bench" "${arguments[@]}"
}

# lane_notices FOLD STAGES: the lane's bench fails in this build.
lane_notices() {
  local name=lane_$1_$2
  mkdir -p "$name"
  printf '#include "V%s.h"\n#define LANES(make) {%s, %s, make<V%s>}\n' "$name" "$1" "$2" "$name" \
    >"$name/lanes.hpp"
  build "$name" mtc_lane "$PWD/tests/hw/test_hw_lane.cpp" "$PWD/sim/model.cpp" "-GFold=$1" "-GStages=$2"
  fails "$name/bench" "$1" "$2"
}

# top_notices: the card's bench fails.
top_notices() {
  local ldflags="" cflags=""
  build top_2_64 mtc_top -GLanes=2 -GStreamWidth=64 -GFold=64
  cflags=-I$PWD/top_2_64 ldflags=$PWD/top_2_64/libVtop_2_64.a
  build top_2_512 mtc_top "$PWD/tests/hw/test_hw_axi.cpp" -GLanes=2 -GStreamWidth=512 -GFold=64
  fails top_2_512/bench
}

# card_notices: the bench of the card of mtc-sim, with two lanes of the smallest engine.
card_notices() {
  local ldflags=-lz name=card_64_1_2
  mkdir -p "$name"
  printf '#include "V%s.h"\n#define CARDS(make) {64, 1, 2, make<V%s, 2>}\n#define TRACED(make)\n' "$name" "$name" \
    >"$name/tops.hpp"
  build "$name" mtc_top --trace-fst "$PWD/tests/hw/test_hw_card.cpp" "$PWD/sim/top.cpp" "$PWD/sim/trace.cpp" \
    -GLanes=2 -GFold=64
  fails "$name/bench" hw/regs/mtc_regs.json 64 1 2
}

# noticed_by MODULE: the bench that notices, if one does.
noticed_by() {
  local name=${1#mtc_}
  if [ -e "tests/hw/test_hw_$name.cpp" ] && [ "$name" != lane ] && module_notices "$name"; then
    echo "test_hw_$name"
    return
  fi
  case $1 in
    mtc_top | mtc_axil | mtc_skid | mtc_widen | mtc_narrow)
      if top_notices; then echo test_hw_axi
      elif [ "$1" = mtc_top ] && card_notices; then echo test_hw_card; fi
      ;;
    mtc_sha256_unrolled | mtc_add_*)
      if lane_notices 1 1; then echo "test_hw_lane 1 1"; fi
      ;;
    *)
      if lane_notices 4 1; then echo "test_hw_lane 4 1"
      elif lane_notices 64 1; then echo "test_hw_lane 64 1"
      elif lane_notices 1 1; then echo "test_hw_lane 1 1"; fi
      ;;
  esac
}

# A bench that fails anyhow notices nothing.
why="no fault"
for module in $(sed -n 's/^\(mtc_[a-z0-9_]*\): .*/\1/p' hw/mutations.txt | sort -u); do
  if [[ $module =~ $pattern ]]; then
    by=$(noticed_by "$module")
    if [ "$by" ]; then cat log >&2; echo "$by fails without any fault ($module)" >&2; exit 1; fi
  fi
done

caught=0 bad=()
for ((index = 0; ; index++)); do
  line=$(mutate "$index")
  if [ -z "$line" ]; then break; fi
  read -r module state why <<<"$line"
  if [[ $module =~ $pattern ]] && ((index % ${part#*/} == ${part%/*} - 1)); then
    by=
    if [ "$state" = applied ]; then by=$(noticed_by "$module"); fi
    if [ "$by" ]; then
      caught=$((caught + 1))
      echo "caught by $by: $module: $why"
    else
      if [ "$state" = applied ]; then state=SURVIVED; else state=STALE; fi
      bad+=("$state: $module: $why")
      echo "${bad[-1]}"
    fi
  fi
  cp "good/hw/rtl/$module.sv" "hw/rtl/$module.sv"
done
if [ "${#bad[@]}" -gt 0 ]; then printf '%s\n' "---" "${bad[@]}"; fi
echo "$caught caught, ${#bad[@]} not"
[ "${#bad[@]}" = 0 ] && [ "$caught" -gt 0 ]
