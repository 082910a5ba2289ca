#!/usr/bin/env bash
# `mtc acme change-key`: another key in the same account; killed at every step it is gone on with, by itself
# or by cron's run, with whichever key is in force; refused it leaves everything as it was.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme_here
start_acme
change_key() { "$bin/mtc" acme change-key --config "$work/$1.yaml"; }
thumb() { openssl pkey -in "$1" -pubout | sha256sum; }
account() { jq -r .account "$work/$1.key.json"; }
changes() { grep -c "id=${1##*/} key_changed=yes" "$work/acmed.log"; }

# is_changed NAME: the account is the same, the new key is in force, the old one is nobody's.
is_changed() {
  local name=$1
  [ "$(account "$name")" = "$(cat "$work/$name.account")" ] || fail "$name: another account"
  [ "$(thumb "$work/$name.key")" != "$(thumb "$work/$name.old")" ] || fail "$name: the key is the old one"
  [ "$(changes "$(account "$name")")" = 1 ] || fail "$name: changed more than once"
  [ ! -e "$work/$name.key.next" ] || fail "$name: KEY.next is left"
  [ "$(stat -c %a "$work/$name.key")" = 600 ] || fail "$name: the key is open to others"
  for key in key old; do
    answer=$(acme_key=$work/$name.$key python3 - "$support" "$acme_connect" "$acme_url/directory" "$work/$name.$key" <<'PY'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from acme_client import Client, Key
client = Client(*sys.argv[2:4], Key(sys.argv[4]))
print(client.post(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True).json().get("type", "valid"))
PY
    )
    case $key$answer in
      keyvalid | old*accountDoesNotExist) ;;
      *) fail "$name: by the $key one: $answer" ;;
    esac
  done
}

# prepare NAME: with an account and a certificate.
prepare() {
  make_acme_client "$1"
  run_acme "$1" >"$work/said" || fail "$1: $(cat "$work/said")"
  cp "$work/$1.key" "$work/$1.old"
  account "$1" >"$work/$1.account"
}

prepare www
change_key www >"$work/said" || fail "not changed: $(cat "$work/said")"
grep -q "$(account www) has this key now" "$work/said" || fail "it said: $(cat "$work/said")"
is_changed www
run_acme www --renew www >"$work/said" || fail "the new key is of no use: $(cat "$work/said")"
[ "$(acme_state www generation)" = 2 ] || fail "not renewed"

# While a run has the key nobody changes it: it waits.
prepare busy
exec 8>"$work/busy.key.lock"
flock -s 8
change_key busy >"$work/said" 2>&1 8>&- &
changing=$!
timeout 30 sh -c 'until grep -q -e "-> FLOCK" /proc/locks; do :; done' || fail "it does not wait for the lock"
[ ! -e "$work/busy.key.next" ] || fail "a change was begun under a run"
exec 8>&-
wait "$changing" || fail "not changed when the run was over: $(cat "$work/said")"
is_changed busy

# An account that the server does not have (any more): refused, and nothing is left of it.
make_acme_client none
fails 'knows no account' change_key none
fails 'knows no account' change_key none
[ "$(thumb "$work/none.key.next")" != "$(thumb "$work/none.key")" ] || fail "none: the keys are one"

# The server is away: the key that is there stays; later it is gone on with.
prepare away
stop "$acme"
fails 'Could not connect' change_key away
cmp "$work/away.key" "$work/away.old" || fail "changed without a server"
start_acme
change_key away >/dev/null || fail "not changed when the server was back"
is_changed away

if [ "${MTC_FAULT_POINTS:-OFF}" = ON ]; then
  number=0
  for point in next_key key_change key_changed key_replaced key_noted; do
    for next in run change; do
      number=$((number + 1))
      name=host$number
      prepare "$name"
      rc=0
      MTC_FAULT=acme.client.$point change_key "$name" >/dev/null 2>&1 || rc=$?
      [ "$rc" -eq 137 ] || fail "$point: not killed there ($rc)"
      if [ "$next" = run ]; then
        # By cron's run: a certificate, with whichever key is in force.
        run_acme "$name" --renew "$name" >"$work/said" || fail "$point: the run: $(cat "$work/said")"
        [ "$(acme_state "$name" generation)" = 2 ] || fail "$point: not renewed"
        [ "$(account "$name")" = "$(cat "$work/$name.account")" ] || fail "$point: another account"
        case $point in
          next_key | key_change) [ -e "$work/$name.key.next" ] || fail "$point: the change is forgotten" ;;
          *) is_changed "$name" ;;
        esac
      fi
      if [ "$next" = change ] || [ -e "$work/$name.key.next" ]; then
        change_key "$name" >"$work/said" || fail "$point: not gone on with: $(cat "$work/said")"
      fi
      is_changed "$name"
      run_acme "$name" >"$work/said" || fail "$point: the last run: $(cat "$work/said")"
    done
  done
fi
stop "$acme"
stop "$daemon"
fsck_clean
