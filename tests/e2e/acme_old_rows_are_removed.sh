#!/usr/bin/env bash
# Rows of the ACME server that ended longer ago than the retention are removed, by two servers at once, while
# clients are served; nothing else is.
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
sed "s/^listen: .*/listen: 127.0.0.1:0/" "$work/acme.yaml" >"$work/acme.yaml.second"
PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_old_rows.py" "$acme_url/directory" "$work" "$bin" ||
  fail "something was removed or kept wrongly"
stop "$daemon"
fsck_clean
