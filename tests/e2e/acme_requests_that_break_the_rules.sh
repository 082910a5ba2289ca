#!/usr/bin/env bash
# Requests that break ACME's rules are refused with the error that says which, and harm nobody.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme "landmark_public_url: yes" "terms_of_service: https://ca.test/terms" \
  "limits: {accounts_per_address_hour: 6, pending_authorizations: 8}" "finalize_wait_ms: 10000"
start_acme
make_csr www
make_csr other
python3 "$support/acme_rules.py" "$acme_connect" "$acme_url/directory" "$work" ||
  fail "a rule can be broken"
[ "$("$bin/mtc" status --json | jq .engine.tree_size)" = 1 ] || fail "a refused request was issued"
stop "$acme"
stop "$daemon"
fsck_clean
