#!/usr/bin/env bash
# Rows of the ACME server that ended longer ago than the retention are removed, by two servers at once, while
# clients are served; nothing else is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world 'finalize_wait_ms: 50'
sed "s/^listen: .*/listen: 127.0.0.1:0/" "$work/acme.yaml" >"$work/acme.yaml.second"
between_run acme_old_rows.py "something was removed or kept wrongly"
