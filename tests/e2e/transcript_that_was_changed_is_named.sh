#!/usr/bin/env bash
# An auditor's look at a ceremony's transcript: whole, of this key; changed in a line; cut off; of
# another key; and one written by somebody who has no key.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"
make_softhsm "$work/softhsm" curves
for name in one two; do
  write_ceremony $name ed25519 curves "$softhsm_module" "file:$work/softhsm/pin"
  "$bin/mtc" key ceremony $name.yaml >/dev/null
done
verify_transcript() { "$bin/mtc" key transcript verify "$@"; }
verify_transcript --public-key one.pub --ca-cert one.pem one.transcript >/dev/null || fail "a good one"
verify_transcript one.transcript two.transcript >/dev/null || fail "two good ones"
verify_transcript --json one.transcript | jq -e '.ok and .state == "finished" and (.public_key_sha256 | length == 64)' >/dev/null ||
  fail "--json"
lines=$(wc -l <one.transcript)

# Each line, changed by hand as a person would, is named by its number.
for number in $(seq "$lines"); do
  sed "${number}s/\"time\":\"20/\"time\":\"19/" one.transcript >changed
  fails "line $number: it was changed" verify_transcript changed
  sed "${number}d" one.transcript >changed
  if [ "$number" -eq "$lines" ]; then fails "TRUNCATED after line $((lines - 1))" verify_transcript changed
  else fails "line $number: it was line $((number + 1))" verify_transcript changed; fi
done
head -c -1 one.transcript >changed
fails "TRUNCATED" verify_transcript changed
head -n 4 one.transcript >changed
fails "no key was asked for" verify_transcript changed
sed 's/Alice/Mallory/' one.transcript >changed
fails "line 1: it was changed" verify_transcript changed
head -n 3 one.transcript | cat - <(tail -n +4 two.transcript) >changed
fails "line 4: it does not follow" verify_transcript changed
: >changed
fails "line 1: there is no whole line" verify_transcript changed

# Another's transcript is as good as this one, until somebody says whose it must be.
fails "--ca-cert one.pem: it is not the one" verify_transcript --ca-cert one.pem two.transcript
fails "--public-key one.pub: it is not the one" verify_transcript --public-key one.pub two.transcript
fails "" verify_transcript --ca-cert one.pem one.transcript two.transcript

# Who rewrites the whole chain cannot sign its last line.
cat >rewrite.py <<'END'
import hashlib, json, sys
previous, out = "0" * 64, []
for line in open(sys.argv[1], "rb").read().decode().splitlines():
    value = json.loads(line)
    signature = value.pop("signature") if value["event"] == "finished" else None
    value.pop("digest")
    value["previous"] = previous
    if value["event"] == "begin":
        value["present"][0]["name"] = "Mallory"
    text = json.dumps(value, separators=(",", ":"))[:-1]
    text += ',"digest":"%s"' % hashlib.sha256(text.encode()).hexdigest()
    text += ',"signature":"%s"}' % signature if signature else "}"
    previous = hashlib.sha256(text.encode()).hexdigest()
    out.append(text + "\n")
sys.stdout.write("".join(out))
END
python3 rewrite.py one.transcript >forged
fails "line $lines: the closing signature does not verify" verify_transcript forged
exits 2 '"verify"' "$bin/mtc" key transcript one.transcript
exits 2 "at least one FILE" "$bin/mtc" key transcript verify
