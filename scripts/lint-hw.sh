#!/usr/bin/env bash
# lint-hw.sh: Verilator's lint of the core with every warning on, that Yosys reads it too, and that
# what comes from the register description is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/lint-hw.sh --inside; fi

python3 hw/regs/generate.py --check
verilator --lint-only -Wall --assert hw/waivers.vlt -f hw/core.f --top-module mtc_lane
mapfile -t sources <hw/core.f
yosys -q -p "read_verilog -sv ${sources[*]}; hierarchy -check -top mtc_lane; proc; check -assert -noinit"
echo "hardware lint: no warnings"
