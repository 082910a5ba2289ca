#!/usr/bin/env bash
# Debian's ACME clients, as they are, over TLS: each issues, renews and revokes; every certificate verifies.
# Challenges are real: a web server, a DNS server that the hooks update, a TLS listener.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme_real.sh
. "$(dirname "$0")/../support/acme_real.sh"
make_ca
start_daemon
start_names
acme_config
start_acmed
revoked=0 ca="ca"

# quiet NAME COMMAND...: runs a client, whose words are shown when it fails.
quiet() {
  local name=$1; shift
  "$@" >"$work/$name.out" 2>&1 </dev/null || { tail -n 40 "$work/$name.out" >&2; fail "$name: $*"; }
}

# issued FILE [CHAIN]: one leaf that verifies, and the CA certificate behind it.
issued() {
  sed '/END CERTIFICATE/q' "$1" >"$work/leaf.pem"
  "$bin/mtc" verify --ca-cert "$work/$ca/ca_cert.pem" "$work/leaf.pem" >/dev/null || fail "$1 does not verify"
  [ $# -lt 2 ] || [ "$(grep -c BEGIN "$2")" -eq 2 ] || fail "$2 is no chain of two"
}

# differ FILE OLD: a renewal gave another certificate.
differ() { if cmp -s "$1" "$2"; then fail "$1 was not renewed"; fi; }

# was_revoked: one more certificate is revoked.
was_revoked() {
  revoked=$((revoked + 1))
  [ "$("$bin/mtc" certificate revoked --json | jq -s length)" -eq "$revoked" ] || fail "$1: not revoked"
}

with_certbot() {
  local live=$work/certbot/live/certbot.ok.example.test/
  certbot_() {
    quiet certbot env REQUESTS_CA_BUNDLE="$work/acme.crt" certbot "$@" --non-interactive --server "$acme_directory" \
      --config-dir "$work/certbot" --work-dir "$work/certbot/work" --logs-dir "$work/certbot/logs"
  }
  certbot_ certonly --agree-tos -m admin@example.test --standalone --http-01-address "$acme_address" \
    --http-01-port "$acme_http_port" -d certbot.ok.example.test -d certbot2.ok.example.test --required-profile mtc \
    --preferred-chain 'MTC'
  issued "$live/cert.pem" "$live/fullchain.pem"
  cp "$live/cert.pem" "$work/old.pem"
  certbot_ renew --force-renewal --no-random-sleep-on-renew
  issued "$live/cert.pem" "$live/fullchain.pem"
  differ "$live/cert.pem" "$work/old.pem"
  certbot_ revoke --cert-path "$live/cert.pem" --reason superseded --no-delete-after-revoke
  was_revoked certbot
}

lego_() {
  local folder=$1; shift
  quiet lego env LEGO_CA_CERTIFICATES="$work/acme.crt" lego --server "$acme_directory" --accept-tos \
    --email admin@example.test --path "$work/$folder" --domains lego.ok.example.test \
    --tls --tls.port "$acme_address:$acme_tls_port" "$@"
}

# lego is written in Go, whose X.509 library refuses the issuer name of plants-06 and plants-07 (a RELATIVE-OID):
# lego gets such a certificate and cannot read it to renew it. It does all of it with a CA of plants-05.
with_lego() {
  local certificates=$work/lego/certificates
  lego_ lego run
  issued "$certificates/lego.ok.example.test.crt" "$certificates/lego.ok.example.test.crt"
  cp "$certificates/lego.ok.example.test.crt" "$work/old.pem"
  lego_ lego renew --days 90 --no-random-sleep
  issued "$certificates/lego.ok.example.test.crt" "$certificates/lego.ok.example.test.crt"
  differ "$certificates/lego.ok.example.test.crt" "$work/old.pem"
  lego_ lego revoke --keep
  [ "$("$bin/mtc" certificate revoked --json --socket "$work/ca-05/mtcd.sock" | jq -s length)" -eq 1 ] || fail "lego: not revoked"
}

with_acme_sh() {
  local folder=$work/acme.sh/acmesh.ok.example.test_ecc
  acme_sh() {
    quiet acme.sh acme.sh "$@" --server "$acme_directory" --home "$work/acme.sh" --config-home "$work/acme.sh" \
      --ca-bundle "$work/acme.crt" -d acmesh.ok.example.test --ecc
  }
  acme_sh --issue -w "$webroot" -k ec-256
  issued "$folder/acmesh.ok.example.test.cer" "$folder/fullchain.cer"
  cp "$folder/acmesh.ok.example.test.cer" "$work/old.pem"
  acme_sh --renew --force
  issued "$folder/acmesh.ok.example.test.cer" "$folder/fullchain.cer"
  differ "$folder/acmesh.ok.example.test.cer" "$work/old.pem"
  acme_sh --revoke
  was_revoked acme.sh
}

with_uacme() {
  local folder=$work/uacme/uacme.ok.example.test
  cat >"$work/uacme-hook" <<END
#!/bin/sh
[ "\$2" = http-01 ] || exit 1
case \$1 in
  begin) printf %s "\$5" >"$webroot/.well-known/acme-challenge/\$4" ;;
  *) rm -f "$webroot/.well-known/acme-challenge/\$4" ;;
