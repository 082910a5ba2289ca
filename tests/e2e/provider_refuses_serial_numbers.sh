#!/usr/bin/env bash
# A serial number that is not reserved, used, expired or none at all is refused by name; the same
# TBSCertificate under the same serial number is the same entry.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_ca
start_daemon
make_csr www
cd "$work"
provider_config cnf default,mtc "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
openssl pkey -in csr/www.key -pubout -out www.pub
# sign SERIAL SUBJECT FILE: dates are fixed, so that the same request gives the same TBSCertificate.
from=$(date -u +%Y%m%d000000Z)
until=$(date -u -d '+2 days' +%Y%m%d000000Z)
sign() {
  with cnf openssl x509 -new -force_pubkey www.pub -subj "/CN=$2" -CA ca/ca_cert.pem -CAkey mtc://32473.1 \
    -set_serial "$1" -not_before "$from" -not_after "$until" -out "$3"
}
"$bin/mtc" reserve --count 1 --serial-file serial >/dev/null
[ "$(cat serial)" = 01000000000000 ] || fail "serial file: $(cat serial)"
sign 0x1000000000000 first first.pem
sign 0x1000000000000 first again.pem
cmp first.pem again.pem || fail "the same TBSCertificate is another entry"
fails "serial number 0x01000000000000 (log 1, index 0): index 0 is already used by another entry" \
  sign 0x1000000000000 other none.pem
fails "the CA refuses the certificate" sign 0x1000000000000 other none.pem
fails "(log 1, index 1): index 1 is not reserved" sign 0x1000000000001 first none.pem
fails "(log 1, index 77): index 77 is not reserved" sign 0x100000000004d first none.pem
fails "(log 2, index 1): the serial number is of log 2; this is log 1" sign 0x2000000000001 first none.pem
fails "serial number 0x05 (log 0, index 5): TBSCertificate: serial number 5: log number 0" sign 5 first none.pem
fails "the serial number is 0" sign 0 first none.pem
fails "the serial number is negative or above 2^64-1" sign 0x112233445566778899 first none.pem
# Reserved and used by somebody else in the meantime: whoever comes first has it.
serial=$(reserve 1)
sign "$serial" one one.pem
fails "is already used by another entry" sign "$serial" two none.pem
# Reserved too long ago: an entry behind the reserved index is logged when the reservation has expired.
stop "$daemon"
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: 1/' "$work/ca/mtc.yaml"
start_daemon
serial=$(reserve 1)
issue "$work/csr/www.csr" >/dev/null
fails "its reservation has expired" sign "$serial" late none.pem
[ ! -e none.pem ] || [ ! -s none.pem ] || fail "a refused certificate was written"
stop "$daemon"
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: 60/' "$work/ca/mtc.yaml"
start_daemon
# A program has its serial number reserved by the issuing key (the example of docs/provider.md).
for name in one two; do
  ASAN_OPTIONS=detect_leaks=0 OPENSSL_CONF=cnf "$bin/mtc-provider-issue" mtc://32473.1 www.pub "$name.example.com" >"program-$name.pem"
done
verify program-one.pem program-two.pem
fails "cannot connect to the daemon" env OPENSSL_CONF=cnf ASAN_OPTIONS=detect_leaks=0 \
  "$bin/mtc-provider-issue" mtc:///none www.pub x
# The file of serial numbers is not written over anything else.
printf 'not a number\n' >precious
fails "is no serial number file" "$bin/mtc" reserve --count 1 --serial-file precious
[ "$(cat precious)" = 'not a number' ] || fail "a file was written over"
# What no profile allows; last, because nothing is logged behind the reserved index while it waits.
serial=$(reserve 1)
until=$(date -u -d '+60 days' +%Y%m%d000000Z)
fails "after what the longest profile gives" sign "$serial" long none.pem
verify first.pem one.pem
stop "$daemon"
fails "cannot connect to the daemon" with cnf openssl x509 -new -force_pubkey www.pub -subj /CN=x \
  -CA ca/ca_cert.pem -CAkey mtc://32473.1 -set_serial 1 -out none.pem
