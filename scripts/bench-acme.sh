#!/usr/bin/env bash
# bench-acme.sh [--tls] [ORDERS [CLIENTS [IDLE]]]: the ACME server under load. ORDERS (12000) orders with
# reused authorizations by CLIENTS (1000), as fast as possible and then at half of that; durable and
# without fsync; with mtc-acmed, mtcd and its signer on one processor and the load on another, with mtc-acmed
# alone on one, and with everything on one; then with IDLE (10000) idle connections. Each client waits for
# its order, which waits 100 ms and more for its batch: few of them leave the server idle. A key file
# signs, not a token. What was measured stays in build/bench-acme.
set -euo pipefail
# shellcheck source=scripts/lib/env.sh
. "$(dirname "$0")/lib/env.sh"
if [ "${1:-}" != --inside ]; then exec "$repo/scripts/run.sh" "$repo/scripts/bench-acme.sh" --inside "$@"; fi
shift
cd "$repo"
tls=no scheme=http
if [ "${1:-}" = --tls ]; then tls=yes scheme=https; shift; fi
orders=${1:-12000} clients=${2:-1000} idle=${3:-10000}
for number in "$orders" "$clients" "$idle"; do
  [[ $number =~ ^[0-9]+$ ]] || { say "usage: scripts/bench-acme.sh [--tls] [ORDERS [CLIENTS [IDLE]]]"; exit 2; }
done
[ "$(nproc)" -ge 2 ] || { say "two processors are needed"; exit 77; }
bin=$repo/build/bin bench=$repo/build/bench-acme
pids=()

stop_all() {
  local pid
  for pid in "${pids[@]}"; do
    if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
  done
  pids=()
}
trap stop_all EXIT

# start NAME COMMAND...: until it says "ready"; $started is its process id.
start() {
  local name=$1 line=; shift
  rm -f "$bench/$name.ready"
  mkfifo "$bench/$name.ready"
  exec 7<>"$bench/$name.ready"
  "$@" >&7 2>>"$bench/$name.log" 7>&- &
  started=$!
  pids+=("$started")
  read -r -t 60 line <&7 || true
  exec 7>&-
  [ "$line" = ready ] || { say "$name did not start: $bench/$name.log"; exit 1; }
}

# Ports that are free now; nothing else on this machine is expected to take them.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_tls() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$bench/tls.key" -out "$bench/tls.pem" 2>/dev/null
}

# serve SYNCHRONOUS PROCESSOR CA_PROCESSOR: a CA and an ACME server of their own for each measurement.
serve() {
  local synchronous=$1 processor=$2 ca_processor=$3 port web
  port=$(free_port) web=$(free_port)
  rm -rf --one-file-system "$bench/ca" "$bench"/acme.db*
  "$bin/mtc" ca init --dir "$bench/ca" --id 32473.1 --key "$bench/ca.key" >/dev/null 2>&1
  cat >"$bench/acme.yaml" <<YAML
listen: 127.0.0.1:$port
url: $scheme://127.0.0.1:$port
database: acme.db
threads: 1
profiles:
- name: mtc
  socket: ca/mtcd.sock
  profile: chrome-dv-7d
limits:
  accounts_per_address_hour: 0
  orders_per_account_hour: 0
  pending_authorizations: 0
  failures_per_name_hour: 0
  certificates_per_name_week: 0
  certificates_per_set_week: 0
  connections: $((idle + clients + 100))
  connections_per_address: 0
testing: true
resolver: 127.0.0.1@$(cat "$bench/world/dns.port")
trust_anchor: none
http_port: $web
allow_private: true
synchronous: $synchronous
YAML
  if [ $tls = yes ]; then
    printf 'tls:\n  certificate: tls.pem\n  key: tls.key\n' >>"$bench/acme.yaml"
  fi
  start mtcd taskset -c "$ca_processor" "$bin/mtcd" --config "$bench/ca/mtc.yaml"
  ca=$started
  start acmed taskset -c "$processor" "$bin/mtc-acmed" --config "$bench/acme.yaml"
  acme=$started
  load=("$bin/mtc" bench acme --directory "$scheme://127.0.0.1:$port/directory" --http-port "$web"
    --clients "$clients" --pid "$acme" --pid "$ca" --json)
  [ $tls = no ] || load+=(--ca-file "$bench/tls.pem")
}

unserve() {
  kill "$acme" && wait "$acme"
  kill "$ca" && wait "$ca"
}

# measure NAME SYNCHRONOUS PROCESSOR [CA_PROCESSOR]: the load there, the daemon where the server is or there;
# as fast as possible, at half of that, with idle connections.
measure() {
  local name=$1 rate
  serve "$2" 0 "${4:-0}"
  taskset -c "$3" "${load[@]}" --orders "$orders" >"$bench/$name-full.json"
  rate=$(jq '.orders_per_s / 2 | floor' "$bench/$name-full.json")
  taskset -c "$3" "${load[@]}" --orders $((rate * 5)) --rate "$rate" >"$bench/$name-half.json"
  if [ "$idle" -gt 0 ]; then
    taskset -c "$3" "${load[@]}" --orders $((rate * 5)) --rate "$rate" --idle "$idle" \
      >"$bench/$name-idle.json"
  fi
  unserve
  for run in full half idle; do
    [ -e "$bench/$name-$run.json" ] || continue
    jq -r --arg name "$name, $run" 'def r($d): . * pow(10; $d) | round / pow(10; $d);
      "| \([$name, (.orders_per_s | r(0)), (.latency_ms.p50 | r(1)), (.latency_ms.p99 | r(1)),
        (.latency_ms.max | r(1)), .polls, (.processes[0].cpu_us_per_order | r(0)),
        (.processes[1].cpu_us_per_order | r(0)), (.processes[0].bytes_per_order | r(0)),
        (.processes[0].bytes_per_idle_connection | r(0)), (.errors | tostring)]
        | map(tostring) | join(" | ")) |"' "$bench/$name-$run.json"
  done
}

[ -n "${MTC_BENCH_BUILT:-}" ] || quietly "Building" sh -c \
  'cmake --preset release && cmake --build --preset release --target "$@"' build mtc mtcd mtc-signer mtc-acmed
rm -rf --one-file-system "$bench"
mkdir -p "$bench"
"$bin/mtc" key generate --uri "$bench/ca.key" --out "$bench/ca.pub" 2>/dev/null
[ $tls = no ] || make_tls
start world python3 tests/support/acme_world.py "$bench/world"

printf '%s, %s clients, %s orders, then half the rate for 5 s, then so with %s idle connections\n\n' \
  "$scheme" "$clients" "$orders" "$idle"
printf '| %s ' run orders/s "p50 ms" "p99 ms" "max ms" polls "mtc-acmed us/order" "mtcd us/order" \
  "bytes/order" "bytes/idle connection" errors
printf '|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
measure durable full 1
measure "durable, daemon beside the load" full 1 1
measure unsynced off 1
measure "durable, one processor" full 0
