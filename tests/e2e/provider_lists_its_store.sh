#!/usr/bin/env bash
# openssl storeutl lists a CA's store: the CA certificate, and certificates by serial number; what is
# wrong with a URI is said.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_ca
start_daemon
make_csr www
issue "$work/csr/www.csr" >/dev/null
pem() { sed -n '/BEGIN CERTIFICATE-----/,/END CERTIFICATE-----/p'; }
for order in "${orders[@]}"; do
  provider_config "$work/cnf" "$order" "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
  store() { with "$work/cnf" openssl storeutl "$@"; }
  for uri in mtc: mtc:// mtc://32473.1 "mtc://$MTC_SOCKET"; do
    store "$uri" | pem | cmp - "$work/ca/ca_cert.pem" || fail "$order: $uri"
  done
  for serial in 281474976710656 0x1000000000000 1:0; do
    store -certs "mtc://32473.1?serial=$serial" | pem | cmp - "$work/issued/www.pem" || fail "$order: $serial"
  done
  if [ ! -e "$work/landmark.pem" ]; then
    fails "no landmark contains entry 0 yet" store "mtc://?serial=1:0&kind=landmark"
    "$bin/mtc" landmark allocate >/dev/null
    "$bin/mtc" certificate get --serial 1:0 --kind landmark --out "$work/landmark.pem"
  fi
  store "mtc://?serial=1:0&kind=landmark" | pem | cmp - "$work/landmark.pem" || fail "$order: landmark"
  # The checkpoint and the landmarks: names, with their text below them.
  names=$(store mtc:// | sed -n '/Name:/,$p')
  [[ $names == *"1: Name: mtc://32473.1?checkpoint"*"2: Name: mtc://32473.1?landmarks"*"Total found: 3"* ]] ||
    fail "$order: $names"
  store "mtc://32473.1?checkpoint" | sed '1d;/^Total found: 1$/d' >"$work/note"
  [ "$(head -n 1 "$work/note")" = oid/1.3.6.1.4.1.32473.1.0.1 ] || fail "$order: $(head -n 3 "$work/note")"
  diff -B "$work/note" "$work"/ca/*/1/checkpoint >/dev/null || fail "$order: it is not the published checkpoint"
  landmarks=$(store "mtc://32473.1?landmarks")
  [[ $landmarks == "0: Name: mtc://32473.1?landmarks#1"*"tree size 1, expires 20"*"Total found: 1" ]] ||
    fail "$order: $landmarks"
  store -r mtc:// >"$work/all" || fail "$order: -r does not end"
  grep -q 'landmarks#1' "$work/all" && grep -q '^ *oid/' "$work/all" || fail "$order: $(cat "$work/all")"
  [ "$(store -certs mtc:// | grep -c Name:)" -eq 0 ] || fail "$order: names among certificates"
  fails '"checkpoints" is not serial=N' store "mtc://?checkpoints"
  fails "the log has no entry 5" store "mtc://?serial=1:5"
  fails "serial=x is neither a number nor 0xHEX nor LOG:INDEX" store "mtc://?serial=x"
  fails "kind= without serial=" store "mtc://?kind=landmark"
  fails '"what" is not serial=N' store "mtc://?what"
  fails "is that of CA 32473.1" store mtc://32473.2
  fails "cannot connect to the daemon" store mtc:///no/such/socket
  provider_config "$work/bare" "$order"
  fails "no socket is configured" with "$work/bare" openssl storeutl mtc://
done
stop "$daemon"
