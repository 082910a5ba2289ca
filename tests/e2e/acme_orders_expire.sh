#!/usr/bin/env bash
# Orders and authorizations end when their time is over; an account's list shows what is not invalid.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world 'finalize_wait_ms: 50'
between_run acme_expiry.py "something outlived its time, or was listed wrongly"
