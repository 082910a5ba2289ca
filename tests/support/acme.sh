# shellcheck shell=bash disable=SC2154,SC2034  # work, bin, started: of lib.sh; acme_url: of the stories
# What stories about the ACME server share: a world for it to look at, its configuration, a client.
support=$(dirname "${BASH_SOURCE[0]}")
acme_url=http://acme.test

# make_acme [LINE...]: $work/acme.yaml in front of the CA in $work/ca, with further lines.
make_acme() {
  start world python3 "$support/acme_world.py" "$work/world"
  cat >"$work/acme.yaml" <<YAML
listen: 127.0.0.1:0
url: $acme_url
database: acme.db
caa_identities: [ca.test]
profiles:
- name: mtc
  description: Merkle tree certificates for a week
  socket: ca/mtcd.sock
  profile: chrome-dv-7d
testing: true
resolver: 127.0.0.1@$(cat "$work/world/dns.port")
trust_anchor: none
http_port: $(cat "$work/world/http.port")
allow_private: true
YAML
  for line in "$@"; do printf '%s\n' "$line" >>"$work/acme.yaml"; done
  without_limits
}

# without_limits: a story is one client with one address, of which much is wanted; what it is about it sets.
without_limits() {
  grep -q '^limits:' "$work/acme.yaml" || printf '%s\n' 'limits: {accounts_per_address_hour: 0,' \
    '  orders_per_account_hour: 0, pending_authorizations: 0, failures_per_name_hour: 0,' \
    '  certificates_per_name_week: 0, certificates_per_set_week: 0}' >>"$work/acme.yaml"
}

# start_acme: the server; $acme is its process id, $acme_connect where it listens.
start_acme() {
  start acmed "$bin/mtc-acmed" --config "$work/acme.yaml"
  acme=$started
  acme_connect=127.0.0.1:$(sed -n 's/.* ready .*port=\([0-9]*\).*/\1/p' "$work/acmed.log" | tail -n 1)
}

acme_client() {
  python3 "$support/acme_client.py" --connect "$acme_connect" --directory "$acme_url/directory" \
    --key "${acme_key:-$work/account.key}" --web "$work/world/web" "$@"
}

# body, header NAME: of what `acme_client read` printed, from standard input.
body() { sed '1,/^$/d'; }
header() { sed -n "2,/^\$/s/^$1: //Ip"; }

# make_acme_client NAME [LINE...]: $work/NAME.yaml for `mtc acme` with a certificate for
# NAME.example.com by http-01 through the world's web server, in $work/NAME; further lines go into
# that certificate. The deploy hook writes a line a call to $work/NAME.hook.
make_acme_client() {
  local name=$1 line; shift
  mkdir -p "$work/root/.well-known"
  [ -e "$work/root/.well-known/acme-challenge" ] ||
    ln -s "$work/world/web" "$work/root/.well-known/acme-challenge"
  cat >"$work/$name-hook" <<'HOOK'
#!/bin/sh
[ ! -e "$1.broken" ] || exit 3
echo "$MTC_ACME_NAME $MTC_ACME_KIND $MTC_ACME_FOLDER" >>"$1"
HOOK
  chmod +x "$work/$name-hook"
  cat >"$work/$name.yaml" <<YAML
directory: $acme_url/directory
account:
  key: $name.key
  contacts: [mailto:admin@example.com]
  terms_agreed: true
certificates:
- name: $name
  identifiers: [$name.example.com]
  profile: mtc
  folder: $name
  challenge: {type: http-01, webroot: root}
  deploy_hook: [./$name-hook, $work/$name.hook]
YAML
  for line in "$@"; do printf '  %s\n' "$line" >>"$work/$name.yaml"; done
}

# free_port: a port that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# make_acme_here [LINE...]: as make_acme, with a server that is where its URLs say.
make_acme_here() {
  local port
  port=$(free_port)
  acme_url=http://127.0.0.1:$port
  make_acme "$@"
  sed -i "s/^listen: .*/listen: 127.0.0.1:$port/" "$work/acme.yaml"
}

# run_acme NAME [OPTION...]: a run of the client, as cron would make it.
run_acme() {
  local name=$1; shift
  "$bin/mtc" acme run --config "$work/$name.yaml" --verbose "$@"
}

# acme_state NAME MEMBER: of the certificate's state.
acme_state() { jq -r ".$2" "$work/$1/state.json"; }

# set_acme_state NAME JQ-EXPRESSION: what the client believes it had saved.
set_acme_state() {
  jq "$2" "$work/$1/state.json" >"$work/state.new"
  mv "$work/state.new" "$work/$1/state.json"
}

# make_direct: a directly signing instance of the CA in $work/ca, "classic" with the profile "tls".
make_direct() {
  openssl genpkey -quiet -algorithm EC -pkeyopt group:P-256 -out "$work/ca/classic.key"
  chmod 600 "$work/ca/classic.key"
  openssl req -x509 -new -key "$work/ca/classic.key" -subj /CN=classic -days 30 -out "$work/ca/classic.pem" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
  cat >>"$work/ca/mtc.yaml" <<'YAML'
direct:
  - name: classic
    certificate: classic.pem
    signer: {key: classic.key}
    profiles:
      - {name: tls, validity_s: 86400, key_types: [p256], ext_key_usage: [server], allow_ip: true}
YAML
}

# between_daemon: $work/acme.yaml looks for the daemon at $work/between.sock (acme_between.py), and has the
# profile "classic" of make_direct.
between_daemon() {
  sed -i -e 's|^  socket: ca/mtcd.sock|  socket: between.sock|' \
    -e '/^testing:/i - {name: classic, socket: between.sock, instance: classic, profile: tls}' "$work/acme.yaml"
}

# between_world [LINE...]: a CA with a directly signing instance and its daemon; the configuration of an ACME
# server that reaches it through a program (acme_between.py), with these lines.
between_world() {
  command -v python3 >/dev/null || exit 77
  python3 -c 'import cryptography' 2>/dev/null || exit 77
  make_ca
  make_direct
  start_daemon
  make_acme_here "$@"
  between_daemon
}

# between_run PROGRAM MESSAGE: runs it in that world, with the folder and our programs; MESSAGE says what its
# failure means. The log is in order after it.
between_run() {
  PYTHONDONTWRITEBYTECODE=1 python3 "$support/$1" "$acme_url/directory" "$work" "$bin" || fail "$2"
  stop "$daemon"
  fsck_clean
}
