#!/usr/bin/env bash
# Reserved serial numbers that nobody uses in time become null entries; others go on behind them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
sed -i 's/reservation_ttl_s: 60/reservation_ttl_s: 1/' "$work/ca/mtc.yaml"
start_daemon
make_csr www
[ "$("$bin/mtc" reserve --count 3 --json | jq -r .first_serial)" = 281474976710656 ] || fail "first serial"
[ "$(issue "$work/csr/www.csr" | jq .index)" -eq 3 ] || fail "the entry is not behind the reserved ones"
fails "null_entry" "$bin/mtc" certificate get --serial 1:0 --kind standalone
stop "$daemon"
[ "$("$bin/mtc" log fsck --dir "$work/ca" --json | jq .null_entries)" -eq 3 ] || fail "null entries"
fsck_clean
