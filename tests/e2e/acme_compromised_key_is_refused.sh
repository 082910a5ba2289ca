#!/usr/bin/env bash
# A key that was revoked for keyCompromise is refused in CSRs and as an account's; one that was revoked for
# something else, also by its own signature, is not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77
python3 -c 'import cryptography' 2>/dev/null || exit 77

make_ca
make_direct
start_daemon
make_acme_here
between_daemon
PYTHONDONTWRITEBYTECODE=1 python3 "$support/acme_compromised.py" "$acme_url/directory" "$work" "$bin" ||
  fail "a key was refused or taken wrongly"
stop "$daemon"
fsck_clean
