#!/usr/bin/env bash
# An order that waits for its CA is sent only if it may still be issued; one that the CA may have got ends
# with what the CA made of it. Nothing is issued that is nobody's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world 'finalize_wait_ms: 50'
make_csr www
between_run acme_checked_again.py "an order was not checked again"
