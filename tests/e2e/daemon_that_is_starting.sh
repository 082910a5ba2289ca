#!/usr/bin/env bash
# A command waits for a daemon that is starting, for a moment and no longer.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
# The daemon starts when the command waits already.
("$bin/mtc" landmark list >"$work/list" 2>"$work/client.log") &
client=$!
sleep 0.3
start_daemon
wait "$client" || fail "it did not wait: $(cat "$work/client.log")"
kill -9 "$daemon"
wait "$daemon" || true
before=$(date +%s%3N)
fails "no daemon within 2 s" "$bin/mtc" status # the socket is stale
fails "no daemon within 2 s" "$bin/mtc" status --socket "$work/none"
took=$(($(date +%s%3N) - before))
[ "$took" -ge 3900 ] || fail "it waited $took ms, twice"
echo x >"$work/plain"
before=$(date +%s)
fails "cannot connect" "$bin/mtc" status --socket "$work/plain/below"
[ $(($(date +%s) - before)) -lt 2 ] || fail "it waited for what cannot come"
