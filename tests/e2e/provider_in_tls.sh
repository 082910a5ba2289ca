#!/usr/bin/env bash
# TLS with MTC certificates: s_server and s_client, client authentication, and nginx fetched by curl; and
# TLS, CMS and keys that have nothing to do with MTC, with the provider there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_ca
sed -i 's/ext_key_usage: \[server\]/ext_key_usage: [server, client]/' "$work/ca/mtc.yaml"
start_daemon
cd "$work"
make_csr www
make_csr client
# One after the other: two at a time may change places.
issue csr/www.csr >/dev/null
issue csr/client.csr >/dev/null
"$bin/mtc" landmark allocate >/dev/null
"$bin/mtc" landmark subtrees >subtrees
"$bin/mtc" certificate get --serial 1:0 --kind landmark --out landmark.pem
# For servers that ask for clients' certificates and cannot be told of partial chains.
openssl x509 -in ca/ca_cert.pem -trustout -addtrust anyExtendedKeyUsage -out trusted.pem

# An ordinary ML-DSA-44 certificate, of the same algorithm as the CA's key.
openssl req -x509 -newkey ml-dsa-44 -noenc -keyout plain.key -out plain.pem -subj /CN=plain -days 9 2>/dev/null

# connect CONFIG SERVER-OPTIONS... -- CLIENT-OPTIONS...: both ends under the configuration; the client's
# exit code, its words in client.log and the server's in server.log.
connect() {
  local config=$1 server=() port line rc=0; shift
  while [ "$1" != -- ]; do server+=("$1"); shift; done
  shift
  coproc SERVER { with "$config" openssl s_server -accept 127.0.0.1:0 -naccept 1 "${server[@]}" 2>&1; }
  local pid=$SERVER_PID
  pids+=("$pid")
  exec 8<&"${SERVER[0]}"
  while read -r -t 20 -u 8 line; do
    printf '%s\n' "$line" >>server.log
    case $line in ACCEPT*) port=${line##*:}; break ;; esac
  done
  [ -n "${port:-}" ] || fail "s_server: $(cat server.log)"
  with "$config" timeout 30 openssl s_client -connect "127.0.0.1:$port" -verify_return_error \
    -servername www.example.com "$@" </dev/null >client.log 2>&1 || rc=$?
  cat <&8 >>server.log || true
  exec 8<&-
  return "$rc"
}
trusts() { grep -q 'Verify return code: 0 (ok)' client.log; }

for order in "${orders[@]}"; do
  provider_config cnf "$order" "ca_certificates = $work/ca/ca_cert.pem" \
    "landmarks = 32473.1:1:$work/ca/public/1/landmarks" "subtrees = $work/subtrees"
  by_ca=(-CAfile ca/ca_cert.pem -partial_chain)
  for certificate in issued/www.pem landmark.pem; do
    : >server.log
    connect cnf -cert "$certificate" -key csr/www.key -- "${by_ca[@]}" || true
    trusts || fail "$order: $certificate: $(cat client.log)"
  done
  # The client's certificate, which the server must have.
  : >server.log
  connect cnf -cert issued/www.pem -key csr/www.key -Verify 2 -verify_return_error "${by_ca[@]}" \
    -- "${by_ca[@]}" -cert issued/client.pem -key csr/client.key || true
  trusts && grep -q 'Verification: OK\|verify return:1' server.log || fail "$order: client: $(cat client.log server.log)"
  # What is not MTC: a certificate signed with ML-DSA-44, of a key of that algorithm.
  : >server.log
  connect cnf -cert plain.pem -key plain.key -- -CAfile plain.pem || true
  trusts || fail "$order: an ordinary ML-DSA-44 certificate: $(cat client.log)"
  # And a client that knows nothing of MTC refuses.
  : >server.log
  connect /dev/null -cert issued/www.pem -key csr/www.key -- "${by_ca[@]}" || true
  ! trusts || fail "accepted without the provider"

  printf 'text\n' >text
  with cnf openssl cms -sign -in text -signer plain.pem -inkey plain.key -md sha512 -out text.cms 2>/dev/null &&
    with cnf openssl cms -verify -in text.cms -CAfile plain.pem -purpose any -out text.out 2>/dev/null || fail "$order: CMS"
done

command -v nginx >/dev/null && command -v curl >/dev/null || { echo "no nginx or curl here"; exit 77; }
# nginx reads the names that it announces from it, too, and no names of trusted certificates.
cat trusted.pem plain.pem >clients.pem
port=$((20000 + RANDOM % 20000))
for kind in issued/www landmark; do
  for clients in off on; do
    cat >nginx.conf <<EOF
user root; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 16; }
http {
  access_log off;
  client_body_temp_path $work/t; proxy_temp_path $work/t; fastcgi_temp_path $work/t;
  uwsgi_temp_path $work/t; scgi_temp_path $work/t;
  server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $work/$kind.pem; ssl_certificate_key $work/csr/www.key;
    ssl_verify_client $clients; ssl_client_certificate $work/clients.pem;
    location / { return 200 "served to \$ssl_client_verify\n"; }
  }
}
EOF
    # Not by a function: the process in the background is to be nginx itself.
    env OPENSSL_CONF="$work/cnf" ${sanitizer:+ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$sanitizer"} \
      nginx -c "$work/nginx.conf" -p "$work" >>nginx.log 2>&1 &
    nginx=$!
    pids+=("$nginx")
    curl=(with cnf curl -sS --retry 20 --retry-connrefused --retry-delay 1 --resolve "www.example.com:$port:127.0.0.1")
    "${curl[@]}" --cacert ca/ca_cert.pem --cert issued/client.pem --key csr/client.key \
      "https://www.example.com:$port/" >answer || fail "curl, $kind, $clients: $(cat nginx.log)"
    [ "$clients" = off ] || grep -qx 'served to SUCCESS' answer || fail "client authentication: $(cat answer)"
    # The wrong name, and no provider: refused.
    ! with cnf curl -sS --resolve "other:$port:127.0.0.1" --cacert ca/ca_cert.pem "https://other:$port/" 2>/dev/null ||
      fail "another name was accepted"
    ! curl -sS --resolve "www.example.com:$port:127.0.0.1" --cacert ca/ca_cert.pem "https://www.example.com:$port/" 2>/dev/null ||
      fail "curl without the provider accepted it"
    stop "$nginx"
    port=$((port + 1))
  done
done
stop "$daemon"
