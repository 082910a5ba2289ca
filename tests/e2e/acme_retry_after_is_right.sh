#!/usr/bin/env bash
# One order, two certificates: the standalone one within a batch, the landmark-relative one when the
# server's Retry-After said that it would be there; by all ways, and both verify.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme_real.sh
. "$(dirname "$0")/../support/acme_real.sh"
make_ca --prefix-url https://log.example/mtc
sed -i 's/^landmark_interval_s: .*/landmark_interval_s: 20/; s/validity_s: 604800/validity_s: 3600/; s/policy: chrome-0.3.0/policy: none/' "$work/ca/mtc.yaml"
start_daemon
start_names
# properties FILE: the property list of a chain, in base64.
properties() { sed -n '/BEGIN CERTIFICATE PROPERTIES/,/END CERTIFICATE PROPERTIES/p' "$1" | grep -v -e ----- | tr -d '\n'; }
for kind in optional alternate; do
  acme_config "landmark_link: $kind" 'landmark_public_url: true'
  rm -f "$work"/acme.db*
  start_acmed
  PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/../support/acme_two_certificates.py" "$acme_directory" "$acme_address" \
    "$acme_http_port" "$work/acme.crt" "$work" "$kind" || fail "$kind: the order did not become two certificates"
  for name in standalone landmark; do
    [ "$(grep -c 'BEGIN CERTIFICATE-----' "$work/$name.pem")" -eq 2 ] || fail "$name.pem has no issuer"
    [ "$(grep -c 'BEGIN CERTIFICATE-----' "$work/$name-properties.pem")" -eq 1 ] || fail "$name: a trust anchor is in it"
    [ "$(sed -n 1p "$work/$name-properties.pem")" = '-----BEGIN CERTIFICATE PROPERTIES-----' ] || fail "$name: no properties in front"
    cmp <(sed '/END CERTIFICATE-/q' "$work/$name.pem") <(sed '1,/END CERTIFICATE PROPERTIES/d' "$work/$name-properties.pem") ||
      fail "$name: two formats, two certificates"
    sed '/END CERTIFICATE-/q' "$work/$name.pem" >"$work/leaf.pem"
    if [ "$name" = standalone ]; then
      verify "$work/leaf.pem"
      [ "$(properties "$work/$name-properties.pem")" = AB0AAAAEgf1ZAQABABEADw6B/VmB/VkBAQICAIAAgA== ] ||
        fail "properties of the standalone certificate: $(properties "$work/$name-properties.pem")"
    else
      "$bin/mtc" landmark subtrees >"$work/subtrees"
      verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" "$work/leaf.pem"
      [ "$kind" != optional ] || number=$(properties "$work/$name-properties.pem")
    fi
  done
  stop "$acmed"
done
[ "$number" = ACQAAAAHgf1ZAQEBAQABABEADw6B/VmB/VkBAQICAQEBgAACAAA= ] || fail "properties of landmark 1: $number"
stop "$daemon"
fsck_clean
