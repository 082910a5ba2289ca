#!/usr/bin/env bash
# What is revoked stays revoked, and is on the CRL that openssl makes of it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
openssl genpkey -quiet -algorithm EC -pkeyopt group:P-256 -out "$work/ca/classic.key"
openssl req -x509 -new -key "$work/ca/classic.key" -subj "/O=Example/CN=classic" -days 30 \
  -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/ca/classic.pem"
cat >>"$work/ca/mtc.yaml" <<END
direct:
  - name: classic
    certificate: classic.pem
    signer: {key: classic.key}
    profiles:
      - {name: classic, validity_s: 86400, key_types: [p256], ext_key_usage: [server]}
END
start_daemon
make_csr one
issue "$work/csr/one.csr" >/dev/null
ask() { "$bin/mtc-ask-daemon" "$MTC_SOCKET" "$@"; }
good=$(ask issue-direct classic "" "$work/csr/one.csr" "$work/good.crt")
bad=$(ask issue-direct classic "" "$work/csr/one.csr" "$work/bad.crt")
revoke() { "$bin/mtc" certificate revoke --reason "$2" --serial "$1"; }

first=$(revoke "$bad" keyCompromise)
[[ $first == "revoked at 2"* ]] || fail "$first"
[ "$(revoke "$bad" superseded)" = "$first" ] || fail "revoked at another time"
revoke 1:0 cessationOfOperation >/dev/null
fails "the log has no entry 1" revoke 1:1 keyCompromise
fails "this is log 1" revoke 2:0 keyCompromise
fails "no certificate has this serial number" revoke 40000000000000000000000000000000 keyCompromise
exits 2 "--reason is none" revoke 1:0 certificateHold
exits 2 "--serial is no number" revoke 40x0 keyCompromise
exits 2 "--openssl-index needs --instance" "$bin/mtc" certificate revoked --openssl-index "$work/x"
fails 'there is no instance "none"' "$bin/mtc" certificate revoked --instance none

# Durable, in its order.
stop "$daemon"
start_daemon
"$bin/mtc" certificate revoked --json >"$work/revoked"
[ "$(jq -r '.serial + " " + .reason' "$work/revoked" | tr '\n' ,)" = "$bad keyCompromise,0001000000000000 cessationOfOperation," ] ||
  fail "revoked: $(cat "$work/revoked")"

# A CRL of each issuer has its own certificates only.
crl() { # INSTANCE
  "$bin/mtc" certificate revoked --instance "$1" --openssl-index "$work/index.txt"
  printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index.txt\ndefault_md=sha256\ndefault_crl_days=7\n' "$work" >"$work/ca.conf"
  openssl ca -gencrl -config "$work/ca.conf" -keyfile "$work/ca/classic.key" -cert "$work/ca/classic.pem" -out "$work/crl.pem" 2>/dev/null
  openssl crl -in "$work/crl.pem" -noout -text | sed -n 's/ *Serial Number: //p' | tr '\n' ,
}
[ "$(crl 32473.1)" = "01000000000000," ] || fail "CRL of the log: $(cat "$work/index.txt")"
[ "$(crl classic)" = "${bad^^}," ] || fail "CRL: $(cat "$work/index.txt")"
openssl crl -in "$work/crl.pem" -noout -text | grep -q "Key Compromise" || fail "no reason in the CRL"
check() { openssl verify -crl_check -CRLfile "$work/crl.pem" -CAfile "$work/ca/classic.pem" "$1"; }
check "$work/good.crt" >/dev/null || fail "$good is revoked"
exits 2 "certificate revoked" check "$work/bad.crt"
stop "$daemon"
fsck_clean
