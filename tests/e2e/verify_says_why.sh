#!/usr/bin/env bash
# What a relying party is told about certificates and about what it gave wrongly.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
make_csr www
issue "$work/csr/www.csr" >/dev/null
"$bin/mtc" landmark allocate >/dev/null
"$bin/mtc" landmark subtrees >"$work/subtrees"
"$bin/mtc" certificate get --serial 1:0 --kind landmark --out "$work/landmark.pem"
stop "$daemon"
leaf=$work/issued/www.pem
ca=$work/ca/ca_cert.pem
check() { "$bin/mtc" verify --ca-cert "$ca" "$@"; }
fails "FAIL: the cosigner policy is not satisfied: it has no cosignatures, and its subtree [0, 1) of log 1 is not trusted; missing: 32473.1" \
  check "$work/landmark.pem"
# A cosignature of another key: two reasons, and no empty one.
"$bin/mtc" key generate --uri "$work/other.key" --out "$work/other.pub" 2>/dev/null
"$bin/mtc" ca init --dir "$work/other" --id 32473.1 --key "$work/other.key" >/dev/null 2>&1
output=$("$bin/mtc" verify --ca-cert "$work/other/ca_cert.pem" "$leaf") && fail "another CA's key"
[ "${output#*satisfied: }" = "invalid signature of 32473.1; missing: 32473.1" ] || fail "$output"

for time in 2026-02-30T00:00:00Z 2026-2-03T00:00:00Z 2026-01-01T24:00:00Z "2026-01-01T00:00:00Z " -1; do
  exits 2 "--time" check --time "$time" "$leaf"
done
exits 1 "not yet valid" check --time 2024-02-29T00:00:00Z "$leaf"
landmarks=$work/ca/public/1/landmarks
trusting() { check --landmarks "32473.1:1:$landmarks" --subtrees "$work/lines" "$work/landmark.pem"; }
fails "there is no log 0" check --landmarks "32473.1:0:$landmarks" --subtrees "$work/subtrees" "$leaf"
read -r _ _ _ _ hash _ <"$work/subtrees"
bad_line() { { cat "$work/subtrees"; echo "$1"; } >"$work/lines"; fails "lines:$(($(wc -l <"$work/subtrees") + 1)): $2" trusting; }
bad_line "32473.1 1 1 0 $hash" "[1, 0) is not a subtree"
bad_line "32473.1 1 3 3 $hash" "[3, 3) is not a subtree"
bad_line "32473.1 1 1 3 $hash" "[1, 3) is not a subtree"
bad_line "32473.1 1 0 18446744073709551615 $hash" "[0, 18446744073709551615) is not a subtree"
bad_line "32473.9 0 0 1 $hash" "there is no log 0"
bad_line "32473.1 1 0 1" "not \"CA-ID LOG START END HASH\""
cp "$work/subtrees" "$work/lines"
trusting >/dev/null || fail "the lines as they were"

"$bin/mtc" ca init --dir "$work/six" --id 32473.6 --key "$work/other.key" --wire-version plants-06 >/dev/null 2>&1
fails "six/ca_cert.pem: a CA certificate of plants-06, but the CA certificate before it is plants-07" \
  check --ca-cert "$work/six/ca_cert.pem" "$leaf"
fails "a CA certificate of plants-07, but --wire-version is plants-06" check --wire-version plants-06 "$leaf"
check --wire-version plants-07 "$leaf" >/dev/null || fail "--wire-version"
fails "no MTC CA certificate" "$bin/mtc" verify --ca-cert "$leaf" "$leaf"
