#!/usr/bin/env bash
# Limits hold for a customer's whole IPv6 network, and `replaces` frees only a renewal's own names.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme_real.sh
. "$(dirname "$0")/../support/acme_real.sh"
make_ca --wire-version plants-05 # whose issuer name Python can read, too
start_daemon
start_names
acme_config 'proxies: [127.0.0.1]' 'limits: {accounts_per_address_hour: 2, orders_per_account_hour: 2, certificates_per_set_week: 1}'
start_acmed
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/../support/acme_limits.py" "$acme_directory" "$acme_address" \
  "$acme_http_port" "$work/acme.crt" || fail "there is a way around a limit"
stop "$acmed"
stop "$daemon"
fsck_clean