esac
END
  chmod +x "$work/uacme-hook"
  uacme_() {
    quiet uacme trusting uacme -v -y -a "$acme_directory" -c "$work/uacme" "$@"
  }
  uacme_ new admin@example.test
  uacme_ -h "$work/uacme-hook" issue uacme.ok.example.test
  issued "$folder/cert.pem" "$folder/cert.pem"
  cp "$folder/cert.pem" "$work/old.pem"
  uacme_ -f -h "$work/uacme-hook" issue uacme.ok.example.test
  issued "$folder/cert.pem" "$folder/cert.pem"
  differ "$folder/cert.pem" "$work/old.pem"
  uacme_ revoke "$folder/cert.pem"
  was_revoked uacme
}

with_dehydrated() {
  local folder=$work/dehydrated/certs/dehydrated.ok.example.test
  mkdir -p "$work/dehydrated"
  cat >"$work/dehydrated/hook" <<END
#!/usr/bin/env bash
. "$work/names.sh"
case \$1 in
  deploy_challenge) update_names "add _acme-challenge.\$2. 1 TXT \"\$4\"" ;;
  clean_challenge) update_names "delete _acme-challenge.\$2. TXT" ;;
esac
END
  { declare -f update_names fail; declare -p acme_address work; } >"$work/names.sh"
  chmod +x "$work/dehydrated/hook"
  printf '%s\n' "CA=$acme_directory" "BASEDIR=$work/dehydrated" "CURL_OPTS=\"--cacert $work/acme.crt\"" \
    CHALLENGETYPE=dns-01 "HOOK=$work/dehydrated/hook" KEY_ALGO=prime256v1 CONTACT_EMAIL=admin@example.test \
    >"$work/dehydrated/config"
  dehydrated_() { quiet dehydrated dehydrated --config "$work/dehydrated/config" "$@"; }
  dehydrated_ --register --accept-terms
  # A wildcard is proved by DNS alone.
  dehydrated_ --cron --domain "dehydrated.ok.example.test *.dehydrated.ok.example.test"
  issued "$folder/cert.pem" "$folder/fullchain.pem"
  cp "$folder/cert.pem" "$work/old.pem"
  dehydrated_ --cron --force --domain "dehydrated.ok.example.test *.dehydrated.ok.example.test"
  issued "$folder/cert.pem" "$folder/fullchain.pem"
  differ "$folder/cert.pem" "$work/old.pem"
  dehydrated_ --revoke "$folder/cert.pem"
  was_revoked dehydrated
}

with_certbot
lego_ lego-07 run
issued "$work/lego-07/certificates/lego.ok.example.test.crt" "$work/lego-07/certificates/lego.ok.example.test.crt"
start_webroot
with_acme_sh
with_uacme
with_dehydrated
stop "$acmed"
"$bin/mtc" ca init --dir "$work/ca-05" --id 32473.2 --key "$work/ca.key" --wire-version plants-05 >/dev/null 2>&1
start mtcd-05 "$bin/mtcd" --config "$work/ca-05/mtc.yaml"
sed -i 's|/ca/mtcd.sock|/ca-05/mtcd.sock|; s|acme.db|acme-05.db|' "$work/acme.yaml"
start_acmed
ca="ca-05"
with_lego
stop "$acmed"
stop "$daemon"
fsck_clean
