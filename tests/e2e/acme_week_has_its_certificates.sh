#!/usr/bin/env bash
# The certificates of a name a week are limited where they are issued, not only where orders are opened.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world 'finalize_wait_ms: 1500' 'limits: {certificates_per_name_week: 2}'
between_run acme_week.py "a limit was got round, or was too strict"
