#!/usr/bin/env bash
# run.sh COMMAND...: runs COMMAND in the project's environment (docs: README, "Environment").
set -euo pipefail
. "$(dirname "$0")/lib/env.sh"
[ $# -gt 0 ] || { say "usage: scripts/run.sh COMMAND..."; exit 2; }
env_exec "$@"
