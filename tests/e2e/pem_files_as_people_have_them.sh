#!/usr/bin/env bash
# PEM with text around it, several blocks, broken ones; DER; names that are not UTF-8: each file is
# taken for what it is, or the reason is said once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
make_csr www; make_csr mail
csr=$work/csr/www.csr
ask() { "$bin/mtc" issue --profile chrome-dv-7d --out "$work/issued" "$@"; }
{ echo "0 errors so far, here it is:"; cat "$csr"; echo "Regards"; } >"$work/text.csr"
ask "$work/text.csr" >/dev/null || fail "text that begins with a zero"
sed 's/CERTIFICATE REQUEST/NEW &/' "$csr" >"$work/new.csr"
ask "$work/new.csr" >/dev/null || fail "NEW CERTIFICATE REQUEST"
cat "$csr" "$work/csr/mail.csr" >"$work/two.csr"
fails "two.csr holds 2 certification requests: one per file" ask "$work/two.csr"
sed '3s/^./*/' "$csr" >"$work/bad.csr"
cat "$work/new.csr" >>"$work/bad.csr"
output=$(ask "$work/bad.csr" 2>&1) && fail "a broken request was taken"
[ "$output" = "$work/bad.csr: CERTIFICATE REQUEST 1: PEM: the block is not base64
0 issued, 1 failed" ] || fail "$output"
head -n 4 "$csr" >"$work/cut.csr"
fails "has no end" ask "$work/cut.csr"
fails "cannot open $work/none.csr" ask "$work/none.csr"
[ "$(tree_size)" -eq 2 ] || fail "the tree has $(tree_size) entries"

# Names that are not UTF-8 are no reason to say nothing.
cp "$csr" "$work/csr/"$'\xff\xc3\xa4.csr'
cp "$work/bad.csr" "$work/csr/"$'\xfe.csr'
issue "$work"/csr/*.csr >"$work/answers" && fail "a broken request was taken"
[ "$(wc -l <"$work/answers")" -eq 4 ] || fail "not a line per CSR: $(cat "$work/answers")"
jq -e --arg end '/%FFä.csr' 'select(.csr | endswith($end)) | .serial' "$work/answers" >/dev/null || fail "%FF"
jq -e 'select(.csr | endswith("/%FE.csr")) | .error' "$work/answers" >/dev/null || fail "%FE"
verify_json() { "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" --json "$@"; }
verify_json "$work/issued/"*.pem >"$work/verified"
[ "$(jq -s 'map(select(.ok)) | length' "$work/verified")" -eq 5 ] || fail "$(cat "$work/verified")"
grep -q '/%FFä.pem"' "$work/verified" || fail "verify: %FF"
verify_json "$work/"$'\xfd' >"$work/verified" && fail "no file, and it verifies"
[ "$(jq -r .ok "$work/verified")" = false ] || fail "verify: no line"

# A chain: the first is verified, those behind it must be certificates.
leaf=$work/issued/www.pem
cat "$leaf" "$work/ca/ca_cert.pem" >"$work/chain.pem"
verify "$work/chain.pem" || fail "a chain"
cat "$work/ca/ca_cert.pem" "$leaf" >"$work/backwards.pem"
verify "$work/backwards.pem" && fail "the second certificate of a file was verified"
{ cat "$leaf"; sed '3s/^./*/' "$leaf"; } >"$work/broken.pem"
fails "broken.pem: FAIL: CERTIFICATE 2: PEM: the block is not base64" \
  "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" "$work/broken.pem"
{ cat "$leaf"; printf -- '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'; } >"$work/broken.pem"
fails "CERTIFICATE 2" "$bin/mtc" verify --ca-cert "$work/ca/ca_cert.pem" "$work/broken.pem"
"$bin/mtc" ca init --dir "$work/other" --id 32473.2 --key "$work/ca.key" >/dev/null 2>&1
cat "$work/other/ca_cert.pem" "$work/ca/ca_cert.pem" >"$work/cas.pem"
"$bin/mtc" verify --ca-cert "$work/cas.pem" "$leaf" >/dev/null || fail "the second CA certificate of a file"
stop "$daemon"
fsck_clean
