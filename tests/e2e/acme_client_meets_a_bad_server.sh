#!/usr/bin/env bash
# What an ACME server does wrong, by fault or by intent, harms nothing that is deployed, is said, and
# is tried again with patience.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77
mode() { printf '%s\n' "$*" >"$work/faults/mode"; }
requests() { wc -l <"$work/faults/requests"; }
now() { date +%s; }

mkdir "$work/faults" "$work/world" "$work/world/web"
mode 202
start faults python3 "$support/acme_faults.py" "$work/faults"
server=$started
acme_url=http://127.0.0.1:$(cat "$work/faults/port")
make_acme_client www

# Before there is anything. Each failure is said, counted and waited out.
mode down
fails 'HTTP status 503' run_acme www
[ "$(acme_state www retry_at)" -ge $(($(now) + 900)) ] || fail "Retry-After was not respected"
before=$(requests)
run_acme www | grep -q 'waits .* after failure 1' || fail "it does not wait"
[ "$(requests)" = "$before" ] || fail "it asked during the back-off"
tries() { # tries TEXT: the time has come, and it fails with this text
  set_acme_state www '.retry_at = 1'
  fails "$1" run_acme www --patience 60
}
mode garbage
tries 'no JSON'
mode huge
tries 'longer than 1 MiB'
mode limited
tries 'rateLimited as told'
[ "$(acme_state www retry_at)" -ge $(($(now) + 600)) ] || fail "Retry-After of rateLimited was not respected"
mode redirect
tries 'HTTP status 302'
mode nonces 1000
tries badNonce
mode invalid
tries 'two reasons (www.example.com: caa: CAA says no)'
[ "$(acme_state www order_url)" = "" ] || fail "an invalid order is kept"
[ "$(acme_state www failures)" = 7 ] || fail "the failures were not counted"
mode other-key
tries 'it is for another key'
mode other-name
tries 'www.example.com is not among its names'
[ ! -e "$work/www/fullchain.pem" ] || fail "something was deployed"

# Bad nonces for a while, then an order that takes long: pending, which is no failure.
set_acme_state www '.retry_at = 1 | .failures = 1 | .order_generation = 0 | .order_url = ""'
mode processing 202
run_acme www --patience 1 >"$work/said" || fail "pending is no failure"
grep -q 'pending' "$work/said" || fail "it said: $(cat "$work/said")"
run_acme www --patience 1 | grep -q pending || fail "no longer pending"
url=$(acme_state www order_url)
mode 202
run_acme www >"$work/said" || fail "the order did not go on: $(cat "$work/said")"
grep -q "POST ${url#"$acme_url"}" "$work/faults/requests" || fail "another order was made"
[ "$(acme_state www failures)" = 0 ] || fail "the failures are still counted"
grep -q 'www standalone' "$work/www.hook" || fail "the standalone certificate waited for the landmark"
[ "$(grep -c 'BEGIN CERTIFICATE-----' "$work/www/fullchain.pem")" = 2 ] || fail "no chain"
head -n 2 "$work/www/chains.pem" | tail -n 1 | grep -qx 'AAA=' || fail "a chain without properties has not the empty list"

# 202 for ever: asked for when it is time, for ever, and nobody is bothered.
for try in 2 3 4; do
  [ "$(acme_state www landmark_at)" -ge $(($(now) + 4000)) ] || fail "Retry-After of 202 was not respected"
  run_acme www | grep -q 'nothing to do' || fail "202 is a failure"
  set_acme_state www '.landmark_at = 1'
  run_acme www >/dev/null || fail "202 is a failure"
  [ "$(acme_state www landmark_tries)" = "$try" ] || fail "try $try"
done
# ... or gone: given up, said once.
mode
set_acme_state www '.landmark_at = 1'
fails 'is given up' run_acme www
[ "$(run_acme www)" = "www: nothing to do" ] || fail "it is not given up"

# The server away: what is deployed stays; it comes back, and the renewal is made.
kill -9 "$server"
wait "$server" 2>/dev/null || true
sha=$(sha256sum <"$work/www/fullchain.pem")
fails "Could not connect" run_acme www --renew www
fails "waits" bash -c "'$bin/mtc' acme run --config '$work/www.yaml' --verbose; exit 1"
[ "$(sha256sum <"$work/www/fullchain.pem")" = "$sha" ] || fail "the deployed certificate has changed"
mode nonces 3 202
start faults python3 "$support/acme_faults.py" "$work/faults"
sed -i "s|^directory: .*|directory: http://127.0.0.1:$(cat "$work/faults/port")/directory|" "$work/www.yaml"
set_acme_state www '.retry_at = 1'
run_acme www >"$work/said" || fail "the server is back: $(cat "$work/said")"
[ "$(sha256sum <"$work/www/fullchain.pem")" != "$sha" ] || fail "not renewed"

# Damage and strangers.
sha=$(sha256sum <"$work/www/fullchain.pem")
cp "$work/www/state.json" "$work/state.good"
echo '{"version": 1, "generation": 7}' >"$work/www/state.json"
fails 'its generations contradict each other' run_acme www
cp "$work/state.good" "$work/www/state.json"
chmod 644 "$work/www.key"
fails 'chmod 600' run_acme www
chmod 600 "$work/www.key"
exec 8>"$work/www/lock"
flock 8
run_acme www | grep -q 'another run is at it' || fail "two runs at once"
exec 8>&-
[ "$(sha256sum <"$work/www/fullchain.pem")" = "$sha" ] || fail "the deployed certificate has changed"
