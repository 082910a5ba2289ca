# shellcheck shell=bash
# Messages, and long commands as jobs: each is a process group of its own, so that however a script
# ends, on its own, by Ctrl-C or by SIGTERM, nothing it started goes on and no temporary file stays.
# A script that has something to say or do first at its end defines at_end EXIT-CODE.

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

at_end() { :; }
ended_by=
job_log=
job_rc=0

# end_groups PID...: SIGTERM to each process and the group it leads, SIGKILL after ten seconds.
end_groups() {
  local pid tries alive
  for pid in "$@"; do
    kill -s TERM -- "-$pid" 2>/dev/null || kill -s TERM "$pid" 2>/dev/null || continue
    kill -s CONT -- "-$pid" 2>/dev/null || true   # a stopped one would never hear of it
  done
  for ((tries = 0; tries < 200; tries++)); do
    alive=
    for pid in "$@"; do
      if kill -0 -- "-$pid" 2>/dev/null || kill -0 "$pid" 2>/dev/null; then alive=yes; fi
    done
    [ -n "$alive" ] || return 0
    sleep 0.05
  done
  for pid in "$@"; do kill -s KILL -- "-$pid" 2>/dev/null || kill -s KILL "$pid" 2>/dev/null || true; done
}

on_exit() {
  local rc=$? jobs
  trap '' HUP INT QUIT TERM
  at_end "$rc" || true
  mapfile -t jobs < <(jobs -p)
  end_groups "${jobs[@]}" 2>/dev/null
  rm -f "$job_log"
  [ -n "$ended_by" ] || return 0
  # The caller must see which signal it was: a shell's loop around the script stops by that.
  trap - "$ended_by"
  kill -s "$ended_by" $$
}

# ended_by_signal NAME: what a signal does.
ended_by_signal() {
  ended_by=$1
  say " interrupted"
  exit 1
}

trap on_exit EXIT
for signal in HUP INT QUIT TERM; do
  # shellcheck disable=SC2064  # the name, now
  trap "ended_by_signal $signal" "$signal"
done

# run_job COMMAND...: runs it as a group of its own and ends what it leaves running; $job_rc is its
# exit code. Called plainly (not in a condition), a function fails at its first failing command.
run_job() {
  local pid
  job_rc=0
  set -m
  "$@" </dev/null & pid=$!
  set +m
  wait "$pid" || job_rc=$?
  end_groups "$pid"
}

# A dot every two seconds; no child process that could outlive it.
show_dots() {
  local never
  exec {never}<> <(:)
  while ! read -r -t 2 -u "$never"; do printf '.' >&2; done
}

log_job() { "$@" >"$job_log" 2>&1; }

# quietly TITLE COMMAND...: a line when it starts, a dot now and then, at the end how long it took, its output
# only when it fails.
quietly() {
  local title=$1 dots began=$SECONDS; shift
  job_log=$(mktemp)
  printf '%s .' "$title" >&2
  show_dots & dots=$!
  run_job log_job "$@"
  kill "$dots" && wait "$dots" 2>/dev/null || true
  if [ "$job_rc" -eq 0 ]; then say " done ($((SECONDS - began)) s)"; else say ' FAILED'; tail -n 60 "$job_log" >&2; fi
  rm -f "$job_log"
  return "$job_rc"
}
