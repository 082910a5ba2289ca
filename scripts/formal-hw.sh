#!/usr/bin/env bash
# formal-hw.sh [NAME]...: proves the properties of hw/formal (all, or those named) with Yosys and z3, and
# that each proof fails on a module that was broken on purpose.
#
# "bounded" holds for every run of so many cycles from reset; "by induction" for every run.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" != --inside ]; then exec scripts/run.sh scripts/formal-hw.sh --inside "$@"; fi
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=(hw/rtl/mtc_regs_pkg.sv "$work/mtc_pkg.sv")
small=   # sed: constants of the package that are smaller in a proof
shrink=  # sed: what is smaller in its first module
alter=   # sed: what is other in the properties

# model NAME OUT SOURCE...: the modules with the properties as a problem for the solver.
model() {
  sed "$small" hw/rtl/mtc_pkg.sv >"$work/mtc_pkg.sv"
  sed "$alter" "hw/formal/$1.sv" >"$work/properties.sv"
  yosys -q -p "read_verilog -formal -sv ${packages[*]} ${*:3} $work/properties.sv;
    prep -flatten -top formal_$1; memory_map; opt -full; wreduce; opt_clean; async2sync; chformal -lower; dffunmap; opt_clean;
    write_smt2 -wires $2" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# holds DEPTH [-i] MODEL: whether the solver finds no counterexample (exit 1 is one; 2 is no answer).
holds() { yosys-smtbmc -s z3 -t "$1" "${@:2}" >"$work/log" 2>&1; }

# prove NAME DEPTH INDUCTION BREAK MODULE [MODULE]...: BMC to DEPTH; induction of that many steps, 0 for
# none; then with BREAK (sed) done to the first module, which must change it and make the proof fail.
prove() {
  local name=$1 depth=$2 steps=$3 break=$4 others=() how
  others=("${@:6}")
  others=("${others[@]/#/hw/rtl/mtc_}")
  others=("${others[@]/%/.sv}")
  local module=$work/mtc_$5.sv
  sed "$shrink" "hw/rtl/mtc_$5.sv" >"$module"
  model "$name" "$work/good.smt2" "$module" "${others[@]}"
  holds "$depth" "$work/good.smt2" || { cat "$work/log"; echo "$name: does not hold"; exit 1; }
  how="bounded, $depth cycles"
  if [ "$steps" -gt 0 ]; then
    holds "$steps" -i "$work/good.smt2" || { cat "$work/log"; echo "$name: no induction"; exit 1; }
    how="by induction of $steps, from $depth cycles"
  fi
  sed "$break" "$module" >"$work/broken.sv"
  ! cmp -s "$module" "$work/broken.sv" || { echo "$name: nothing was broken"; exit 1; }
  model "$name" "$work/bad.smt2" "$work/broken.sv" "${others[@]}"
  if holds "$depth" "$work/bad.smt2"; then echo "$name: holds though broken"; exit 1; fi
  grep -q 'Assert failed' "$work/log" || { cat "$work/log"; echo "$name: no counterexample"; exit 1; }
  echo "$name (mtc_$5): holds $how; broken, it fails"
}

names=("$@")
[ "${#names[@]}" -gt 0 ] || names=(skid fifo queue pairs axil credit avail store reorder reduce tree)
for name in "${names[@]}"; do
  small='' shrink='' alter=''
  case $name in
    # The spare word is forgotten.
    skid) prove skid 12 2 's/data_q <= spare_valid_q ? spare_q : data_i/data_q <= data_i/' skid ;;
    # A word too many is let in.
    fifo) prove fifo 12 0 "s/assign ready_o = .*/assign ready_o = 1'b1;/" fifo far ;;
    # The same of the buffer that gives a word in two or five cycles. A word is taken before it has been read.
    queue)
      for gap in 2 5; do
        alter="s/mtc_fifo #(/mtc_queue #(.Gap($gap), /"
        prove fifo 12 0 "s/there_q <= unread_q != '0/& || push/" queue far
      done
      ;;
    # The same of pairs. A second word is loaded before it has been read.
    pairs)
      alter='s/mtc_fifo/pairs_bench/; s/InParts = .*;/InParts = 1'"'b1;/; \$r tests/hw/pairs_bench.sv"
      prove fifo 12 0 's/ends_q  <= waits_q/ends_q  <= load/' pairs far
      ;;
    # Byte strobes are not looked at.
    axil) prove axil 10 0 "s/whole_q <= wstrb_i == '1/whole_q <= 1'b1/" axil ;;
    # SYNC frames are not sent.
    avail)
      small='s/Frames *= 8/Frames = 2/; s/Batches *= 4/Batches = 2/'
      shrink="s/\[5:0\]/[1:0]/g; s/6'd6\([0-9]\)/2'd\1/g; s/6'd/2'd/g; s/32'd63/32'd3/g
        s/Frames\*64/Frames*4/; s/BufferWidth+5/BufferWidth+1/"
      prove avail 12 0 's/valid_i(push_q/& \&\& !frame_q.is_sync/' emit queue far
      ;;
    # A block more is promised than there is room for.
    store)
      small='s/Blocks    = 1024/Blocks    = 8/; s/LeafBlocks = [^;]*/LeafBlocks = 2/; s/BlocksUnderWay = 8/BlocksUnderWay = 1/'
      prove store 16 0 's/Way - 2/Way - 1/' store fifo far
      ;;
    # A beat more is granted than there is room for.
    credit)
      small='s/InputDepth = 256/InputDepth = 4/'
      prove credit 16 0 's/credit_d *= mtc_pkg::InputDepth/&+ 1/' ingest fifo far
      ;;
    # A place is free again when its hash was read, not when it has gone on.
    reorder) prove reorder 16 0 's/assign leaves .*/assign leaves = load;/' reorder ;;
    # Leaves are let in without credit for their parents.
    reduce) prove reduce 14 0 's/credits_q != CountWidth/1 || &/' reduce far ;;
    # A left sibling is put away too late for a right one that comes right behind it.
    tree) prove tree 16 0 's/if (waits) waiting/if (second_q \&\& !item_q.node.index[0]) waiting/' reduce far ;;
    *) echo "usage: scripts/formal-hw.sh [skid|fifo|queue|pairs|axil|credit|avail|store|reorder|reduce|tree]..." >&2; exit 2 ;;
  esac
done
