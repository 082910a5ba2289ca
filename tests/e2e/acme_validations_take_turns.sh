#!/usr/bin/env bash
# An account with more slow names than there are threads does not hold up the others; two servers on one
# database validate each name once; a validation over which the server is killed each time ends.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme 'validation: {threads: 4, timeout_ms: 120000}'
start_acme
first=$acme
make_csr quick

# slow NAME...: the first account's order for them, whose validations begin and do not end.
slow() {
  PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_turns.py" "$acme_connect" "$acme_url/directory" "$work/slow.key" \
    "$work/world/web" "$@"
}

# until_asked NUMBER: so many requests for slow names have come.
until_asked() {
  timeout 60 sh -c "until [ \$(wc -l <'$work/world/asked') -ge $1 ]; do :; done" || fail "not asked $1 times"
}

# patient COMMAND...: acme_client, which ends.
patient() {
  timeout 60 python3 "$support/acme_client.py" --connect "$acme_connect" --directory "$acme_url/directory" \
    --key "$acme_key" --web "$work/world/web" "$@"
}

slow slow{1..12}.example.com >"$work/urls"
until_asked 1
acme_key=$work/quick.key
patient order quick.example.com "$work/csr/quick.csr" >"$work/order" || fail "another account waits for the slow names"
jq -e '.status == "valid"' "$work/order" >/dev/null || fail "$(cat "$work/order")"
[ "$(wc -l <"$work/world/asked")" = 1 ] || fail "the account has more than its share of the threads"

# A second server comes while they wait. It has looked for work before it answers its first client.
start_acme
acme_client account >/dev/null
acme_client order quick.example.com "$work/csr/quick.csr" | jq -e '.status == "valid"' >/dev/null || fail "no order"
exec 9<>"$work/world/gate"
acme_key=$work/slow.key
while read -r url; do
  patient wait "$url" | body | jq -e '.status == "valid"' >/dev/null || fail "$url is not valid"
done <"$work/urls"
exec 9>&-
[ "$(wc -l <"$work/world/asked")" = 12 ] || fail "names were validated twice: $(sort "$work/world/asked" | uniq -d)"
stop "$first"
stop "$acme"

# Killed over the same validation each time.
start_acme
url=$(slow slow.example.com)
for attempt in 1 2 3 4 5; do
  until_asked $((12 + attempt))
  kill -9 "$acme"
  wait "$acme" || true
  start_acme
done
patient wait "$url" | body >"$work/authorization"
jq -e '.status == "invalid" and (.challenges[0].error.detail | test("interrupted too often"))' "$work/authorization" \
  >/dev/null || fail "$(cat "$work/authorization")"
[ "$(wc -l <"$work/world/asked")" = 17 ] || fail "begun more than five times"
stop "$acme"
stop "$daemon"
