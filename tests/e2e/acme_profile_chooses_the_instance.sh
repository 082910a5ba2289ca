#!/usr/bin/env bash
# An order's profile chooses what is issued: a Merkle tree certificate, or one that an instance of the
# CA signs directly. Renewal by ARI replaces a certificate once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
make_direct
start_daemon
make_acme
sed -i '/^testing:/i - {name: classic, socket: ca/mtcd.sock, instance: classic, profile: tls}\n- {name: gone, socket: ca/mtcd.sock, profile: gone}' "$work/acme.yaml"
start_acme

make_csr www
acme_client --profile classic order www.example.com "$work/csr/www.csr" >"$work/order.json"
[ "$(jq -r '.status + .profile' "$work/order.json")" = validclassic ] || fail "$(cat "$work/order.json")"
url=$(jq -r .certificate "$work/order.json")
acme_client read "$url" >"$work/answer"
body <"$work/answer" >"$work/chain.pem"
openssl verify -x509_strict -purpose sslserver -CAfile "$work/ca/classic.pem" "$work/chain.pem" >/dev/null ||
  fail "openssl does not verify"
header link <"$work/answer" | grep -q alternate && fail "a landmark of a directly signed certificate"
acme_client read "${url%certificate}landmark" | head -n 1 | grep -q 404 || fail "a landmark is no 404"
acme_client read "$url" application/pem-certificate-chain-with-properties | body >"$work/properties.pem"
[ "$(sed -n 2p "$work/properties.pem")" = AAA= ] || fail "properties that nobody gave"

acme_client post "$acme_url/new-order" '{"identifiers": [{"type": "dns", "value": "www.example.com"}], "profile": "gone"}' |
  head -n 1 | grep -q 503 || fail "a profile that the daemon does not have"

# Renewal: the window is within the lifetime; the old certificate is replaced once.
cert_id=$(openssl x509 -in "$work/chain.pem" -noout -ext authorityKeyIdentifier | sed -n 2p | tr -d ' :' |
  xxd -r -p | base64 | tr '+/' '-_' | tr -d =).$(openssl x509 -in "$work/chain.pem" -noout -serial |
  sed 's/.*=//' | xxd -r -p | base64 | tr '+/' '-_' | tr -d =)
acme_client get "$acme_url/renewal-info/$cert_id" >"$work/answer"
body <"$work/answer" | jq -e '(.suggestedWindow.start | fromdate) > now and (.suggestedWindow.end | fromdate) < now + 86400' \
  >/dev/null || fail "renewal information: $(cat "$work/answer")"
[ "$(header retry-after <"$work/answer")" = 21600 ] || fail "no Retry-After"
acme_client "--replaces=$cert_id" order www.example.com "$work/csr/www.csr" >"$work/order.json"
[ "$(jq -r .replaces "$work/order.json")" = "$cert_id" ] || fail "$(cat "$work/order.json")"
acme_client post "$acme_url/new-order" \
  "{\"identifiers\": [{\"type\": \"dns\", \"value\": \"www.example.com\"}], \"replaces\": \"$cert_id\"}" |
  body | jq -r .type | grep -q alreadyReplaced || fail "replaced twice"
acme_client post "$acme_url/new-order" \
  "{\"identifiers\": [{\"type\": \"dns\", \"value\": \"other.example.com\"}], \"replaces\": \"$cert_id\"}" |
  body | jq -r .type | grep -q malformed || fail "another name replaces it"

# Revoked, the directly signed one is to be renewed at once.
der=$(openssl x509 -in "$work/chain.pem" -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =)
[ "$(acme_client post "$acme_url/revoke-cert" "{\"certificate\": \"$der\", \"reason\": 4}" | head -n 1)" = 200 ] ||
  fail "not revoked"
acme_client get "$acme_url/renewal-info/$cert_id" | body | jq -e '(.suggestedWindow.end | fromdate) <= now' >/dev/null ||
  fail "a revoked certificate has time"
stop "$acme"
stop "$daemon"
