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

# make_token_ca KIND [OPTION...]: a CA in $work/ca with its key on a real token (nss: ML-DSA-44; softhsm:
# P-256) that has the shim in front of it (tests/fault/pkcs11_shim): $shim is the shim's folder.
make_token_ca() {
  local kind=$1 algorithm=ml-dsa-44 maker=make-token.sh scripts environment=(); shift
  scripts=$(dirname "${BASH_SOURCE[0]}")/../../scripts
  # shellcheck source=tests/support/shim.sh
  . "$(dirname "${BASH_SOURCE[0]}")/../support/shim.sh"
  [ "$kind" = nss ] || algorithm=ecdsa-p256 maker=make-softhsm.sh
  unset MODULE_ARGS SOFTHSM2_CONF LD_LIBRARY_PATH
  rm -f "$work/token.pub"
  "$scripts/$maker" "$work/token" "${token_pin:-123456}" >"$work/token.sh"
  # shellcheck source=/dev/null
  . "$work/token.sh"
  # The token's libraries lie beside its module: only what loads it gets this path.
  libraries=${LD_LIBRARY_PATH:-}
  unset LD_LIBRARY_PATH
  token_options=(--pin-source "$PIN_SOURCE")
  [ -z "${MODULE_ARGS:-}" ] || token_options+=(--module-args "$MODULE_ARGS")
  with_token "$bin/mtc" key generate --uri "$KEY_URI" --algorithm "$algorithm" --module "$MODULE" \
    "${token_options[@]}" --out "$work/token.pub" 2>/dev/null
  [ -z "${SOFTHSM2_CONF:-}" ] || environment=("SOFTHSM2_CONF=$SOFTHSM2_CONF")
  shim=$work/shim
  shim_around "$shim" "$MODULE" "${environment[@]}" >/dev/null
  with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$KEY_URI" --algorithm "$algorithm" \
    --module "$shim/module.so" "${token_options[@]}" "$@" >/dev/null 2>&1
  export MTC_SOCKET=$work/ca/mtcd.sock
}
with_token() { env LD_LIBRARY_PATH="$libraries" "$@"; }
start_token_daemon() { start mtcd env LD_LIBRARY_PATH="$libraries" "$bin/mtcd" --config "$work/ca/mtc.yaml"; daemon=$started; }

signer_pid() { pgrep -P "$daemon" mtc-signer; }

# await TEXT COMMAND...: until the command succeeds; a minute at most.
await() {
  local text=$1 end=$((SECONDS + 60)); shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "not within a minute: $text"
    sleep 0.02
  done
}
has_call() { [ "$(shim_calls "$shim" "$1")" -gt 0 ]; }
signer_state() { [ "$("$bin/mtc" signer status --json 2>/dev/null | jq -r ".tokens[${2:-0}].state")" = "$1" ]; }

# all_issued FILE COUNT: every certificate is there, with an index of its own.
all_issued() {
  [ "$(jq -s 'map(select(.serial)) | map(.index) | unique | length' "$1")" -eq "$2" ] ||
    fail "$(jq -s 'map(select(.serial)) | length' "$1") of $2 issued, or an index twice"
}
