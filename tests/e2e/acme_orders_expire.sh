#!/usr/bin/env bash
# Orders and authorizations end when their time is over; an account's list shows what is not invalid.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77
python3 -c 'import cryptography' 2>/dev/null || exit 77

make_ca
make_direct
start_daemon
make_acme_here 'finalize_wait_ms: 50'
between_daemon
PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_expiry.py" "$acme_url/directory" "$work" "$bin" ||
  fail "something outlived its time, or was listed wrongly"
stop "$daemon"
fsck_clean
