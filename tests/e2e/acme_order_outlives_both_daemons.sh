#!/usr/bin/env bash
# An order is finalized while the CA is away, and the ACME server is killed: when both are back, the
# order becomes valid without anything that the client would have to do.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme "finalize_wait_ms: 100"
start_acme
make_csr www
acme_client order www.example.com "$work/csr/www.csr" | jq -e '.status == "valid"' >/dev/null || fail "no first order"

# The authorization is reused, so the order is ready at once.
stop "$daemon"
acme_client post "$acme_url/new-order" '{"identifiers": [{"type": "dns", "value": "www.example.com"}]}' >"$work/answer"
order=$(header location <"$work/answer")
[ "$(body <"$work/answer" | jq -r .status)" = ready ] || fail "the second order is not ready"
csr=$(openssl req -in "$work/csr/www.csr" -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =)
acme_client post "$order/finalize" "{\"csr\": \"$csr\"}" >"$work/answer"
[ "$(body <"$work/answer" | jq -r .status)" = processing ] || fail "issued without a CA"
[ "$(header retry-after <"$work/answer")" -gt 0 ] || fail "no Retry-After"

kill -9 "$acme"
wait "$acme" || true
start_acme
acme_client post "$acme_url/new-order" '{"identifiers": [{"type": "dns", "value": "www.example.com"}]}' |
  head -n 1 | grep -q 503 || fail "an order was taken for a CA that nobody has seen"
[ "$(acme_client read "$order" | body | jq -r .status)" = processing ] || fail "the order is lost"
start_daemon
acme_client wait "$order" | body >"$work/order.json"
[ "$(jq -r .status "$work/order.json")" = valid ] || fail "the order is $(cat "$work/order.json")"
acme_client read "$(jq -r .certificate "$work/order.json")" | body >"$work/chain.pem"
verify "$work/chain.pem" || fail "the certificate does not verify"
[ "$("$bin/mtc" status --json | jq .engine.tree_size)" = 2 ] || fail "not one certificate an order"
stop "$acme"
stop "$daemon"
