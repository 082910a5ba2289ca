#!/usr/bin/env bash
# An ACME order becomes a standalone certificate at once, and the landmark-relative one when there is a
# landmark: by POST-as-GET, by the public URL, and as properties; revoked, it is to be renewed at once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme "landmark_public_url: yes"
start_acme

acme_client get "$acme_url/directory" | body | jq -e '.meta.profiles.mtc and .renewalInfo' >/dev/null ||
  fail "the directory is not complete"

make_csr www
acme_client order www.example.com "$work/csr/www.csr" >"$work/order.json"
[ "$(jq -r .status "$work/order.json")" = valid ] || fail "the order is $(cat "$work/order.json")"
certificate_url=$(jq -r .certificate "$work/order.json")

acme_client read "$certificate_url" >"$work/answer"
body <"$work/answer" >"$work/fullchain.pem"
[ "$(grep -c 'BEGIN CERTIFICATE-----' "$work/fullchain.pem")" = 2 ] || fail "no chain of two"
verify "$work/fullchain.pem" || fail "the standalone certificate does not verify"
[ "$(header link <"$work/answer" | grep -c acme-optional-alternate)" = 1 ] || fail "no landmark link"
landmark_url=$(header link <"$work/answer" | sed -n 's/<\(.*\)>;rel="acme-optional-alternate"/\1/p')

pem=application/pem-certificate-chain
properties=$pem-with-properties
acme_client read "$certificate_url" $properties | body >"$work/standalone.pem"
head -n 1 "$work/standalone.pem" | grep -q 'CERTIFICATE PROPERTIES' || fail "no properties"
[ "$(grep -c 'BEGIN CERTIFICATE-----' "$work/standalone.pem")" = 1 ] || fail "a trust anchor is in the chain"
acme_client read "$certificate_url" text/html | head -n 1 | grep -q 406 || fail "text/html is no 406"

acme_client read "$landmark_url" >"$work/answer"
[ "$(head -n 1 "$work/answer")" = 202 ] || fail "a landmark-relative certificate before the landmark"
[ "$(header retry-after <"$work/answer")" -gt 0 ] || fail "no Retry-After"
"$bin/mtc" landmark allocate >/dev/null
"$bin/mtc" landmark subtrees >"$work/subtrees"
acme_client read "$landmark_url" $pem | body >"$work/landmark.pem"
acme_client get "$landmark_url" | body >"$work/landmark-public.pem"
cmp "$work/landmark.pem" "$work/landmark-public.pem" || fail "the two ways give two certificates"
acme_client read "${certificate_url%certificate}landmark" $properties | body >"$work/landmark-properties.pem"
grep -q 'CERTIFICATE PROPERTIES' "$work/landmark-properties.pem" || fail "no properties"
verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" \
  "$work/landmark.pem" "$work/landmark-properties.pem" || fail "the landmark-relative one does not verify"

# Another account: no order, no certificate.
acme_key=$work/other.key acme_client read "$certificate_url" | body | jq -r .type | grep -q unauthorized ||
  fail "another account read the certificate"

der=$(openssl x509 -in "$work/fullchain.pem" -outform DER | base64 -w0 | tr '+/' '-_' | tr -d =)
acme_client post "$acme_url/revoke-cert" "{\"certificate\": \"$der\", \"reason\": 2}" | body |
  jq -r .type | grep -q badRevocationReason || fail "CA compromise is no reason of a subscriber"
[ "$(acme_client post "$acme_url/revoke-cert" "{\"certificate\": \"$der\"}" | head -n 1)" = 200 ] || fail "not revoked"
acme_client post "$acme_url/revoke-cert" "{\"certificate\": \"$der\"}" | body |
  jq -r .type | grep -q alreadyRevoked || fail "revoked twice"

# Stopped and started, everything is still there; the name needs no second proof.
stop "$acme"
rm -f "$work"/world/web/*
start_acme
acme_client order www.example.com "$work/csr/www.csr" | jq -e '.status == "valid"' >/dev/null ||
  fail "the authorization was not reused"
acme_client read "$certificate_url" | body | cmp - "$work/fullchain.pem" || fail "another certificate"
stop "$acme"
stop "$daemon"
fsck_clean
