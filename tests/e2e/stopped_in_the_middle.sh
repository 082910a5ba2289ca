#!/usr/bin/env bash
# SIGTERM while requests are in flight: every one is answered, the daemon ends well, and repeating the
# command gives everybody a certificate.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca
make_csr host
for i in $(seq 2 200); do cp "$work/csr/host.csr" "$work/csr/host$i.csr"; done
for round in 1 2 3; do
  start_daemon
  mkfifo "$work/first.$round"
  issue --request-id "round$round" "$work"/csr/*.csr >"$work/first.$round" 2>"$work/issue.log" &
  client=$!
  # The first answer is there, the others are on their way.
  exec 8<"$work/first.$round"
  read -r _ <&8 || true
  stop "$daemon"
  cat <&8 >/dev/null
  exec 8<&-
  wait "$client" || true
  start_daemon
  issue --request-id "round$round" "$work"/csr/*.csr >"$work/all.json" || fail "round $round: issuing again"
  [ "$(jq -s 'map(.index) | unique | length' "$work/all.json")" -eq 200 ] || fail "round $round: not 200 indices"
  [ "$(tree_size)" -eq $((200 * round)) ] || fail "round $round: the tree has $(tree_size) entries"
  stop "$daemon"
  fsck_clean
done
