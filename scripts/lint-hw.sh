#!/usr/bin/env bash
# lint-hw.sh: Verilator's lint of every build of the core and of the boards with every warning on,
# that Yosys reads the core too, that hw/yosys has the right cells for its sums, and that what comes from
# the register description is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/lint-hw.sh --inside; fi

python3 hw/regs/generate.py --check
# Yosys 0.52 reads an array of a struct typedef as one word, indexed by bit, and says nothing. Vectors and
# enums are what it can: `logic [$bits(x)-1:0] memory[N]`.
structs=$(sed -n 's/^ *} \([a-z0-9_]*_t\);.*/\1/p' hw/rtl/*.sv hw/boards/*/*.sv | paste -sd '|')
if grep -nE "\b($structs) +[a-z0-9_]+ *\[" hw/rtl/*.sv hw/boards/*/*.sv; then
  echo "an array of structs: Yosys would make another circuit of it" >&2
  exit 1
fi
# Cycles a block, registers a round.
for build in "1 1" "1 2" "2 1" "4 1" "16 1" "64 1"; do
  read -r fold stages <<<"$build"
  verilator --lint-only -Wall --assert hw/waivers.vlt -f hw/core.f --top-module mtc_lane \
    -GFold="$fold" -GStages="$stages"
done
# Lanes, stream width, cycles a block.
tops=("1 512 1" "1 64 64" "2 64 64" "3 512 4")
for top in "${tops[@]}"; do
  read -r lanes width fold <<<"$top"
  verilator --lint-only -Wall --assert hw/waivers.vlt -f hw/core.f --top-module mtc_top \
    -GLanes="$lanes" -GStreamWidth="$width" -GFold="$fold"
done
# The boards, their vendors' parts as stubs.
verilator --lint-only -Wall --assert hw/waivers.vlt -f hw/core.f hw/boards/vendor_stubs.sv \
  -f hw/boards/ecp5/card.f hw/boards/ecp5/mtc_ecp5_top.sv --top-module mtc_ecp5_top
verilator --lint-only -Wall --assert hw/waivers.vlt -f hw/core.f hw/boards/vendor_stubs.sv \
  hw/boards/alveo_xdma/mtc_alveo_top.sv --top-module mtc_alveo_top
mapfile -t sources <hw/core.f
for fold in 1 4; do
  yosys -q -p "read_verilog -sv ${sources[*]}; chparam -set Fold $fold mtc_lane;
    hierarchy -check -top mtc_lane; proc; check -assert -noinit"
done
for width in 64 512; do
  yosys -q -p "read_verilog -sv ${sources[*]}; chparam -set Lanes 2 -set Fold 64 -set StreamWidth $width mtc_top;
    hierarchy -check -top mtc_top; proc; check -assert -noinit"
done
for sum in mtc_add_choice mtc_add_majority; do
  yosys -q -w tri-state -p "read_verilog -sv hw/rtl/mtc_sha256_pkg.sv hw/rtl/$sum.sv; prep -flatten -top $sum;
    design -stash generic; read_verilog -sv hw/yosys/ecp5_sums.v; read_verilog +/ecp5/cells_sim.v;
    prep -flatten -top $sum; design -stash mapped; design -copy-from generic -as generic $sum;
    design -copy-from mapped -as mapped $sum; miter -equiv -flatten generic mapped miter;
    sat -verify -prove trigger 0 miter"
done
echo "hardware lint: no warnings"
