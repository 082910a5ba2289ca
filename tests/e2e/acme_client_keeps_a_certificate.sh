#!/usr/bin/env bash
# `mtc acme run` as cron runs it: from nothing to a deployed certificate in one run, later the
# landmark-relative one, then nothing to do; a renewal that keeps the old chain; revocation.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme_here
start_acme
make_acme_client www

run_acme www >"$work/said" || fail "the first run: $(cat "$work/said")"
grep -q 'www: new certificate' "$work/said" || fail "it said: $(cat "$work/said")"
[ "$(stat -c %a "$work/www.key")" = 600 ] || fail "the account's key is open to others"
for file in key.pem chains.pem; do
  [ "$(stat -L -c %a "$work/www/$file")" = 600 ] || fail "$file is open to others"
done
[ -z "$(ls "$work/world/web")" ] || fail "proofs were left in the web root"
verify "$work/www/fullchain.pem" || fail "the standalone certificate does not verify"
key_of() { openssl x509 -in "$1" -noout -pubkey | sha256sum; }
[ "$(key_of "$work/www/fullchain.pem")" = "$(openssl pkey -in "$work/www/key.pem" -pubout | sha256sum)" ] ||
  fail "key.pem is not the certificate's"
openssl x509 -in "$work/www/fullchain.pem" -noout -checkhost www.example.com | grep -q 'does match' || fail "another name"
labels() { sed -n 's/^-----BEGIN \(.*\)-----$/\1/p' "$1" | tr '\n' ' '; }
path='CERTIFICATE PROPERTIES CERTIFICATE PRIVATE KEY '
[ "$(labels "$work/www/chains.pem")" = "$path" ] || fail "chains.pem: $(labels "$work/www/chains.pem")"
[ "$(cat "$work/www.hook")" = "www standalone $work/www" ] || fail "hook: $(cat "$work/www.hook")"

# Not due: neither the landmark-relative one nor anything else; cron is told nothing.
[ "$(acme_state www landmark_tries)" = 1 ] || fail "the landmark was not asked for"
[ -z "$("$bin/mtc" acme run --config "$work/www.yaml" 2>&1)" ] || fail "cron would send mail"
[ "$(acme_state www landmark_tries)" = 1 ] || fail "Retry-After was not respected"
first=$(acme_state www landmark_at)
[ "$first" -gt "$(date +%s)" ] || fail "no time for the landmark"
[ "$(acme_state www window_end)" -gt "$(acme_state www renew_at)" ] || fail "no window for the renewal"

# A landmark, and the time has come: the second certificate.
"$bin/mtc" landmark allocate >/dev/null
set_acme_state www '.landmark_at = 1'
run_acme www >"$work/said" || fail "the landmark's run: $(cat "$work/said")"
grep -q 'landmark-relative certificate' "$work/said" || fail "it said: $(cat "$work/said")"
"$bin/mtc" landmark subtrees >"$work/subtrees"
verify --landmarks "32473.1:1:$work/ca/public/1/landmarks" --subtrees "$work/subtrees" \
  "$work/www/landmark.pem" || fail "the landmark-relative certificate does not verify"
[ "$(labels "$work/www/chains.pem")" = "$path$path" ] || fail "chains.pem: $(labels "$work/www/chains.pem")"
head -n "$(wc -l <"$work/www/landmark.pem")" "$work/www/chains.pem" | cmp - "$work/www/landmark.pem" ||
  fail "the landmark-relative chain is not the first"
[ "$(tail -n 1 "$work/www.hook")" = "www landmark $work/www" ] || fail "hook: $(cat "$work/www.hook")"
[ "$(run_acme www)" = "www: nothing to do" ] || fail "something to do"

# Renewal: the old landmark-relative chain stays in front until the new one is there.
touch "$work/www.hook.broken"
cp "$work/www/landmark.pem" "$work/old-landmark.pem"
fails 'deploy_hook: ' run_acme www --renew www
rm "$work/www.hook.broken"
[ "$(acme_state www generation)" = 2 ] || fail "no second certificate"
[ "$(labels "$work/www/chains.pem")" = "$path$path" ] || fail "chains.pem: $(labels "$work/www/chains.pem")"
head -n "$(wc -l <"$work/old-landmark.pem")" "$work/www/chains.pem" | cmp - "$work/old-landmark.pem" ||
  fail "the old landmark-relative chain is gone"
[ ! -e "$work/www/landmark.pem" ] || fail "the new one cannot be there yet"
run_acme www >/dev/null || fail "the run after the failed hook"
[ "$(wc -l <"$work/www.hook")" = 3 ] || fail "the hook was not run again: $(cat "$work/www.hook")"

# The old one has expired.
set_acme_state www '.old[0].not_after = 1'
run_acme www >/dev/null
[ ! -e "$work/www/certificates/1" ] || fail "the old generation is still there"
[ "$(labels "$work/www/chains.pem")" = "$path" ] || fail "chains.pem: $(labels "$work/www/chains.pem")"

# Another name: ordered at once. A clock that was wrong is not believed.
sed -i 's/\[www.example.com\]/[www.example.com, web.example.com]/' "$work/www.yaml"
run_acme www >/dev/null || fail "the run for another name"
openssl x509 -in "$work/www/fullchain.pem" -noout -checkhost web.example.com | grep -q 'does match' || fail "no new name"
set_acme_state www '.identity = "" | .failures = 3 | .retry_at = 9999999999 | .problem = "test"'
run_acme www >/dev/null || fail "a time far ahead was believed"
[ "$(acme_state www generation)" = 4 ] || fail "a time far ahead was believed"

"$bin/mtc" acme status --config "$work/www.yaml" | grep -q 'certificate     4' || fail "status"
"$bin/mtc" acme status --config "$work/www.yaml" --json | jq -e '.deployed and .generation == 4' >/dev/null || fail "status"
"$bin/mtc" acme revoke --config "$work/www.yaml" --certificate "$work/www/fullchain.pem" --reason 4 |
  grep -q revoked || fail "not revoked"
fails alreadyRevoked "$bin/mtc" acme revoke --config "$work/www.yaml" --certificate "$work/www/fullchain.pem"
# Renewal information says so: at once, but not sooner than an hour after the last one.
set_acme_state www '.ask_at = 1 | .retry_at = 1'
run_acme www >/dev/null || fail "the renewal of what was revoked"
[ "$(acme_state www generation)" = 5 ] || fail "what was revoked was not renewed"
"$bin/mtc" acme deactivate --config "$work/www.yaml" >/dev/null || fail "not deactivated"
stop "$acme"
stop "$daemon"
fsck_clean
