#!/usr/bin/env bash
# A key that was revoked for keyCompromise is certified no more, by the log or a directly signing instance,
# after a restart and in the database of an earlier release; others are, whatever they were revoked for.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77
make_ca
make_direct
start_daemon
for name in one two three; do make_csr $name; done
ask() { "$bin/mtc-ask-daemon" "$MTC_SOCKET" "$@"; }
direct() { ask issue-direct tls "$1" "$work/csr/$2.csr" "$work/$2.crt"; }
revoke() { "$bin/mtc" certificate revoke --reason "$2" --serial "$1" >/dev/null; }
refused() {
  fails "was revoked for keyCompromise" issue --request-id "$2" "$work/csr/$1.csr"
  fails "was revoked for keyCompromise" direct "$2" "$1"
}

issue --request-id first "$work/csr/one.csr" >/dev/null
issue "$work/csr/two.csr" >/dev/null
serial=$(direct first three)
revoke 1:1 superseded
revoke 1:0 keyCompromise
revoke "$serial" keyCompromise
refused one second
refused three second
issue "$work/csr/two.csr" >/dev/null || fail "a key that was superseded is refused"

# Found out later: the reason that is kept is the first, the key is refused.
revoke 1:1 keyCompromise
[ "$("$bin/mtc" certificate revoked --json | head -n 1 | jq -r .reason)" = superseded ] || fail "another reason is kept"
refused two second

# What was certified before is answered as ever.
rm -rf "$work/issued"
issue --request-id first "$work/csr/one.csr" >/dev/null
[ "$(direct first three)" = "$serial" ] || fail "another certificate of one request"

# Durable; and made up for in a database whose program did not keep the keys.
stop "$daemon"
python3 -c 'import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript("DROP TABLE compromised_keys; DROP TABLE withdrawn_requests; PRAGMA user_version = 3")' \
  "$work/ca/log.db"
start_daemon
refused one third
refused three third
issue --request-id third "$work/csr/two.csr" >/dev/null || fail "nobody knows that it was compromised"
[ "$(tree_size)" = 4 ] || fail "the tree has $(tree_size) entries"
stop "$daemon"
fsck_clean
