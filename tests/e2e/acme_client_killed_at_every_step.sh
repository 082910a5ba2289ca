#!/usr/bin/env bash
# kill -9 of `mtc acme run` at every step: the next run continues, the certificate fits its key, the
# hook is run, nothing is left in the web root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
[ "${MTC_FAULT_POINTS:-OFF}" = ON ] || { echo "skipped: this preset has no fault points"; exit 77; }
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme_here
start_acme

# killed NAME POINT: a run that is killed there.
killed() {
  local rc=0
  MTC_FAULT=acme.client.$2 run_acme "$1" >/dev/null 2>&1 || rc=$?
  [ "$rc" -eq 137 ] || fail "$2: the run was not killed there ($rc)"
}

# is_whole NAME: what is deployed belongs together.
is_whole() {
  verify "$work/$1/fullchain.pem" || fail "$1: the certificate does not verify"
  [ "$(openssl x509 -in "$work/$1/fullchain.pem" -noout -pubkey)" = "$(openssl pkey -in "$work/$1/key.pem" -pubout)" ] ||
    fail "$1: another certificate's key"
  [ -z "$(ls "$work/world/web")" ] || fail "$1: proofs are left"
  [ "$(acme_state "$1" hook_due)" = false ] || fail "$1: the hook was not run"
  [ "$(cut -d' ' -f2 "$work/$1.hook" | head -n 1)" = standalone ] || fail "$1: the hook was not run"
}

number=0
for point in account account_known begun placed order_known proofs proved responded withdrawn key finalized \
  downloaded chains links hook; do
  number=$((number + 1))
  name=host$number
  make_acme_client "$name"
  killed "$name" "$point"
  run_acme "$name" >"$work/said" || fail "$point: $(cat "$work/said")"
  is_whole "$name"
  [ "$(run_acme "$name")" = "$name: nothing to do" ] || fail "$point: there is still something to do"
done

"$bin/mtc" landmark allocate >/dev/null
name=host1
for point in landmark landmark_known chains links hook; do
  set_acme_state $name '.landmark_at = 1'
  killed $name $point
  [ -e "$work/$name/fullchain.pem" ] || fail "$point: the standalone certificate is gone"
  run_acme $name >"$work/said" || fail "$point: $(cat "$work/said")"
  is_whole $name
  [ "$(tail -n 1 "$work/$name.hook")" = "$name landmark $work/$name" ] || fail "$point: no hook for the landmark"
  [ "$(grep -c 'BEGIN PRIVATE KEY' "$work/$name/chains.pem")" = 2 ] || fail "$point: chains.pem"
  number=$((number - 1))
  name=host$number
done

# A renewal that is killed leaves what is deployed as it is.
for point in begun finalized downloaded; do
  sha=$(sha256sum <"$work/host15/fullchain.pem")
  rc=0
  MTC_FAULT=acme.client.$point run_acme host15 --renew host15 >/dev/null 2>&1 || rc=$?
  [ "$rc" -eq 137 ] || fail "$point: the renewal was not killed there"
  [ "$(sha256sum <"$work/host15/fullchain.pem")" = "$sha" ] || fail "$point: half a renewal is deployed"
  # The order that is open asks for what is wanted: it is continued.
  run_acme host15 >/dev/null || fail "$point: the run after it"
  [ "$(sha256sum <"$work/host15/fullchain.pem")" != "$sha" ] || fail "$point: not renewed"
  is_whole host15
done
stop "$acme"
stop "$daemon"
fsck_clean
