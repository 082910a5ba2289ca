#!/usr/bin/env bash
# A CA's folder that no daemon serves: openssl and mtc have one started, which they share and which
# ends when nobody is connected, however a program ended.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/provider.sh
. "$(dirname "$0")/../support/provider.sh"
make_ca
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: 3600/' "$work/ca/mtc.yaml"
export MTC_SOCKET=$work/ca
make_csr www
cd "$work"
mkdir db
provider_config cnf default,mtc "ca_certificates = $work/ca/ca_cert.pem" "socket = $work/ca" "mtcd = $bin/mtcd"
ca_config cnf db
database=$(ls ca/*.db)
# Whoever has the database's lock is the daemon; its end is awaited there.
gone() { flock -w 60 "$database" true || fail "the daemon stays: $(cat ca/mtcd.log)"; }
starts() { grep -c ' ready ' ca/mtcd.log; }
by() { with cnf openssl x509 -req -days 2 -in csr/www.csr -CA ca/ca_cert.pem -CAkey "mtc://$work/ca" "$@" 2>>openssl.log; }

"$bin/mtc" reserve --count 2 --serial-file db/serial >/dev/null
gone # what is reserved is kept
openssl req -new -key csr/www.key -subj /CN=www -out named.csr
# The output ends with openssl, not with the daemon.
output=$(with cnf openssl ca -batch -notext -infiles named.csr named.csr 2>&1) || fail "$output"
with cnf ossl_verify db/01000000000000.pem db/01000000000001.pem >/dev/null
with cnf openssl storeutl -certs "mtc://$work/ca" | grep -q 'BEGIN CERTIFICATE' || fail "storeutl"
gone
[ ! -e ca/mtcd.sock ] || fail "the socket is still there"
# Two at once, while nobody serves: one daemon.
first=$(reserve 2)
gone
before=$(starts)
by -set_serial "$first" -out one.pem & one=$!
by -set_serial $((first + 1)) -out two.pem & two=$!
wait "$one" && wait "$two" || fail "two at once: $(cat openssl.log)"
with cnf ossl_verify one.pem two.pem >/dev/null
[ "$(starts)" -eq $((before + 1)) ] || fail "two daemons: $(cat ca/mtcd.log)"
# A program that is killed while it waits for a landmark: the folder serves the next at once.
serial=$(reserve 1)
# shellcheck disable=SC2016  # the inner shell's own
with cnf bash -c 'echo $$ >waiting.pid; exec openssl "$@"' waiting x509 -req -days 2 -in csr/www.csr \
  -CA ca/ca_cert.pem -CAkey mtc: -set_serial "$serial" -sigopt kind:landmark -out never.pem 2>/dev/null & job=$!
"$bin/mtc" issue --profile chrome-dv-7d --out issued csr/www.csr >/dev/null # behind it, so it is in the log
waiting=$(cat waiting.pid)
pids+=("$waiting")
kill -9 "$waiting"
wait "$job" || true
by -set_serial "$(reserve 1)" -out after.pem
with cnf ossl_verify after.pem >/dev/null
gone
# With a daemon of its own the folder's is that one.
before=$(starts)
start_daemon
by -set_serial "$(reserve 1)" -out with.pem || fail "$(cat openssl.log)"
[ "$(starts)" -eq "$before" ] || fail "another daemon was started"
stop "$daemon"
# What cannot be.
mkdir none
fails "none is no CA's folder: mtc.yaml: No such file or directory" with cnf openssl storeutl "mtc://$work/none"
fails "none is no CA's folder" env MTC_SOCKET="$work/none" "$bin/mtc" reserve --count 1
cp -a ca broken
sed -i 's/^reservation_ttl_s: .*/reservation_ttl_s: -1/' broken/mtc.yaml
fails "mtcd did not start: $work/broken/mtc.yaml: reservation_ttl_s: -1" with cnf openssl storeutl "mtc://$work/broken"
provider_config other default,mtc "mtcd = $work/nothing"
fails "cannot start $work/nothing: No such file" with other openssl storeutl "mtc://$work/ca"
fsck_clean
