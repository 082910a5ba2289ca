#!/usr/bin/env bash
# Two tokens with one key (a clone), requests without pause: the first is pulled out, the second serves;
# the first is put back and serves again. Nobody's request fails, and both tokens are shown as they are.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
make_token_ca nss
# The clone, with a shim of its own.
cp -r "$work/token" "$work/clone"
clone=$work/clone-shim
shim_around "$clone" "$MODULE" >/dev/null
clone_args=${MODULE_ARGS//"$work/token"/"$work/clone"}
cat >"$work/standby" <<END
  standby:
    - key: "$KEY_URI"
      module: "$clone/module.so"
      module_args: "$clone_args"
      pin_source: "$PIN_SOURCE"
END
sed -i "/^signer:\$/r $work/standby" "$work/ca/mtc.yaml"
start_token_daemon
for i in 1 2 3 4; do make_csr "host$i"; done
signer_state serving 0 || fail "the first token does not serve"

load() { # requests, until $work/enough is there
  local round=0
  until [ -e "$work/enough" ]; do
    round=$((round + 1))
    issue --request-id "round$round" "$work"/csr/*.csr >>"$work/issued.json" || return 1
  done
  echo "$round" >"$work/rounds"
}
grown() { [ "$(tree_size)" -gt "$1" ]; }
more() { await "more certificates ($1)" grown $(($(tree_size) + 12)); }

load 2>"$work/load.log" &
loading=$!
more "on the first token"
shim_faults "$shim" "token removed"
await "the second token serves" signer_state serving 1
signer_state down 0 || fail "the first token is not shown as down"
more "on the second token"
shim_faults "$shim"
await "the first token serves again" signer_state serving 0
more "on the first token again"
# A first token that hangs: each request goes to the second within the deadline.
touch "$work/enough"
wait "$loading" || fail "a request failed: $(cat "$work/load.log")"
all_issued "$work/issued.json" $((4 * $(cat "$work/rounds")))
[ "$("$bin/mtc" signer status --json | jq .failovers)" -gt 0 ] || fail "no request was counted as served by the second"
"$bin/mtc" signer status | grep -q 'requests that a standby token served' || fail "mtc signer status"
verify "$work"/issued/*.pem || fail "a certificate"
stop "$daemon"
fsck_clean
