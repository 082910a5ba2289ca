# shellcheck shell=bash disable=SC2034,SC2154  # $work, $bin, start: of lib.sh, which comes before
# ACME in the stories: names of a real DNS server, mtc-acmed in front of mtcd, both on a loopback address
# that is the story's own, so that ports are never in anybody's way.
acme_address=127.$((64 + BASHPID / 65536 % 64)).$((BASHPID / 256 % 256)).$((BASHPID % 254 + 1))
closed_address=127.1.1.1 # nobody listens there
acme_http_port=8080
acme_tls_port=8443
acme_url=https://acme.example.test:14000

# start_names [RECORD...]: an authoritative server (knotd) for test, with names in example.test; records are lines of the
# zone. knsupdate may change it: dns-01's hooks do.
start_names() {
  mkdir -p "$work/knot"
  cat >"$work/knot/knot.conf" <<END
server:
  listen: $acme_address@5353
  rundir: $work/knot
  tcp-workers: 1
  udp-workers: 1
  background-workers: 1
database:
  storage: $work/knot
log:
  - target: stderr
    any: warning
acl:
  - id: everybody
    action: [update]
zone:
  - domain: test
    file: $work/knot/zone
    acl: everybody
END
  {
    printf '%s\n' '$ORIGIN test.' '$TTL 1' '@ SOA ns hostmaster 1 3600 600 86400 1' '@ NS ns' \
      "ns A $acme_address" '$ORIGIN example.test.' "acme A $acme_address" "www A $acme_address" "*.ok A $acme_address" \
      "closed A $closed_address" "txt A $acme_address" '_acme-challenge.txt TXT "another"' \
      "empty A $acme_address" "tls A $acme_address" \
      "caa A $acme_address" 'caa CAA 0 issue "elsewhere.example"' "below.caa A $acme_address" \
      "never A $acme_address" 'never CAA 0 issue ";"' \
      "critical A $acme_address" 'critical CAA 128 unknown "x"' \
      "account A $acme_address" 'account CAA 0 issue "ca.example; accounturi=https://elsewhere.example/1"' \
      "method A $acme_address" 'method CAA 0 issue "ca.example; validationmethods=dns-01"' "$@"
  } >"$work/knot/zone"
  # It becomes a daemon's parent only when it answers: knotd says so by its pid file and socket.
  knotd -c "$work/knot/knot.conf" >"$work/knot.log" 2>&1 &
  pids+=("$!")
  timeout 30 sh -c "until kdig +short +retry=0 +time=1 @$acme_address -p 5353 test SOA 2>/dev/null | grep -q hostmaster; do :; done" ||
    fail "knotd does not answer"
}

# add_record NAME TYPE VALUE, remove_record NAME TYPE: what a subscriber's DNS hook does.
update_names() {
  { printf 'server %s 5353\nzone test.\n' "$acme_address"; printf '%s\n' "$@"; printf 'send\nquit\n'; } |
    knsupdate >"$work/update.log" 2>&1 || fail "knsupdate: $(cat "$work/update.log")"
}

# make_acme_certificate: the ACME server's own certificate, $work/acme.crt, and its key.
make_acme_certificate() {
  openssl req -x509 -new -noenc -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=acme -days 2 \
    -keyout "$work/acme.key" -out "$work/acme.crt" \
    -addext "subjectAltName=DNS:acme.example.test,IP:$acme_address" 2>/dev/null
}

# acme_config [LINE...]: $work/acme.yaml of a server in front of the story's mtcd; the LINEs follow.
acme_config() {
  [ -e "$work/acme.crt" ] || make_acme_certificate
  acme_url=https://$acme_address:14000
  acme_directory=$acme_url/directory
  cat >"$work/acme.yaml" <<END
listen: $acme_address:14000
url: $acme_url
tls:
  certificate: $work/acme.crt
  key: $work/acme.key
database: $work/acme.db
terms_of_service: https://ca.example/terms
caa_identities: [ca.example]
profiles:
  - name: mtc
    description: Merkle tree certificates, seven days
    socket: $work/ca/mtcd.sock
    profile: chrome-dv-7d
testing: true
resolver: $acme_address@5353
trust_anchor: none
http_port: $acme_http_port
tls_port: $acme_tls_port
allow_private: true
END
  [ $# -eq 0 ] || printf '%s\n' "$@" >>"$work/acme.yaml"
  # A story is one client with one address, of which much is wanted; what it is about it sets.
  grep -q '^limits:' "$work/acme.yaml" || printf '%s\n' 'limits: {accounts_per_address_hour: 0,' \
    '  orders_per_account_hour: 0, pending_authorizations: 0, failures_per_name_hour: 0,' \
    '  certificates_per_name_week: 0, certificates_per_set_week: 0}' >>"$work/acme.yaml"
}

start_acmed() { start mtc-acmed "$bin/mtc-acmed" --config "$work/acme.yaml"; acmed=$started; }

# start_webroot: the subscribers' web server on the port where http-01 is looked for; files under $webroot.
start_webroot() {
  webroot=$work/webroot
  mkdir -p "$webroot/.well-known/acme-challenge"
  python3 -u -m http.server --bind "$acme_address" --directory "$webroot" "$acme_http_port" \
    >"$work/webroot.out" 2>&1 &
  pids+=("$!")
  timeout 30 sh -c "until curl -s -o /dev/null http://$acme_address:$acme_http_port/; do :; done" ||
    fail "the web server does not answer"
}

# trusting COMMAND...: in a mount namespace where the system's trust store is the ACME server's certificate:
# for clients that have no option for it. (mount(8) need not be there.)
trusting() {
  unshare --mount python3 -c 'import ctypes, os, sys
assert ctypes.CDLL(None, use_errno=True).mount(sys.argv[1].encode(), b"/etc/ssl/certs/ca-certificates.crt", None, 4096, None) == 0
os.execvp(sys.argv[2], sys.argv[2:])' "$work/acme.crt" "$@"
}
