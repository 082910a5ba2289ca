#!/usr/bin/env bash
# An FPGA engineer has the model write a waveform, makes it fail in every way it can, and finds the last
# cycles before the fault in files that GTKWave's reader takes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -x "${MTC_SIM:?}" ] || { echo "skipped: the release preset, which builds mtc-sim, was not built"; exit 77; }
reader=$(dirname "$MTC_SIM")/mtc-read-fst
wave=$work/wave.fst older=$work/wave.older.fst cycles=700
mkdir "$work/card"

start_sim() { start sim "$MTC_SIM" --path "$work/card" --fold 4 --trace "$wave" --trace-cycles "$cycles" "$@"; sim=$started; }
load() { "$bin/mtc-card-load" "$work/card" 2 2 "${1:-70}" >"$work/load" 2>&1; }
# value_of NAME FILE: of what a waveform has.
value_of() { "$reader" "$2" | sed "s/.*\b$1=\([0-9]*\).*/\1/"; }
both() { cat "$older" "$wave" | sha256sum; }
# Of N cycles between N and 2N, in two files without a gap, the clock running to the end.
check_waveform() {
  [ "$(value_of rises "$older")" -eq "$cycles" ] || fail "the older file: $("$reader" "$older")"
  local rises last
  rises=$(value_of rises "$wave") last=$(value_of end "$wave")
  ((rises >= 1 && rises <= cycles)) || fail "the newest file: $("$reader" "$wave")"
  [ "$(value_of start "$wave")" -eq $(($(value_of first_rise "$older") + 4 * cycles - 2)) ] || fail "a gap"
  [ "$(value_of last_rise "$wave")" -eq "$last" ] || fail "the clock stands at the end"
  [ "$(value_of signals "$wave")" -gt 1000 ] || fail "signals are missing"
  grep -q "($1): $wave has cycles [0-9]* to $((last / 4)), $older" "$work/sim.log" ||
    fail "$1 in cycle $((last / 4)): $(cat "$work/sim.log")"
}

# The known-answer test takes the first frame and 18 records; a batch of 70 entries has three frames.
for fault in hang:3 die:3 vanish:3 reset:21 stall:100 drop-frame:3 wrong-hash:100 duplicate-record:100 \
  lose-record:100 corrupt:10000; do
  kind=${fault%:*} entries=70
  case $kind in reset | stall) entries=700 ;; esac # not before the 21st frame
  start_sim --fault "$fault"
  # The driver is not waited for: that it copes is another test's. The model says when it has struck.
  load "$entries" & loader=$!; pids+=("$loader")
  for ((i = 0; i < 600; i++)); do
    ! grep -q "waveform ends" "$work/sim.log" || break
    sleep 0.1
  done
  check_waveform "fault $kind of lane 0"
  # It stays as it is, whatever the model does then.
  sum=$(both)
  case $kind in reset | stall | wrong-hash) wait "$loader" || true; load || fail "$kind: $(cat "$work/load")" ;; esac
  kill "$loader" 2>/dev/null || true
  if [ "$kind" = die ]; then
    wait "$sim" && fail "it lives"
  else
    stop "$sim"
  fi
  wait "$loader" || true
  [ "$(both)" = "$sum" ] || fail "$kind: the waveform went on after the fault"
  rm "$wave" "$older" "$work/sim.log"
done

# Without a fault it ends when the model is stopped, however: Ctrl-C, too.
for signal in TERM INT; do
  start_sim
  load
  kill -s "$signal" "$sim"
  wait "$sim" || fail "SIG$signal: $?"
  check_waveform "mtc-sim was stopped"
  rm "$work/sim.log"
done
rm "$wave" "$older"

# What cannot be is said, with its cause, and files of other kinds stay.
sim_of() { "$MTC_SIM" --path "$work/card" "$@"; }
exits 1 "with one are 4/1/1, 64/1/1" sim_of --trace "$wave"
exits 1 "with one are 4/1/1, 64/1/1" sim_of --fold 4 --lanes 2 --trace "$wave"
exits 1 "$work/no/wave.fst: No such file" sim_of --fold 4 --trace "$work/no/wave.fst"
mkfifo "$wave"
exits 1 "$wave: it is not a regular file" sim_of --fold 4 --trace "$wave"
[ -p "$wave" ] || fail "a file of another kind is gone"
rm "$wave"
exits 2 "ends in .fst" sim_of --fold 4 --trace "$work/wave.vcd"
for number in 0 -1 1e4 1000001 99999999999999999999 ""; do
  exits 2 "--trace-cycles $number: a number from 1 to 1000000" sim_of --fold 4 --trace "$wave" --trace-cycles "$number"
done

# No room: the end of the model, with the file and the cause, not a waveform that lacks something.
limited() { ulimit -f "$1"; shift; exec "$MTC_SIM" --path "$work/card" --fold 4 --trace "$wave" "$@"; }
exits 1 "no room for its temporary files" limited 64
start sim limited 2000 --trace-cycles 100000
sim=$started
load 700 & loader=$!; pids+=("$loader")
for ((i = 0; i < 100; i++)); do
  ! kill -0 "$sim" 2>/dev/null || sleep 0.1
done
stop_rc=0
kill "$sim" 2>/dev/null || true
wait "$sim" || stop_rc=$?
kill "$loader" 2>/dev/null || true
wait "$loader" || true
[ "$stop_rc" -eq 1 ] || fail "exit code $stop_rc without room"
grep -q "the waveform $wave is not complete: its disk is full" "$work/sim.log" || fail "$(cat "$work/sim.log")"
fails "is no complete waveform" "$reader" "$wave"
