#!/usr/bin/env bash
# What TLS knows besides the server's certificate: an intermediate CA's MTC certificate, a stapled OCSP
# answer of the CA's key, and a client that names the signatures it takes in certificates.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
support=$(cd "$(dirname "$0")/../support" && pwd)
make_ca
start_daemon
cd "$work"
provider_config cnf default,mtc "ca_certificates = $work/ca/ca_cert.pem" "socket = $MTC_SOCKET"
by_ca=(-CAfile ca/ca_cert.pem -partial_chain)
make_csr www
issue csr/www.csr >/dev/null

# serve SERVER-OPTIONS... -- COMMAND...: the command, with the server's port behind it, and its output.
serve() {
  local config=cnf server=() port='' line rc=0
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
  "$@" "$port" >client.log 2>&1 </dev/null || rc=$?
  cat <&8 >>server.log || true
  exec 8<&-
  return "$rc"
}
client() { with cnf timeout 30 openssl s_client -verify_return_error "${by_ca[@]}" -servername www.example.com "${@:1:$#-1}" -connect "127.0.0.1:${!#}"; }

# A subordinate CA: its certificate is in the log, what it issues is signed by its own key.
openssl req -new -noenc -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout sub.key -subj /CN=sub -out sub.csr 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n' >sub.ext
with cnf openssl x509 -req -days 3 -in sub.csr -extfile sub.ext -CA ca/ca_cert.pem -CAkey mtc: \
  -set_serial "$(reserve 1)" -out sub.pem 2>/dev/null
printf 'subjectAltName=DNS:www.example.com\n' >leaf.ext
openssl x509 -req -days 2 -in csr/www.csr -extfile leaf.ext -CA sub.pem -CAkey sub.key -set_serial 7 -out leaf.pem 2>/dev/null
with cnf ossl_verify -untrusted sub.pem leaf.pem >/dev/null
: >server.log
serve -cert leaf.pem -key csr/www.key -cert_chain sub.pem -- client || true
grep -q 'Verify return code: 0 (ok)' client.log || fail "intermediate: $(cat client.log)"
# The proof of the intermediate is verified, too: with another signature it is none.
openssl x509 -in sub.pem -outform DER | head -c -40 >short.der
{ cat short.der; head -c 40 /dev/zero; } | openssl x509 -inform DER -out wrong.pem
exits 2 "verification failed" with cnf ossl_verify -untrusted wrong.pem leaf.pem

# OCSP, signed by the CA key itself, which the responder has as a file or on a token.
serial=$(openssl x509 -in issued/www.pem -noout -serial | cut -d= -f2)
printf 'V\t301231235959Z\t\t%s\tunknown\t/\n' "$serial" >index.txt
with cnf openssl ocsp -issuer ca/ca_cert.pem -cert issued/www.pem -no_nonce -reqout req.der >/dev/null 2>ocsp.err || true
with cnf openssl ocsp -index index.txt -CA ca/ca_cert.pem -rsigner ca/ca_cert.pem -rkey ca.key -reqin req.der \
  -ndays 1 -respout resp.der >ocsp.log 2>&1 || fail "ocsp: $(cat ocsp.log ocsp.err)"
: >server.log
serve -cert issued/www.pem -key csr/www.key -status_file resp.der -- client -status || true
grep -q 'Cert Status: good' client.log && grep -q 'Verify return code: 0 (ok)' client.log || fail "stapled: $(cat client.log)"
with cnf openssl ocsp -respin resp.der -issuer ca/ca_cert.pem -cert issued/www.pem "${by_ca[@]}" >ocsp.log 2>&1 || fail "$(cat ocsp.log)"
grep -q 'Response verify OK' ocsp.log || fail "ocsp: $(cat ocsp.log)"

# No number of TLS stands for the signature of an MTC certificate, not even that of the CA key's algorithm:
# libssl, asked for one of a list, has no such certificate.
for list in 0403 0904 0403,0904; do
  : >server.log
  serve -cert issued/www.pem -key csr/www.key -- timeout 30 sh -c 'python3 "$1/client_hello.py" "$3" "$2"' x "$support" "$list" || true
  [ "$(cat client.log)" = "alert 40" ] || fail "$list: $(cat client.log)"
  grep -q 'no suitable signature algorithm' server.log || fail "$list: $(cat server.log)"
done
# The same hello is served with a certificate whose signature it lists.
: >server.log
serve -cert leaf.pem -key csr/www.key -- timeout 30 sh -c 'python3 "$1/client_hello.py" "$3" "$2"' x "$support" 0403
[ "$(cat client.log)" = ServerHello ] || fail "ordinary: $(cat client.log)"
stop "$daemon"
