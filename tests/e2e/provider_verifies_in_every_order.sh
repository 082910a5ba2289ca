#!/usr/bin/env bash
# openssl verify accepts what a CA issued, standalone and landmark-relative, for every wire version, CA
# key and order of providers; and refuses everything else with the reason.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_csr www
for case in plants-07:ml-dsa-44 plants-07:ecdsa-p256 plants-06:ml-dsa-44 plants-06:ecdsa-p256 \
  plants-05:ml-dsa-44 plants-05:ecdsa-p256 plants-07:ed25519; do
  version=${case%:*}
  make_ca_key "${case#*:}"
  make_ca --wire-version "$version" --algorithm "${case#*:}"
  start_daemon
  issue "$work/csr/www.csr" >/dev/null
  "$bin/mtc" landmark allocate >/dev/null
  "$bin/mtc" landmark subtrees >"$work/subtrees"
  "$bin/mtc" certificate get --serial 1:0 --kind landmark --out "$work/landmark.pem"
  ca="ca_certificates = $work/ca/ca_cert.pem"
  printf 'revoke-range 32473.1 1:0 1:5\n' >"$work/revoked"
  for order in "${orders[@]}"; do
    provider_config "$work/plain" "$order" "$ca"
    provider_config "$work/landmarks" "$order" "$ca" "landmarks = 32473.1:1:$work/ca/public/1/landmarks" \
      "subtrees = $work/subtrees"
    provider_config "$work/revoking" "$order" "$ca" "policy = $work/revoked"
    provider_config "$work/without" "$order" "key_algorithm = ${case#*:}"
    with "$work/plain" ossl_verify "$work/issued/www.pem" >/dev/null || fail "$case, $order: standalone"
    exits 2 "it has no cosignatures, and its subtree [0, 1) of log 1 is not trusted" \
      with "$work/plain" ossl_verify "$work/landmark.pem"
    with "$work/landmarks" ossl_verify "$work/landmark.pem" >/dev/null || fail "$case, $order: landmark"
    exits 2 "the serial number is revoked" with "$work/revoking" ossl_verify "$work/issued/www.pem"
    # Without a configuration nothing is accepted, also when critical extensions are ignored.
    exits 2 "unhandled critical extension" with "$work/without" ossl_verify "$work/issued/www.pem"
    exits 2 "certificate signature failure" with "$work/without" ossl_verify -ignore_critical "$work/issued/www.pem"
    exits 2 "has expired" with "$work/plain" ossl_verify -attime 2000000000 "$work/issued/www.pem"
  done
  stop "$daemon"
  mv "$work/ca" "$work/$version-${case#*:}"
done
