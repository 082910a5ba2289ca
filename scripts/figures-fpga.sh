#!/usr/bin/env bash
# figures-fpga.sh [--placed | --at-least MHZ] [FOLD STAGES [SEED]]: area and clock of one lane (4 1 unless given)
# on a Lattice LFE5U-85F, speed 8, out of context: Yosys, then nextpnr places and routes. Then Yosys' estimate
# of its area on UltraScale+. Reports go to build/fpga. Fold 4 takes a quarter of an hour, Fold 1 half an hour:
# run it by hand or at night (.ci/nightly). `engine STAGES` in place of FOLD STAGES does the SHA-256 pipeline alone.
# --placed stops before routing, with nextpnr's estimate of the clock and the worst paths by the delays it
# estimates; with --at-least a clock below MHZ is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/figures-fpga.sh --inside "$@"; fi
shift
placed='' at_least=0
case ${1:-} in
  --placed) placed=1; shift ;;
  --at-least) at_least=${2:?MHz}; shift 2 ;;
esac
fold=${1:-4} stages=${2:-1} seed=${3:-1}
top=mtc_lane parameters="-set Fold $fold -set Stages $stages" name=lane_${fold}_$stages
if [ "$fold" = engine ]; then
  top=mtc_sha256_unrolled parameters="-set Stages $stages" name=engine_$stages
fi
out=$PWD/build/fpga/$name
mkdir -p "$out"
mapfile -t sources <hw/core.f

# read_core TOP PARAMETERS [CELLS]: Yosys' commands for a top of the core; CELLS are for some of its sums. With
# the pipeline, sums stay apart (hw/yosys/add.v says why); the renamed top is the derived one.
read_core() {
  echo "read_verilog -sv ${sources[*]}; ${box:+read_verilog -lib $box;} chparam $2 $1;"
  if [ "$fold" = 1 ] || [ "$fold" = engine ]; then
    echo "hierarchy -check -top $1; rename -top $1; ${3:+techmap -map $3;} proc; flatten; opt_expr; opt_clean;
      wreduce; techmap -map hw/yosys/add.v t:\$add;"
  fi
}

# What synth_ecp5 does but for naming the cells, which with its own command takes longer than all the rest.
# A pipeline is synthesised alone and put into the box that the rest of the lane has for it.
net="-run begin:check; rename -wire; blackbox =A:whitebox;"
box='' join=''
if [ "$fold" = 1 ] || [ "$fold" = engine ]; then
  yosys -q -l "$out/engine.log" -p "$(read_core mtc_sha256_unrolled "-set Stages $stages" hw/yosys/ecp5_sums.v)
    synth_ecp5 -top mtc_sha256_unrolled $net write_rtlil $out/engine.il; write_json $out/ecp5.json"
fi
if [ "$fold" != engine ]; then
  all=("${sources[@]}")
  if [ "$fold" = 1 ]; then
    box=hw/yosys/engine.v
    sources=("${sources[@]/#*mtc_sha256_unrolled.sv/}")
    join="setparam -unset Stages t:mtc_sha256_unrolled; delete =mtc_sha256_unrolled;
      read_rtlil -nooverwrite $out/engine.il; hierarchy -check -top mtc_lane; flatten; opt_clean;"
  fi
  yosys -q -l "$out/ecp5.log" -p "$(read_core mtc_lane "$parameters" hw/yosys/ecp5_sums.v)
    synth_ecp5 -top mtc_lane $net $join write_json $out/ecp5.json"
  sources=("${all[@]}") box=''
fi

# A lane's block memories are told where to lie: left alone, nextpnr strews them over the device. With Fold 1 tiles
# in its midst stay empty, too: there would be too many wires to be routed.
if [ "$fold" = 1 ]; then
  scripts/lib/floorplan.py "$out/ecp5.json" "$stages"
elif [ "$fold" != engine ]; then
  scripts/lib/floorplan.py "$out/ecp5.json"
