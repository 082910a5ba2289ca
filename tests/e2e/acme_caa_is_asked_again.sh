#!/usr/bin/env bash
# An authorization of more than eight hours issues only what CAA allows now; a refusal that cannot be
# written at once is not forgotten.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme_real.sh
. "$(dirname "$0")/../support/acme_real.sh"
make_ca
start_daemon
acme_config 'finalize_wait_ms: 100'
start_acmed
PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/../support/acme_caa_again.py" "$acme_directory" "$acme_address" 5353 \
  "$acme_http_port" "$work/acme.crt" "$work/acme.db" "$work/mtc-acmed.log" || fail "what CAA forbids was issued"
[ "$(tree_size)" -eq 1 ] || fail "what CAA forbids is in the log"
stop "$acmed"
stop "$daemon"
fsck_clean
