#!/usr/bin/env bash
# What is wrong in mtc.yaml is said with its place; a second daemon and a used folder are refused.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca --prefix-url http://127.0.0.1/mtc
yaml=$work/ca/mtc.yaml
cp "$yaml" "$work/good.yaml"
breaks() { # breaks SED-EXPRESSION TEXT: an @ in the text is the number of the changed line
  local difference
  sed "$1" "$work/good.yaml" >"$yaml"
  difference=$(cmp "$yaml" "$work/good.yaml") && fail "$1 changes nothing"
  fails "${2/@/${difference##*line }}" "$bin/mtcd" --config "$yaml"
}
breaks 's/max_entries: 4096/max_entriez: 4096/' 'mtc.yaml:'
breaks 's/backend: cpu/backend: gpu/' 'neither cpu nor card'
breaks "s/id: '32473.1'/id: '32473.2'/" 'it is for CA 32473.1'
breaks 's/number: 1/number: 9/' 'outside minSerial and maxSerial'
breaks 's/validity_s: 604800/validity_s: 1/' 'profile chrome-dv-7d: validity_s'
breaks 's/ext_key_usage: \[server\]/ext_key_usage: [server, client]/' 'policy chrome-0.3.0, 2.4.3.2: ext_key_usage'
breaks 's/wire_version: plants-07/wire_version: plants-06/' 'ca.certificate'
breaks 's/policy_oid: .*/policy_oid: 9.9/' 'no object identifier'
# What Chrome's policy asks for: each rule with its section and the key that breaks it.
breaks 's/policy_oid: .*/policy_oid: 2.23.140.1.2.2/' 'policy chrome-0.3.0, 2.4.3.2: policy_oid'
breaks '/policy_oid: /d' 'policy chrome-0.3.0, 2.4.3.2: policy_oid'
breaks 's/allow_ip: true/subject_common_name: true/' 'policy chrome-0.3.0, 2.4.3.2: subject_common_name'
breaks 's/validity_s: 604800/validity_s: 604801/' 'policy chrome-0.3.0, 2.4.3.1: ca.certificate: its keyUsage must have cRLSign'
breaks 's/validity_s: 604800/validity_s: 4060801/' 'policy chrome-0.3.0, 2.6: validity_s'
breaks 's/number: 1/number: 5/' 'policy chrome-0.3.0, 2.5.1: log.number'
breaks 's/landmark_interval_s: 3600/landmark_interval_s: 2761/' 'policy chrome-0.3.0, 2.6: landmark_interval_s: 2761 gives 221'
breaks 's/policy: chrome-0.3.0/policy: chrome-0.3.1/' 'ca.policy: "chrome-0.3.1" is neither'
# Words that are neither yes nor no, numbers in place of words, numbers outside their range.
for word in n garbage '""' null '~' 2 1 '[true]'; do
  breaks "s/allow_ip: true/allow_ip: $word/" 'mtc.yaml:@: allow_ip: '
done
breaks 's/allow_ip: true/allow_ip:/' 'mtc.yaml:@: allow_ip: '
breaks 's/ext_key_usage: \[server\]/ext_key_usage: [8]/' 'mtc.yaml:@: ext_key_usage: Unknown flag: 8'
breaks 's/key_types: .*/key_types: [4294967295]/' 'mtc.yaml:@: key_types: Unknown flag'
breaks 's/validity_s: 604800/validity_s: -1/' 'validity_s: -1; 60 to 34560000 are allowed'
breaks 's/validity_s: 604800/validity_s: -18446744073709551556/' 'mtc.yaml:@: validity_s: Invalid'
breaks 's/validity_s: 604800/validity_s: 34560001/' 'validity_s: 34560001; 60 to 34560000'
breaks 's/backdate_s: 300/backdate_s: -300/' 'backdate_s: -300; 0 to 86400'
breaks 's/max_delay_ms: 100/max_delay_ms: 4294967295/' 'batch.max_delay_ms: 4294967295; 0 to 60000'
breaks 's/max_entries: 4096/max_entries: 1048577/' 'batch.max_entries: 1048577; 0 to 1048576'
breaks 's/timeout_ms: 10000/timeout_ms: 600001/' 'signer.timeout_ms: 600001; 0 to 600000'
signer() { # signer LINE TEXT: a line more in the signer's section
  breaks "s|^signer:\$|signer:\n  $1|" "$2"
}
signer 'processes: 17' 'signer.processes: 17; 0 to 16'
signer 'sign_mechanism: 4294967296' 'signer.sign_mechanism: 4294967296; 0 to 4294967295'
signer 'confinement: perhaps' 'signer.confinement: "perhaps" is none of on, strict, off'
signer 'standby: [{key: "pkcs11:token=x"}]' 'signer.standby[0]: PKCS#11 URI'
signer 'standby: [{key: b.key, sign_mechanism: -1}]' 'signer.standby: sign_mechanism: -1; 0 to 4294967295'
signer 'standby: [{key: b.key, module: /m.so}]' 'signer.standby[0]: a module or PIN source is given, but the key is a path'
signer 'standby: [{module: /m.so}]' 'mtc.yaml:'
breaks 's/number: 1/number: 0/' 'log.number: 0; 1 to 65535'
breaks 's/name: chrome-dv-7d/name: ""/' 'mtc.yaml:@: name: STRING length'
breaks 's/landmark_interval_s: 3600/landmark_interval_s: 60/' \
  'landmark_interval_s: 60 is too short for certificates of validity_s 604800: 10081'
# 47 days need a CA certificate with cRLSign, and landmarks every four hours or so.
"$bin/mtc" ca init --dir "$work/long" --id 32473.1 --key "$work/ca.key" --crl-sign \
  --prefix-url http://127.0.0.1/mtc >/dev/null 2>&1
sed -i 's/validity_s: 604800/validity_s: 4060800/' "$work/long/mtc.yaml"
fails 'policy chrome-0.3.0, 2.6: landmark_interval_s: 3600 gives 1129' "$bin/mtcd" --config "$work/long/mtc.yaml"
sed -i 's/landmark_interval_s: 3600/landmark_interval_s: 14400/' "$work/long/mtc.yaml"
start long "$bin/mtcd" --config "$work/long/mtc.yaml"
stop "$started"
for word in no Off FALSE yes On; do
  sed "s/allow_ip: true/allow_ip: $word/" "$work/good.yaml" >"$yaml"
  start_daemon
  stop "$daemon"
done
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
  "log fsck" status "card readmit"; do
  # shellcheck disable=SC2086  # two words
  "$bin/mtc" $command --help >/dev/null || fail "$command --help"
  rc=0
  # shellcheck disable=SC2086
  "$bin/mtc" $command --no-such-option >/dev/null 2>&1 || rc=$?
  [ "$rc" -eq 2 ] || fail "$command: exit code $rc for an unknown option"
done
