#!/usr/bin/env bash
# A server that offers the landmark-relative certificate as rel="alternate" with 503, among alternates that
# are something else: `mtc acme run` finds it by what it is. Alternates of ordinary certificates are not
# asked for at all.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
mkdir "$work/proxy"
free_port >"$work/proxy/port"
acme_url=http://127.0.0.1:$(cat "$work/proxy/port")
make_acme 'landmark_link: alternate'
start_acme
start proxy python3 "$support/acme_alternates.py" "$work/proxy" "$acme_connect"
make_acme_client www

# One is the standalone certificate once more, the others are not there.
run_acme www >"$work/said" || fail "the first run: $(cat "$work/said")"
grep -q 'www: new certificate' "$work/said" || fail "it said: $(cat "$work/said")"
[ "$(tr '\n' ' ' <"$work/proxy/asked")" = '/other/1 /other/2 ' ] || fail "asked for: $(cat "$work/proxy/asked")"
[ ! -e "$work/www/landmark.pem" ] || fail "the standalone certificate was taken for the other"
[ "$(grep -c 'BEGIN PRIVATE KEY' "$work/www/chains.pem")" = 1 ] || fail "chains.pem has a path too many"
[ "$(acme_state www landmark_at)" -gt $(($(date +%s) + 3000)) ] || fail "Retry-After of 503 was not respected"
case $(acme_state www landmark_url) in
  "$acme_url"/other/*) fail "the next is not the server's own" ;;
esac
[ "$(acme_state www alternates)" = "$acme_url/other/2" ] || fail "alternates: $(acme_state www alternates)"
[ "$(run_acme www)" = "www: nothing to do" ] || fail "something to do"

# In turns, until it is there.
set_acme_state www '.landmark_at = 1'
run_acme www >"$work/said" || fail "it is not there yet: $(cat "$work/said")"
"$bin/mtc" landmark allocate >/dev/null
for run in other own; do
  [ ! -e "$work/www/landmark.pem" ] || fail "$run: another certificate was taken"
  set_acme_state www '.landmark_at = 1'
  run_acme www >"$work/said" || fail "$run: $(cat "$work/said")"
done
grep -q 'landmark-relative certificate' "$work/said" || fail "it said: $(cat "$work/said")"
"$bin/mtc" landmark subtrees >"$work/subtrees"
verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" "$work/www/landmark.pem" ||
  fail "the landmark-relative certificate does not verify"
[ "$(grep -c 'BEGIN PRIVATE KEY' "$work/www/chains.pem")" = 2 ] || fail "chains.pem has not both"
[ "$(grep -c /other/1 "$work/proxy/asked")" = 1 ] || fail "what is something else was asked for again"
[ "$(run_acme www)" = "www: nothing to do" ] || fail "something to do"
stop "$acme"
stop "$daemon"

# An ordinary CA's alternate is a chain to another root.
mkdir "$work/faults"
echo alternates >"$work/faults/mode"
start faults python3 "$support/acme_faults.py" "$work/faults"
acme_url=http://127.0.0.1:$(cat "$work/faults/port")
make_acme_client plain
sed -i 's/plain.example.com/www.example.com/' "$work/plain.yaml"
run_acme plain >"$work/said" || fail "an ordinary certificate: $(cat "$work/said")"
grep -q 'plain: new certificate' "$work/said" || fail "it said: $(cat "$work/said")"
[ "$(run_acme plain)" = "plain: nothing to do" ] || fail "something to do"
! grep /alternate "$work/faults/requests" || fail "another root's chain was asked for"
