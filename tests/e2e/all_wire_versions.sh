#!/usr/bin/env bash
# A CA of each wire version issues; relying parties of the other versions refuse.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_csr www
declare -A groups=([plants-05]='trust_anchor_group_inclusions 32473.1.2.1.{1-169}'
  [plants-06]='trust_anchor_groups 32473.1.2.1.{1-}' [plants-07]='trust_anchor_groups 32473.1.2.1.{1-}')
for version in plants-05 plants-06 plants-07; do
  make_ca --wire-version "$version"
  start_daemon
  issue "$work/csr/www.csr" >/dev/null
  "$bin/mtc" landmark allocate >/dev/null
  "$bin/mtc" landmark subtrees >"$work/subtrees"
  "$bin/mtc" certificate get --serial 1:0 --kind landmark --properties --out "$work/with.pem"
  "$bin/mtc" inspect "$work/with.pem" | grep -xF "${groups[$version]}" >/dev/null || fail "$version: properties"
  "$bin/mtc" certificate get --serial 1:0 --kind landmark --out "$work/landmark.pem"
  verify "$work/issued/www.pem" || fail "$version: standalone"
  verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" \
    "$work/landmark.pem" || fail "$version: landmark-relative"
  "$bin/mtc" inspect "$work/issued/www.pem" | grep "$version" >/dev/null || fail "inspect does not say $version"
  stop "$daemon"
  fsck_clean
  mv "$work/ca" "$work/$version"
  mv "$work/issued/www.pem" "$work/$version.pem"
done
for version in plants-05 plants-06 plants-07; do
  for other in plants-05 plants-06 plants-07; do
    [ "$version" = "$other" ] && continue
    fails "FAIL" "$bin/mtc" verify --ca-cert "$work/$version/ca_cert.pem" "$work/$other.pem"
  done
done
