#!/usr/bin/env bash
# build.sh [FOLD [SEED]]: the ECP5 board's configuration (README.md) in build/ecp5, with the reports of
# area and timing. FOLD is 64 or 4.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh hw/boards/ecp5/build.sh --inside "$@"; fi
fold=${2:-64} seed=${3:-1} out=build/ecp5/fold_${2:-64}
mkdir -p "$out"
mapfile -t sources < <(cat hw/core.f hw/boards/ecp5/card.f)
yosys -q -l "$out/yosys.log" -p "read_verilog -sv ${sources[*]} hw/boards/ecp5/mtc_ecp5_top.sv;
  chparam -set Fold $fold mtc_ecp5_top; synth_ecp5 -top mtc_ecp5_top -json $out/card.json;
  tee -o $out/area.txt stat"
# router2, the default, does not converge on the engine.
nextpnr-ecp5 --85k --package CABGA381 --speed 6 --router router1 --seed "$seed" \
  --json "$out/card.json" --lpf hw/boards/ecp5/ulx3s.lpf --textcfg "$out/card.config" \
  --report "$out/timing.json" --log "$out/nextpnr.log" -q
grep -E 'Max frequency|Info:.*(TRELLIS_COMB|TRELLIS_FF|DP16KD):' "$out/nextpnr.log" | tail -n 5
if command -v ecppack >/dev/null; then
  ecppack --compress "$out/card.config" "$out/card.bit"
  echo "configuration: $out/card.bit"
else
  echo "no ecppack here: $out/card.config was placed and routed but not packed"
fi