fi
# A full device needs more than the usual attempts to place a cell. With Fold 1 timing weighs more than usual: few
# paths decide there, and wires become shorter by it, too (docs/hardware.md).
device=(--85k --package CABGA756 --speed 8 --out-of-context --freq 120 --timing-allow-fail -q)
place=("${device[@]}" --seed "$seed" --placer-heap-cell-placement-timeout 0 --json ecp5.json)
if [ "$fold" = 1 ]; then place+=(--placer-heap-timingweight 25); fi

# run_nextpnr HOURS LOG ARGUMENT...: in $out; says why when it does not succeed. What a router does depends on its
# environment and on how long the names of its files are: they are always the same.
run_nextpnr() {
  local hours=$1 log=$out/$2 rc=0
  : >"$log"
  (cd "$out" && exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    timeout "${hours}h" nextpnr-ecp5 "${@:3}" --log "$2") 2>/dev/null || rc=$?
  if [ "$rc" -eq 124 ]; then echo "$name: nextpnr did not end in $hours hours ($log)" >&2; fi
  if [ "$rc" -ne 0 ]; then tail -n 3 "$log" >&2; fi
  return "$rc"
}

if [ "$placed" ]; then
  run_nextpnr 8 nextpnr.log "${place[@]}" --no-route --sdf placed.sdf
  mhz=$(sed -n "s/.*Max frequency.*: \([0-9.]* MHz\).*/\1/p" "$out/nextpnr.log" | tail -n 1)
  echo "$name, LFE5U-85F speed 8, seed $seed: $mhz estimated after placement"
  grep -oE '(TRELLIS_COMB|TRELLIS_FF|DP16KD): .*' "$out/nextpnr.log" | tail -n 3
  scripts/lib/worst_paths.py "$out/placed.sdf"
  exit
fi
# A full device is routed by router2, which goes on until no wire is wanted twice, and with --tmg-ripup until no
# path is slower than what floorplan.py asks for: where that cannot be, it does not end. With several threads it goes
# another way each time. A placement that was written keeps its settings, with the router's among them.
route=("${place[@]}" --router router1) hours=8
if [ "$fold" = 1 ]; then
  run_nextpnr 2 placed.log "${place[@]}" --no-route --write placed.json
  scripts/lib/floorplan.py --routing "$out/placed.json"
  route=("${device[@]}" --tmg-ripup --threads 1 --no-pack --no-place --json placed.json) hours=2
fi
run_nextpnr "$hours" nextpnr.log "${route[@]}" --report ecp5_timing.json
python3 - "$out/ecp5_timing.json" "$name" "$seed" "$at_least" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
used = report["utilization"]
clock = min(clock["achieved"] for clock in report["fmax"].values())
print(f"{sys.argv[2]}, LFE5U-85F speed 8, seed {sys.argv[3]}: {clock:.1f} MHz routed; " + ", ".join(
    f"{name} {used[name]['used']} ({100 * used[name]['used'] / used[name]['available']:.0f}%)"
    for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD")))
if clock < float(sys.argv[4]): sys.exit(f"{sys.argv[2]}: slower than {sys.argv[4]} MHz")
END

# Yosys says of each block memory that it takes an address bit less.
yosys -q -w "Resizing cell port" -l "$out/xcup.log" -p "$(read_core "$top" "$parameters")
  synth_xilinx -family xcup -top $top; tee -o $out/xcup.txt stat"
python3 - "$out/xcup.txt" "$name" <<'END'
import re, sys
cells = {m.group(1): int(m.group(2)) for m in re.finditer(r"^\s+([A-Z]\w+)\s+(\d+)$", open(sys.argv[1]).read(), re.M)}
luts = sum(n for name, n in cells.items() if re.fullmatch(r"LUT[1-6]|SRL\w+", name))
in_memory = sum(8 * n for name, n in cells.items() if re.fullmatch(r"RAM32M16|RAM64M8", name))
blocks = sum(n / 2 if name == "RAMB18E2" else n for name, n in cells.items() if name.startswith("RAMB"))
flops = sum(n for name, n in cells.items() if re.fullmatch(r"FD[CPRS]E(_1)?", name))
print(f"{sys.argv[2]}, UltraScale+ as Yosys estimates it: {luts} LUT and {in_memory} LUT of memory, "
      f"{flops} FF, {blocks:g} block memories of 36 Kbit")
END
