#!/usr/bin/env bash
# Repeating a request under its ID gives the same certificate, also after kill -9.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
make_csr a; make_csr b
issue --request-id order-1 "$work/csr/a.csr" "$work/csr/b.csr" >/dev/null
cp -r "$work/issued" "$work/first"
issue --request-id order-1 "$work/csr/a.csr" "$work/csr/b.csr" >/dev/null
diff -r "$work/first" "$work/issued" || fail "the second answer differs"
[ "$(tree_size)" -eq 2 ] || fail "the tree grew"
kill -9 "$daemon"
wait "$daemon" || true
start_daemon
issue --request-id order-1 "$work/csr/a.csr" "$work/csr/b.csr" >/dev/null
diff -r "$work/first" "$work/issued" || fail "the answer after kill -9 differs"
fails "was used for another request" issue --request-id order-1.1 "$work/csr/b.csr"
[ "$(tree_size)" -eq 2 ] || fail "the tree grew"
stop "$daemon"
fsck_clean
