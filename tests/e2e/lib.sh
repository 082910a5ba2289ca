# shellcheck shell=bash disable=SC2034  # what the stories use
# What the stories share: a folder each, programs ended by process id, no waiting but for "ready".
# ctest gives MTC_BIN (the programs' folder), MTC_SIM (the card's model) and MTC_FAULT_POINTS (ON or OFF).
set -euo pipefail
bin=${MTC_BIN:?}
work=$(mktemp -d /tmp/mtc-e2e-XXXXXX)
pids=()
finish() {
  local rc=$? pid
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  if [ "$rc" -ne 0 ] && [ "$rc" -ne 77 ]; then
    grep -h -A14 'ERROR: \|runtime error' "$work"/*.log >&2 || true # what a sanitizer found
    tail -n 20 "$work"/*.log >&2 || true
  fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT

fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }

# exits CODE TEXT COMMAND...: the command ends with that exit code and says TEXT.
exits() {
  local code=$1 text=$2 output rc=0; shift 2
  output=$("$@" 2>&1) || rc=$?
  [ "$rc" -eq "$code" ] || fail "exit code $rc instead of $code: $*: $output"
  [[ $output == *"$text"* ]] || fail "\"$text\" is not in: $output"
}

# fails TEXT COMMAND...: the command ends with exit code 1 and says TEXT.
fails() { exits 1 "$@"; }

# start NAME COMMAND...: a process in the background that says "ready"; $started is its process id.
start() {
  local name=$1 line=; shift
  rm -f "$work/$name.ready"
  mkfifo "$work/$name.ready"
  exec 7<>"$work/$name.ready"
  "$@" >&7 2>>"$work/$name.log" 7>&- &
  started=$!
  pids+=("$started")
  read -r -t 60 line <&7 || true
  exec 7>&-
  [ "$line" = ready ] || { cat "$work/$name.log" >&2; fail "$name did not start"; }
}

# stop PID: SIGTERM, and it must end well.
stop() { kill "$1"; wait "$1" || fail "process $1 ended with $?"; }

# make_ca [OPTION...]: a CA with a key file in $work/ca.
make_ca() {
  [ -e "$work/ca.key" ] || "$bin/mtc" key generate --uri "$work/ca.key" --out "$work/ca.pub" 2>/dev/null
  "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$work/ca.key" "$@" >/dev/null 2>&1
  export MTC_SOCKET=$work/ca/mtcd.sock
}

start_daemon() { start mtcd "$bin/mtcd" --config "$work/ca/mtc.yaml"; daemon=$started; }

# make_csr NAME [OPENSSL-OPTION...]: $work/csr/NAME.csr; without options a P-256 key.
make_csr() {
  local name=$1; shift
  mkdir -p "$work/csr"
  [ $# -gt 0 ] || set -- -newkey ec -pkeyopt ec_paramgen_curve:P-256
  openssl req -new -noenc -subj / -keyout "$work/csr/$name.key" -out "$work/csr/$name.csr" \
    -addext "subjectAltName=DNS:$name.example.com" "$@" 2>/dev/null || fail "openssl req for $name"
}

issue() { "$bin/mtc" issue --profile chrome-dv-7d --out "$work/issued" --json "$@"; }
verify() { "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" "$@" >/dev/null; }
fsck_clean() { "$bin/mtc" log fsck --dir "$work/ca" >/dev/null || fail "the log is not clean"; }
tree_size() { "$bin/mtc" status --json | jq .engine.tree_size; }

# shellcheck source=tests/support/tokens.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/tokens.sh"
