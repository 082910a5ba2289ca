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
