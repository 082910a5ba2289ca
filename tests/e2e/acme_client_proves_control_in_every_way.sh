#!/usr/bin/env bash
# http-01 and tls-alpn-01 by the client's own listeners, dns-01 by a hook, with a wildcard and an
# address; what was set up is taken away.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
http_port=$(free_port)
tls_port=$(free_port)
make_acme_here "tls_port: $tls_port"
sed -i "s/^http_port: .*/http_port: $http_port/" "$work/acme.yaml"
start_acme

# certified NAME HOST...: one run, and the certificate has these names.
certified() {
  local name=$1 host; shift
  run_acme "$name" >"$work/said" || fail "$name: $(cat "$work/said")"
  verify "$work/$name/fullchain.pem" || fail "$name: it does not verify"
  for host in "$@"; do
    openssl x509 -in "$work/$name/fullchain.pem" -noout -text | grep -qF "$host" || fail "$name: $host is not in it"
  done
}

make_acme_client listener
sed -i "s/challenge: .*/challenge: {type: http-01, listen: '127.0.0.1:$http_port'}/
  s/identifiers: .*/identifiers: [a.example.com, b.example.com, 127.0.0.1]/" "$work/listener.yaml"
certified listener DNS:a.example.com DNS:b.example.com 'IP Address:127.0.0.1'

make_acme_client alpn 'key_type: ml-dsa-44'
sed -i "s/challenge: .*/challenge: {type: tls-alpn-01, listen: '127.0.0.1:$tls_port'}/
  s/identifiers: .*/identifiers: [c.example.com, 127.0.0.1, d.example.com]/" "$work/alpn.yaml"
certified alpn DNS:c.example.com DNS:d.example.com 'IP Address:127.0.0.1' ML-DSA-44

make_acme_client dns 'reuse_key: yes'
cat >"$work/dns-01" <<HOOK
#!/bin/sh
# A line a call; records are the lines of a file.
echo "\$1 \$2" >>"$work/dns.calls"
case \$1 in
  add) echo "\$3" >>"$work/world/txt/\$2" ;;
  remove) grep -vxF -e "\$3" "$work/world/txt/\$2" >"$work/rest"; mv "$work/rest" "$work/world/txt/\$2" ;;
esac
HOOK
chmod +x "$work/dns-01"
sed -i "s|challenge: .*|challenge: {type: dns-01, hook: [./dns-01]}|
  s/identifiers: .*/identifiers: ['*.example.org', example.org]/" "$work/dns.yaml"
certified dns 'DNS:*.example.org' 'DNS:example.org'
[ "$(grep -c '^add _acme-challenge.example.org' "$work/dns.calls")" -ge 1 ] || fail "the hook was not called"
[ ! -s "$work/world/txt/_acme-challenge.example.org" ] || fail "records are left"
key=$(sha256sum <"$work/dns/key.pem")
run_acme dns --renew dns >/dev/null || fail "the renewal"
[ "$(acme_state dns generation)" = 2 ] || fail "not renewed"
[ "$(sha256sum <"$work/dns/key.pem")" = "$key" ] || fail "the key was not kept"

# Records that cannot be taken away do not stand in the way of the certificate.
sed -i 's/^  remove) /  remove) [ ! -e "$0.stuck" ] || exit 9; /' "$work/dns-01"
touch "$work/dns-01.stuck"
make_acme_client stuck
sed -i "s|challenge: .*|challenge: {type: dns-01, hook: [./dns-01]}|; s/identifiers: .*/identifiers: ['*.example.net']/" \
  "$work/stuck.yaml"
fails 'dns-01: exit code 9' run_acme stuck
verify "$work/stuck/fullchain.pem" || fail "no certificate"
[ "$(cat "$work/stuck.hook")" = "stuck standalone $work/stuck" ] || fail "not deployed"
fails 'dns-01: exit code 9' run_acme stuck
rm "$work/dns-01.stuck"
run_acme stuck >/dev/null || fail "the records could be taken away"
[ ! -s "$work/world/txt/_acme-challenge.example.net" ] || fail "records are left"

# A hook that fails: said, nothing ordered in vain.
make_acme_client broken
sed -i "s|challenge: .*|challenge: {type: dns-01, hook: ['false']}|" "$work/broken.yaml"
fails 'false: exit code 1' run_acme broken
sed -i "s|challenge: .*|challenge: {type: dns-01, hook: [./nosuch]}|" "$work/broken.yaml"
set_acme_state broken '.retry_at = 1'
fails 'nosuch: No such file' run_acme broken
stop "$acme"
stop "$daemon"
