#!/usr/bin/env bash
# An order becomes valid with a certificate for its own key alone.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world 'finalize_wait_ms: 50'
between_run acme_wrong_key.py "a certificate for another key was taken"
