#!/usr/bin/env bash
# A CA that wants to know its customers gives each a MAC key: only with it an account is made.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
openssl rand 32 | base64 -w0 | tr '+/' '-_' | tr -d = >"$work/mac.key"
make_acme "external_account: {required: yes, keys: [{kid: one, hmac_key: mac.key}]}"
start_acme
python3 "$support/acme_binding.py" "$acme_connect" "$acme_url/directory" "$work" || fail "a binding is not checked"
stop "$acme"
grep -q "$(cat "$work/mac.key")" "$work/acmed.log" && fail "the key is in the log"
stop "$daemon"
