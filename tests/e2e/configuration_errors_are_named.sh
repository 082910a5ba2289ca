#!/usr/bin/env bash
# What is wrong in mtc.yaml is said with its place; a second daemon and a used folder are refused.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca --prefix-url http://127.0.0.1/mtc
yaml=$work/ca/mtc.yaml
cp "$yaml" "$work/good.yaml"
breaks() { # breaks SED-EXPRESSION TEXT
  sed "$1" "$work/good.yaml" >"$yaml"
  cmp -s "$yaml" "$work/good.yaml" && fail "$1 changes nothing"
  fails "$2" "$bin/mtcd" --config "$yaml"
}
breaks 's/max_entries: 4096/max_entriez: 4096/' 'mtc.yaml:'
breaks 's/backend: cpu/backend: gpu/' 'neither cpu nor card'
breaks "s/id: '32473.1'/id: '32473.2'/" 'it is for CA 32473.1'
breaks 's/number: 1/number: 9/' 'outside minSerial and maxSerial'
breaks 's/validity_s: 604800/validity_s: 1/' 'profile chrome-dv-7d: validity_s'
breaks 's/ext_key_usage: \[server\]/ext_key_usage: [server, client]/' 'policy chrome-0.3.0: extKeyUsage'
breaks 's/wire_version: plants-07/wire_version: plants-06/' 'ca.certificate'
breaks 's/policy_oid: .*/policy_oid: 9.9/' 'no object identifier'
cp "$work/good.yaml" "$yaml"
fails "holds a CA already" "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "$work/ca.key"
fails "never overwritten" "$bin/mtc" key generate --uri "$work/ca.key"
start_daemon
fails "in use by another process" "$bin/mtcd" --config "$yaml"
kill -9 "$daemon"
wait "$daemon" || true
[ -S "$work/ca/mtcd.sock" ] || fail "the stale socket is gone"
start_daemon
stop "$daemon"
for command in "ca init" "key generate" issue "certificate get" "landmark allocate" reserve verify inspect \
  "log fsck" status; do
  # shellcheck disable=SC2086  # two words
  "$bin/mtc" $command --help >/dev/null || fail "$command --help"
  rc=0
  # shellcheck disable=SC2086
  "$bin/mtc" $command --no-such-option >/dev/null 2>&1 || rc=$?
  [ "$rc" -eq 2 ] || fail "$command: exit code $rc for an unknown option"
done
