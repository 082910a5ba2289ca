#!/usr/bin/env bash
# A program with 64 threads issues 10,000 certificates through the provider (fewer under a sanitizer):
# they share batches, so the CA's key signs far less often, and every one is valid.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
count=10000
[ -z "$sanitizer" ] || count=1000
make_ca
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: 3600/' "$work/ca/mtc.yaml"
start_daemon
provider_config "$work/cnf" default,mtc "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
first=$(reserve "$count")
OPENSSL_CONF=$work/cnf "$bin/mtc-provider-load" mtc://32473.1 "$count" 64 "$first" >"$work/result"
[ "$(jq .issued "$work/result")" -eq "$count" ] || fail "not everything was issued: $(cat "$work/result")"
"$bin/mtc" status --json >"$work/status"
signatures=$(jq '.signer.signatures // .engine.signatures // .engine.batches * 3' "$work/status")
[ "$signatures" -lt $((count / 10)) ] || fail "$signatures signatures for $count certificates"
[ "$(tree_size)" -ge "$count" ] || fail "the log is too small"
jq -c --argjson batches "$(jq .engine.batches "$work/status")" --argjson signatures "$signatures" \
  '. + {batches: $batches, signatures: $signatures}' "$work/result"
"$bin/mtc" certificate get --serial "$((first + count - 1))" --kind standalone --out "$work/last.pem"
verify "$work/last.pem"
stop "$daemon"
fsck_clean
