#!/usr/bin/env bash
# The PIN as a systemd credential, by its usual name or another; and typed at the daemon's terminal, where
# it is not echoed, and asked for again when the signer is started again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ -n "${MTC_NSS_DIR:-}" ] || { echo "skipped: no NSS softoken here"; exit 77; }
make_token_ca nss
make_csr www
mkdir "$work/credentials"
mv "${PIN_SOURCE#file:}" "$work/credentials/mtc-pin"
sed -i '/^  pin_source:/d' "$work/ca/mtc.yaml"
fails "wants a PIN" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"
export CREDENTIALS_DIRECTORY=$work/credentials
start_token_daemon
issue "$work/csr/www.csr" >/dev/null
stop "$daemon"
mv "$work/credentials/mtc-pin" "$work/credentials/other"
fails "wants a PIN" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"
sed -i 's/^signer:$/signer:\n  pin_source: credential:other/' "$work/ca/mtc.yaml"
start_token_daemon
issue --request-id other "$work/csr/www.csr" >/dev/null
stop "$daemon"
for wrong in credential:../other credential:.other file:relative nonsense; do
  sed -i "s|^  pin_source: .*|  pin_source: $wrong|" "$work/ca/mtc.yaml"
  fails "pin-source must be file: and an absolute path" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"
done
unset CREDENTIALS_DIRECTORY
sed -i 's|^  pin_source: .*|  pin_source: credential:other|' "$work/ca/mtc.yaml"
fails "CREDENTIALS_DIRECTORY is not set" with_token "$bin/mtcd" --config "$work/ca/mtc.yaml"

# Typed. The program plays the terminal: it waits for the question, types, and says what it saw.
sed -i 's|^  pin_source: .*|  pin_source: prompt|' "$work/ca/mtc.yaml"
cat >"$work/terminal.py" <<'END'
import os, pty, subprocess, sys, time
pin, bin_, work, config = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0: os.execv(f"{bin_}/mtcd", ["mtcd", "--config", config])
seen = b""
def wait_for(text, count=1):
    global seen
    while seen.count(text) < count:
        data = os.read(terminal, 4096)
        if not data: sys.exit(f"no {text!r} in {seen!r}")
        seen += data
wait_for(b"Token PIN: ")
os.write(terminal, pin.encode() + b"\n")
wait_for(b"ready")
def issue(name):
    return subprocess.Popen([f"{bin_}/mtc", "issue", "--profile", "chrome-dv-7d", "--out", f"{work}/{name}",
                             "--request-id", name, f"{work}/csr/www.csr"], stdout=subprocess.DEVNULL)
if issue("typed").wait() != 0: sys.exit("not issued")
# A signer that is gone has taken the PIN with it.
subprocess.run(["pkill", "-KILL", "-P", str(pid), "mtc-signer"], check=True)
waiting = issue("again")
wait_for(b"Token PIN: ", 2)
os.write(terminal, pin.encode() + b"\n")
if waiting.wait() != 0: sys.exit("not issued after the PIN was typed again")
if pin.encode() in seen: sys.exit("the PIN was echoed")
os.kill(pid, 15)
_, status = os.waitpid(pid, 0)
if status != 0: sys.exit(f"the daemon ended with {status}")
END
with_token timeout 100 python3 "$work/terminal.py" "${token_pin:-123456}" "$bin" "$work" "$work/ca/mtc.yaml" ||
  fail "at the terminal"
[ "$(shim_calls "$shim" "C_Login CKR_PIN_INCORRECT")" -eq 0 ] || fail "a wrong PIN was given"
fsck_clean
