#!/usr/bin/env bash
# PIN and private key are nowhere but in the signer: not in logs, arguments, environments, configuration,
# the daemon's memory, or a core file.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
token_pin=Sixteen-Men-4711
make_token_ca softhsm
# A key whose bytes we know, in the place of the one that the token has made.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/known.pem" 2>/dev/null
openssl ec -in "$work/known.pem" -noout -text 2>/dev/null | sed -n '/^priv:/,/^pub:/{/:$/!p;/^ /p}' |
  grep '^ ' | head -n 3 | tr -d ' :\n' | sed 's/^00//' >"$work/known.hex"
[ "$(wc -c <"$work/known.hex")" -ge 60 ] || fail "the private key's bytes"
rm -rf "$work/ca"
softhsm2-util --import "$work/known.pem" --token mtc-ca --label known --id 4711 --pin "$token_pin" >/dev/null
with_token "$bin/mtc" ca init --dir "$work/ca" --id 32473.1 --key "pkcs11:token=mtc-ca;object=known" \
  --algorithm ecdsa-p256 --module "$shim/module.so" "${token_options[@]}" >"$work/init.log" 2>&1
start_token_daemon --verbose
make_csr www
issue "$work/csr/www.csr" >"$work/issue.json"
# Once with a signer that fails, logs in again and crashes: errors must not tell either.
shim_faults "$shim" "C_Sign close-sessions @1" "C_Sign abort @3"
issue --request-id again "$work/csr/www.csr" >"$work/again.json"
"$bin/mtc" signer status >"$work/status.txt"
"$bin/mtc" status --json >"$work/status.json"
signer=$(signer_pid)

# holds FILE: whether the PIN or the key is in it, as bytes or in hexadecimal.
cat >"$work/search.py" <<'END'
import re, sys
pin, key = sys.argv[1].encode(), bytes.fromhex(open(sys.argv[2]).read())
secrets = {"the PIN": pin, "the key": key, "the key in hexadecimal": key.hex().encode(),
           "the key in capitals": key.hex().upper().encode()}
def search(name, data):
    for what, secret in secrets.items():
        if secret in data: sys.exit(f"{what} is in {name}")
if sys.argv[3] == "--memory":
    pid, found = sys.argv[4], 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            start, end = (int(x, 16) for x in re.match(r"(\w+)-(\w+) r", line).groups()) \
                if re.match(r"(\w+)-(\w+) r", line) else (0, 0)
            if end == 0 or "[v" in line: continue
            try:
                mem.seek(start)
                data = mem.read(min(end - start, 1 << 28))
            except OSError:
                continue
            found += len(data)
            search(f"the memory of {pid}: {line.split()[-1]}", data)
    if found < 1 << 20: sys.exit("the memory could not be read")
else:
    for name in sys.argv[3:]: search(name, open(name, "rb").read())
END
holds_none() { python3 "$work/search.py" "$token_pin" "$work/known.hex" "$@" || fail "a secret is out"; }
# The search itself can find.
python3 "$work/search.py" "$token_pin" "$work/known.hex" "${PIN_SOURCE#file:}" 2>/dev/null && fail "the search finds nothing"
holds_none "$work"/*.log "$work"/*.json "$work/status.txt" "$work/ca/mtc.yaml" "$work/ca/log.db" "$work/shim/calls"
holds_none "/proc/$daemon/cmdline" "/proc/$daemon/environ" "/proc/$signer/cmdline" "/proc/$signer/environ"
# A program with a sanitizer keeps its memory apart; where it can be read, nothing may be in it.
holds_none --memory "$daemon"
grep -q '^Max core file size *0 *0' "/proc/$signer/limits" || fail "the signer may dump core"
grep -q '^NoNewPrivs:.*1' "/proc/$signer/status" && grep -q '^Seccomp:.*2' "/proc/$signer/status" ||
  fail "the signer is not confined"
grep -q '^CapEff:.*0000000000000000' "/proc/$signer/status" || fail "the signer has capabilities"
[ "$(ps -o pgid= -p "$signer" | tr -d ' ')" = "$signer" ] || fail "the signer has no process group of its own"
stop "$daemon"
fsck_clean
