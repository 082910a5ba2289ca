#!/usr/bin/env bash
# An order that waits for its CA is sent only if it may still be issued; one that the CA may have got ends
# with what the CA made of it. Nothing is issued that is nobody's.
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
make_csr www
PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_checked_again.py" "$acme_url/directory" "$work" "$bin" ||
  fail "an order was not checked again"
stop "$daemon"
fsck_clean
