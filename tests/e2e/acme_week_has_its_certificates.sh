#!/usr/bin/env bash
# The certificates of a name a week are limited where they are issued, not only where orders are opened.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77
python3 -c 'import cryptography' 2>/dev/null || exit 77

make_ca
make_direct
start_daemon
make_acme_here 'finalize_wait_ms: 1500' 'limits: {certificates_per_name_week: 2}'
between_daemon
PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_week.py" "$acme_url/directory" "$work" "$bin" ||
  fail "a limit was got round, or was too strict"
stop "$daemon"
fsck_clean
