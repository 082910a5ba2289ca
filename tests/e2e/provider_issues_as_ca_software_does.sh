#!/usr/bin/env bash
# openssl x509 -req, x509 -new, req -x509 and ca issue through the provider, in every order of providers;
# the serial numbers are reserved, and the CRL is signed with the CA key itself.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_csr www
make_csr rsa -newkey rsa:2048
make_csr two
openssl pkey -in "$work/csr/www.key" -pubout -out "$work/www.pub"
cd "$work"

both() { with "$work/cnf" ossl_verify "$@" >/dev/null && verify "$@" || fail "$case, $order: $*"; }
expect_landmark() { with "$work/cnf" openssl x509 -noout -text -in "$1" | grep -q 'Signature Algorithm: id-alg-mtcProof' || fail "$1"; }

for case in plants-07:ml-dsa-44 plants-06:ecdsa-p256 plants-05:ml-dsa-44; do
  make_ca_key "${case#*:}"
  make_ca --wire-version "${case%:*}" --algorithm "${case#*:}" --crl-sign
  start_daemon
  for order in "${orders[@]}"; do
    provider_config cnf "$order" "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET" \
      "landmarks = 32473.1:1:$work/ca/public/1/landmarks" "subtrees = $work/subtrees"
    : >subtrees
    [ -e ca/public/1/landmarks ] || sed -i '/^landmarks/d; /^subtrees/d' cnf
    rm -rf db new.pem ./*-out.pem
    mkdir db
    ca_config cnf db
    by=(-CA ca/ca_cert.pem -CAkey "mtc://$MTC_SOCKET" -days 3)
    with cnf openssl x509 -req -in csr/www.csr "${by[@]}" -set_serial "$(reserve 1)" -out req-out.pem 2>/dev/null
    with cnf openssl x509 -new -force_pubkey www.pub -subj /CN=new "${by[@]}" -set_serial "$(reserve 1)" -out new-out.pem
    with cnf openssl req -x509 -new -key csr/www.key -subj /CN=req "${by[@]}" -set_serial "$(reserve 1)" -out x509-out.pem 2>/dev/null
    "$bin/mtc" reserve --count 3 --serial-file db/serial >/dev/null
    with cnf openssl ca -batch -notext -in csr/rsa.csr -subj /CN=rsa -out ca-out.pem 2>ca.log || fail "openssl ca: $(cat ca.log)"
    with cnf openssl ca -batch -notext -infiles csr/www.csr csr/two.csr >/dev/null 2>ca.log || fail "openssl ca -infiles: $(cat ca.log)"
    [ "$(find db -name '*.pem' | wc -l)" -eq 3 ] || fail "$case, $order: not three certificates"
    both ./*-out.pem db/*.pem

    # The next one is not reserved: nothing changes.
    cp db/serial serial.before
    cp db/index.txt index.before
    fails "is not reserved" with cnf openssl ca -batch -notext -in csr/two.csr -out none.pem
    cmp db/serial serial.before && cmp db/index.txt index.before || fail "a refusal changed the CA's files"

    # The other certificate of the entry: asked for in vain, and then waited for.
    serial=$(reserve 1)
    fails "no landmark contains entry" with cnf openssl x509 -new -force_pubkey www.pub -subj /CN=l "${by[@]}" \
      -set_serial "$serial" -sigopt kind:landmark -sigopt landmark:fail -out none.pem
    serial=$(reserve 1)
    (sleep 1; "$bin/mtc" landmark allocate) >/dev/null &
    with cnf openssl x509 -new -force_pubkey www.pub -subj /CN=l "${by[@]}" -set_serial "$serial" \
      -sigopt kind:landmark -sigopt landmark:wait -out landmark.pem
    wait $!
    expect_landmark landmark.pem
    fails "FAIL" "$bin/mtc" verify --ca-cert ca/ca_cert.pem landmark.pem
    "$bin/mtc" landmark subtrees >subtrees
    verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees subtrees landmark.pem || fail "landmark"
    fails "neither standalone nor landmark" with cnf openssl x509 -new -force_pubkey www.pub -subj /CN=l "${by[@]}" \
      -set_serial 1 -sigopt kind:other

    # What an issuing key does not do.
    fails "the issuing key stays where it is" with cnf openssl pkey -in "mtc://$MTC_SOCKET"
    fails "signs certificates alone" with cnf openssl req -new -key "mtc://$MTC_SOCKET" -subj /CN=csr
    fails "signs certificates alone" with cnf openssl ca -gencrl -crldays 3 -out none.pem
    with cnf openssl ca -gencrl -crldays 3 -keyfile ca.key -out crl.pem 2>/dev/null
    with cnf ossl_verify -crl_check -CRLfile crl.pem ca-out.pem >/dev/null || fail "$case, $order: with a CRL"
    with cnf openssl ca -revoke ca-out.pem -keyfile ca.key 2>/dev/null
    with cnf openssl ca -gencrl -crldays 3 -keyfile ca.key -out crl.pem 2>/dev/null
    exits 2 "certificate revoked" with cnf ossl_verify -crl_check -CRLfile crl.pem ca-out.pem
  done
  stop "$daemon"
  fsck_clean
  mv ca "ca-$case"
done
