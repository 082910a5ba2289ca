#!/usr/bin/env bash
# Three hundred requests that are wrong in one way each are refused with the problem that the RFC names,
# and the server goes on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme_real.sh
. "$(dirname "$0")/../support/acme_real.sh"
make_ca
start_daemon
start_names
printf 'k%.0s' {1..32} | basenc --base64url -w0 | tr -d = >"$work/binding.key"
acme_config 'external_account:' '  required: false' '  keys:' '    - kid: kid-1' "      hmac_key: $work/binding.key" \
  'limits:' '  accounts_per_address_hour: 100000' '  orders_per_account_hour: 100000' '  failures_per_name_hour: 100000' '  pending_authorizations: 100000' '  certificates_per_name_week: 100000'
start_acmed
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/../support/acme_refusals.py" "$acme_directory" "$acme_address" "$acme_http_port" "$work/acme.crt" \
  >"$work/refusals.txt" || { cat "$work/refusals.txt" >&2; fail "the server does not refuse what it should"; }
[[ $(tail -n 1 "$work/refusals.txt") =~ ^([0-9]+)" refused as they should, 0 not"$ ]] && [ "${BASH_REMATCH[1]}" -ge 150 ] ||
  fail "$(tail -n 1 "$work/refusals.txt")"
stop "$acmed"
stop "$daemon"
fsck_clean
