#!/usr/bin/env bash
# A serial number that is reserved for one subject: openssl gets no certificate of another subject
# under it, the error names both, and the right one has it afterwards, also when mtcd was restarted.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_ca
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: 3600/' "$work/ca/mtc.yaml"
start_daemon
cd "$work"
provider_config cnf default,mtc "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
mkdir db
ca_config cnf db
request() { openssl req -new -noenc -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout /dev/null "${@:2}" -out "$1.csr" 2>/dev/null; }
request www -subj /CN=www
request ftp -subj /CN=ftp
reserve_for() { "$bin/mtc" reserve --count 1 --serial-file db/serial "$@"; }
sign() { with cnf openssl ca -batch -notext -in "$1.csr" -out "$1.pem"; }

[[ $(reserve_for --subject /CN=www) == *', for CN=www' ]] || fail "mtc reserve does not say for whom"
fails "serial number 0x01000000000000 (log 1, index 0): index 0: it is reserved for the subject CN=www, not for CN=ftp" sign ftp
fails "the CA refuses the certificate" sign ftp
[ "$(cat db/serial)" = 01000000000000 ] || fail "a refused certificate took the serial number"
[ ! -s db/index.txt ] || fail "a refused certificate is in the index"
stop "$daemon"
start_daemon
fails "it is reserved for the subject CN=www, not for CN=ftp" sign ftp
sign www 2>/dev/null
verify www.pem
# By a request, whatever its strings are: CN as a PrintableString is another subject than as UTF8String.
printf '[req]\ndistinguished_name=n\nstring_mask=default\n[n]\n' >printable.cnf
OPENSSL_CONF=printable.cnf request printable -subj /CN=www
openssl asn1parse -in printable.csr | grep -q 'PRINTABLESTRING *:www' || fail "no PrintableString"
reserve_for --csr printable.csr >/dev/null
fails "CN=www, not for CN=www (in another encoding)" sign www
sign printable 2>/dev/null
verify printable.pem
# Several in a row, and the empty name.
reserve_for --subject /CN=ftp --json >/dev/null
sign ftp 2>/dev/null
"$bin/mtc" reserve --count 2 --subject /CN=www --serial-file db/serial >/dev/null
with cnf openssl ca -batch -notext -infiles www.csr www.csr >/dev/null 2>&1
openssl pkey -in <(openssl genpkey -algorithm ed25519) -pubout -out pub.pem
serial=$("$bin/mtc" reserve --count 1 --subject / --json | jq -r '.subject + " " + .first_serial')
[[ $serial == '(empty) '* ]] || fail "$serial"
by() { with cnf openssl x509 -new -force_pubkey pub.pem -CA ca/ca_cert.pem -CAkey mtc: -days 2 -set_serial "${serial#* }" -subj "$1" -out empty.pem; }
fails "reserved for the subject (empty), not for CN=x" by /CN=x
by /
verify empty.pem
# A program asks the issuing key for serial numbers of a subject.
openssl asn1parse -genconf <(printf 'asn1=SEQUENCE:a\n[a]\nr=SET:b\n[b]\na=SEQUENCE:c\n[c]\no=OID:CN\nv=UTF8:www') -noout -out name.der
program() { with cnf "$bin/mtc-provider-reserve" mtc:// "$@"; }
first=$(program 2 name.der)
serial="x $((first + 1))"
fails "index $(((first + 1) & 0xffffffffffff)): it is reserved for the subject CN=www, not for CN=x" by /CN=x
serial="x $first" # what is behind it waits for it
by /CN=www
serial="x $((first + 1))"
by /CN=www
verify empty.pem
printf '\x30\x05' >wrong.der
fails "the subject is not a Name in DER" program 1 wrong.der
: >nothing.der
fails "mtc-subject is not the octet string of a Name" program 1 nothing.der
fails "0 indices; 1 to 65536" program 0
head -c 70000 /dev/zero >large.der
fails "mtc-subject is not the octet string of a Name" program 1 large.der
# What is no subject reserves nothing.
for wrong in CN=x /CN /CN= /nosuchtype=x; do fails "subject: " "$bin/mtc" reserve --count 1 --subject "$wrong"; done
fails "CERTIFICATE REQUEST" "$bin/mtc" reserve --count 1 --csr ca/ca_cert.pem
exits 2 "not both" "$bin/mtc" reserve --count 1 --csr www.csr --subject /
[ "$(reserve 1)" -eq $((first + 2)) ] || fail "something was reserved for nobody"
stop "$daemon"
fsck_clean
