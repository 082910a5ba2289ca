#!/usr/bin/env bash
# A key that was revoked for keyCompromise is refused in CSRs and as an account's; one that was revoked for
# something else, also by its own signature, is not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"

between_world
between_run acme_compromised.py "a key was refused or taken wrongly"
