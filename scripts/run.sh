#!/usr/bin/env bash
# run.sh [--share FOLDER]... COMMAND...: runs COMMAND in the project's environment (README,
# "Environment"). Where that is a root of its own, the repository, the current folder, /tmp and each
# FOLDER are the host's; everything else is read-only.
set -euo pipefail
. "$(dirname "$0")/lib/env.sh"
while [ "${1:-}" = --share ] && [ $# -ge 2 ]; do
  shared+=("$(realpath -s -- "$2")")
  shift 2
done
case ${1:-} in
  "" | -*) say "usage: scripts/run.sh [--share FOLDER]... COMMAND..."; exit 2 ;;
esac
env_exec "$@"
