#!/usr/bin/env bash
# kill -9 of the daemon before and after each of its nine states: what was acknowledged is there, no
# index is used twice, no size has two roots, the log is clean.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ "${MTC_FAULT_POINTS:-OFF}" = ON ] || { echo "skipped: this preset has no fault points"; exit 77; }
make_ca
for i in 1 2 3 4 5; do make_csr "host$i"; done
start_daemon
issue --request-id before "$work"/csr/*.csr >"$work/before.json"
stop "$daemon"
cp -r "$work/issued" "$work/before"
for state in collect seal hash stage sign commit publish cosign certify; do
  for when in before after; do
    export MTC_FAULT=$state.$when
    # The first passage is at the start, before anybody can be told "ready".
    [ "$MTC_FAULT" != collect.before ] || MTC_FAULT+=:2
    start_daemon
    unset MTC_FAULT
    rc=0
    issue --request-id "$state-$when" "$work"/csr/*.csr >"$work/lost.json" 2>/dev/null || rc=$?
    rc=0
    wait "$daemon" || rc=$?
    [ "$rc" -eq 137 ] || fail "$state.$when: the daemon was not killed there ($rc)"
    start_daemon
    issue --request-id "$state-$when" "$work"/csr/*.csr >"$work/again.json" || fail "$state.$when: issuing again"
    [ "$(jq -s 'map(.index) | unique | length' "$work/again.json")" -eq 5 ] || fail "$state.$when: an index twice"
    # What had been acknowledged before the kill has the same index now.
    jq -s '[.[] | select(.serial)] | map({key: .csr, value: .index}) | from_entries' "$work/lost.json" >"$work/lost"
    jq -s 'map({key: .csr, value: .index}) | from_entries' "$work/again.json" >"$work/again"
    [ "$(jq -n --slurpfile a "$work/lost" --slurpfile b "$work/again" \
      '$a[0] | to_entries | all(. as $e | $b[0][$e.key] == $e.value)')" = true ] ||
      fail "$state.$when: an acknowledged index changed"
    cat "$work/again.json" >>"$work/all.json"
    issue --request-id before "$work"/csr/*.csr >"$work/then.json"
    cmp <(jq -S .serial "$work/before.json" | sort) <(jq -S .serial "$work/then.json" | sort) ||
      fail "$state.$when: an older acknowledgement is lost"
    stop "$daemon"
    fsck_clean
  done
done
[ "$(jq -s 'map(.index) | (length == (unique | length))' "$work/all.json")" = true ] || fail "an index was used twice"
