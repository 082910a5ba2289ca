#!/usr/bin/env bash
# Five types of key become standalone and landmark-relative certificates that openssl reads unchanged.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca --prefix-url http://127.0.0.1/mtc
start_daemon
make_csr p256
make_csr p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384
make_csr rsa -newkey rsa:2048
make_csr ed25519 -newkey ed25519
make_csr mldsa -newkey ml-dsa-44
issue "$work"/csr/*.csr >"$work/issued.json"
[ "$(grep -c '"serial"' "$work/issued.json")" -eq 5 ] || fail "not five certificates"
fails "no landmark contains entry 0 yet" "$bin/mtc" certificate get --serial 1:0 --kind landmark
verify "$work"/issued/*.pem || fail "standalone certificates do not verify"
"$bin/mtc" landmark allocate >/dev/null
fails "has not grown" "$bin/mtc" landmark allocate
"$bin/mtc" landmark subtrees >"$work/subtrees"
mkdir "$work/landmark"
for index in 0 1 2 3 4; do
  "$bin/mtc" certificate get --serial "1:$index" --kind landmark --properties --out "$work/landmark/$index.pem"
done
verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" \
  "$work"/landmark/*.pem || fail "landmark-relative certificates do not verify"
fails "FAIL" "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" "$work/landmark/0.pem"
for file in "$work"/issued/*.pem "$work"/landmark/*.pem; do
  sed -n '/BEGIN CERTIFICATE-----/,/END CERTIFICATE-----/p' "$file" | sed '/-----/d' | base64 -d >"$work/as-issued"
  openssl x509 -in "$file" -outform DER -out "$work/by-openssl"
  cmp "$work/as-issued" "$work/by-openssl" || fail "openssl re-encodes $file otherwise"
  openssl asn1parse -inform DER -in "$work/as-issued" >/dev/null || fail "asn1parse refuses $file"
done
grep -q 'BEGIN CERTIFICATE PROPERTIES' "$work/landmark/0.pem" || fail "no properties"
fails "expired" "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" --time 2040-01-01T00:00:00Z "$work/issued/p256.pem"
stop "$daemon"
fsck_clean
