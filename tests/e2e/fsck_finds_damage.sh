#!/usr/bin/env bash
# One changed byte in what is published or stored is found and named.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
start_daemon
for i in 1 2 3; do make_csr "host$i"; done
issue "$work"/csr/*.csr >/dev/null
"$bin/mtc" landmark allocate >/dev/null
stop "$daemon"
fsck_clean
damage() { # damage FILE OFFSET
  cp "$1" "$work/saved"
  printf 'Z' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
  fails "problems in a log" "$bin/mtc" log fsck --dir "$work/ca"
  cp "$work/saved" "$1"
}
log=$work/ca/public/1
damage "$log/tile/0/000.p/3" 40
damage "$log/tile/entries/000.p/3" 40
damage "$log/checkpoint" 30
damage "$log/landmarks" 0
fsck_clean
rm "$log/tile/0/000.p/3"
fails "problem" "$bin/mtc" log fsck --dir "$work/ca"
