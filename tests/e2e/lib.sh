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

# A PIN that is found wherever it should not be.
pin=918273645
softhsm_module=/usr/lib/softhsm/libsofthsm2.so

# make_softhsm FOLDER LABEL: a SoftHSM token of its own (curves only) and its PIN file, FOLDER/pin.
make_softhsm() {
  mkdir "$1" "$1/tokens"
  printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$1/tokens" >"$1/conf"
  export SOFTHSM2_CONF=$1/conf
  softhsm2-util --init-token --free --label "$2" --pin $pin --so-pin 5678 >/dev/null
  (umask 077 && echo $pin >"$1/pin")
  # SoftHSM 2.6.1 loses an ASN1_OCTET_STRING in C_SignInit of an Edwards key (tests/unit/test_sign_token.c).
  echo leak:libsofthsm2.so >"$1/lsan"
  export LSAN_OPTIONS=suppressions=$1/lsan:print_suppressions=0 ASAN_OPTIONS=fast_unwind_on_malloc=0
}

# make_nss FOLDER: an NSS token "mtc-ca" (ML-DSA, curves); sets MODULE, MODULE_ARGS, PIN_SOURCE and
# with_token, for what loads it: its libraries lie beside it. Exits as skipped where there is none.
make_nss() {
  [ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
  "$(dirname "$0")/../../scripts/make-token.sh" "$1" $pin >"$1.sh"
  # shellcheck source=/dev/null
  . "$1.sh"
  token_libraries=$LD_LIBRARY_PATH
  unset LD_LIBRARY_PATH
}
with_token() { env ${token_libraries:+LD_LIBRARY_PATH="$token_libraries"} "$@"; }

# write_ceremony NAME ALGORITHM TOKEN MODULE PIN-SOURCE [SED-EXPRESSION...]: NAME.yaml, which makes the
# key NAME and NAME.{transcript,pub,pem,csr} beside it; the expressions change it.
write_ceremony() {
  local name=$1 algorithm=$2 token=$3 module=$4 pin_source=$5; shift 5
  cat >"$name.yaml" <<END
token:
  uri: 'pkcs11:token=$token'
  module: $module
  pin_source: $pin_source
key:
  label: '$name'
  algorithm: $algorithm
ca:
  id: 32473.1
  wire_version: plants-07
output:
  transcript: $name.transcript
  public_key: $name.pub
  certificate: $name.pem
  csr: $name.csr
  store_certificate: true
present:
  - {name: 'Alice "A" Example', role: ceremony administrator}
  - {name: Björn Example, role: witness}
END
  local expression
  for expression; do sed -i "$expression" "$name.yaml"; done
}
