#!/usr/bin/env bash
# demo.sh [--card FOLD[/STAGES]] [COUNT] [FOLDER]: the main job on real input. An HSM token with an
# ML-DSA-44 CA key, the model of the card (1/2, the fastest core; or 1/1, 4, 64), the daemon; COUNT
# (1000) requests made with openssl become COUNT standalone and COUNT landmark-relative certificates, all
# verified. FOLDER (build/demo) is made anew.
set -euo pipefail
. "$(dirname "$0")/lib/env.sh"
if [ "${1:-}" != --inside ]; then
  card=1/2
  usage="usage: scripts/demo.sh [--card FOLD[/STAGES]] [COUNT] [FOLDER]"
  if [ "${1:-}" = --card ]; then
    [ $# -ge 2 ] || { say "$usage"; exit 2; }
    card=$2
    shift 2
    case $card in
      1) card=1/2 ;;
      4 | 64) card=$card/1 ;;
      1/1 | 1/2 | 4/1 | 64/1) ;;
      *) say "error: --card $card: the model's builds are 1/1, 1/2, 4 and 64 (Fold/Stages)"; exit 2 ;;
    esac
  fi
  count=${1:-1000}
  case $count in *[!0-9]* | 0*) say "$usage"; exit 2 ;; esac
  [ $# -le 2 ] || { say "$usage"; exit 2; }
  demo=$(realpath -m -- "${2:-$repo/build/demo}")
  case $repo$demo in *[\'\"\\]*) die "no quotes and backslashes in a CA's folder, please: $demo" ;; esac
  [ "${#demo}" -le 94 ] || die "$demo is too long for the name of a socket in it"
  if [ -e "$demo" ] && [ ! -e "$demo/.mtc-demo" ] && [ -n "$(ls -A "$demo")" ]; then
    die "$demo exists and is not a demo's folder"
  fi
  mkdir -p "$(dirname "$demo")"
  exec "$repo/scripts/run.sh" --share "$(dirname "$demo")" \
    "$repo/scripts/demo.sh" --inside "$count" "$demo" "$card"
fi
count=$2 demo=$3 card=$4 bin=$repo/build/bin
cd "$repo"

at_end() {
  [ "$1" -ne 0 ] && [ -z "$ended_by" ] && [ -s "$demo/mtcd.log" ] || return 0
  say "the end of $demo/mtcd.log:"
  tail -n 20 "$demo/mtcd.log" >&2
}

# start NAME COMMAND...: a process that says "ready"; its standard error goes to NAME.log.
start() {
  local name=$1 line; shift
  mkfifo "$demo/$name.ready"
  exec 7<>"$demo/$name.ready"
  "$@" >&7 2>"$demo/$name.log" &
  if ! read -r -t 60 line <&7 || [ "$line" != ready ]; then
    cat "$demo/$name.log" >&2
    die "$name did not start"
  fi
  exec 7>&-
  rm "$demo/$name.ready"
}

# The token's libraries lie beside its module: only programs that load it get this path.
with_token() { env LD_LIBRARY_PATH="$token_libraries" "$@"; }

make_token() {
  scripts/make-token.sh "$demo/token" 123456 >"$demo/token.sh"
}

make_ca() {
  with_token "$bin/mtc" key generate --uri "$KEY_URI" --algorithm ml-dsa-44 --module "$MODULE" \
    --module-args "$MODULE_ARGS" --pin-source "$PIN_SOURCE" --out "$demo/ca-public-key.pem"
  with_token "$bin/mtc" ca init --dir "$demo/ca" --id 32473.1 --wire-version plants-07 \
    --key "$KEY_URI" --module "$MODULE" --module-args "$MODULE_ARGS" --pin-source "$PIN_SOURCE" \
    --card "$demo/card" --prefix-url http://127.0.0.1/mtc
}

make_csrs() {
  mkdir "$demo/csr"
  local worker workers=()
  for worker in 0 1; do
    scripts/lib/make-csrs.sh "$demo/csr" "$worker" 2 "$count" & workers+=($!)
  done
  wait "${workers[0]}" && wait "${workers[1]}"
}

issue_all() {
  local begin end
  begin=$(date +%s%3N)
  "$bin/mtc" issue --profile chrome-dv-7d --out "$demo/issued" --json "$demo"/csr/*.csr >"$demo/issued.json"
  end=$(date +%s%3N)
  echo $((end > begin ? end - begin : 1)) >"$demo/issued.ms"
}

# fetch KIND: one certificate per serial number, with its properties.
fetch() {
  mkdir "$demo/$1"
  jq -r '.serial' "$demo/issued.json" |
    xargs -P 2 -I{} "$bin/mtc" certificate get --serial {} --kind "$1" --properties --out "$demo/$1/{}.pem"
}

verify_standalone() {
  find "$demo/standalone" -name '*.pem' -print0 |
    xargs -0 "$bin/mtc" verify --ca-cert "$demo/ca/ca_cert.pem" --json >"$demo/standalone.json"
}

verify_landmark() {
  find "$demo/landmark" -name '*.pem' -print0 |
    xargs -0 "$bin/mtc" verify --ca-cert "$demo/ca/ca_cert.pem" --json \
      --landmarks "32473.1:1:$demo/ca/public/1/landmarks" --subtrees "$demo/subtrees.txt" \
      >"$demo/landmark.json"
}

# Mean size of the certificates of a kind, in bytes of DER.
mean_size() {
  local file total=0 num=0 size
  for file in "$demo/$1"/*.pem; do
    size=$(openssl x509 -in "$file" -outform DER | wc -c)
    total=$((total + size)) num=$((num + 1))
    [ "$num" -ge 100 ] && break
  done
  echo $((total / num))
}

started=$SECONDS
# The programs alone: the benches of the hardware take longer than all the rest.
quietly "Building" sh -c 'cmake --preset release && cmake --build --preset release --target "$@"' build \
  mtc mtcd mtc-signer mtc-sim mtc-make-token
# The mark stays, whenever this is interrupted: the next run finds a folder that it may empty.
mkdir -p "$demo"
touch "$demo/.mtc-demo"
find "$demo" -mindepth 1 -maxdepth 1 ! -name .mtc-demo -exec rm -rf --one-file-system {} +
mkdir "$demo/card"
quietly "Making an HSM token (NSS softoken)" make_token
# shellcheck source=/dev/null
. "$demo/token.sh"
token_libraries=$LD_LIBRARY_PATH
unset LD_LIBRARY_PATH
start mtc-sim "$bin/mtc-sim" --path "$demo/card" --fold "${card%/*}" --stages "${card#*/}"
quietly "Making the CA: ML-DSA-44 key on the token, certificate, empty log" make_ca
start mtcd env LD_LIBRARY_PATH="$token_libraries" "$bin/mtcd" --config "$demo/ca/mtc.yaml"
export MTC_SOCKET=$demo/ca/mtcd.sock
quietly "Making $count certification requests with openssl" make_csrs

quietly "Issuing $count certificates" issue_all
[ "$(jq -s 'map(select(.serial)) | length' "$demo/issued.json")" -eq "$count" ] ||
  die "not every request was issued: see $demo/issued.json"
quietly "Allocating a landmark" "$bin/mtc" landmark allocate
"$bin/mtc" landmark subtrees >"$demo/subtrees.txt"
quietly "Fetching $count standalone certificates" fetch standalone
quietly "Fetching $count landmark-relative certificates" fetch landmark
quietly "Verifying $count standalone certificates" verify_standalone
quietly "Verifying $count landmark-relative certificates" verify_landmark
"$bin/mtc" status --json >"$demo/status.json"

verified=$(jq -s 'map(select(.ok)) | length' "$demo/standalone.json" "$demo/landmark.json")
[ "$verified" -eq $((2 * count)) ] || die "only $verified of $((2 * count)) certificates verify"
by_cosignature=$(jq -s 'map(select(.ok and (.trusted_subtree | not))) | length' "$demo/standalone.json")
by_landmark=$(jq -s 'map(select(.ok and .trusted_subtree)) | length' "$demo/landmark.json")
[ "$by_cosignature" -eq "$count" ] && [ "$by_landmark" -eq "$count" ] ||
  die "certificates verify, but not for the reason they should"
card_hashes=$(jq '.hash.card_leaves + .hash.card_nodes' "$demo/status.json")
[ "$(jq '.hash.card_leaves' "$demo/status.json")" -eq "$count" ] &&
  [ "$(jq '.hash.cpu_entries + .hash.card_faults' "$demo/status.json")" -eq 0 ] ||
  die "the hashes did not come from the card: see $demo/status.json"
# The tree that the card hashed and the HSM signed, against that of the entries on the CPU.
quietly "Hashing the whole log again on the CPU, and checking it" "$bin/mtc" log fsck --dir "$demo/ca"
mapfile -t checkpoint < <(sed -n '2,3p' "$demo/ca/public/1/checkpoint")

# Lines to copy, right in any folder: quoted, and sharing what they need.
run=$(printf %q "$repo/scripts/run.sh")
case $demo in "$repo"/* | /tmp/*) ;; *) run+=$(printf ' --share %q' "$demo") ;; esac
run+=$(printf ' %q' "$bin/mtc")
first=$(jq -rs 'first.serial' "$demo/issued.json")
cat <<END

$count certificates issued, each in both forms; all $verified verify
  standalone certificate         $(mean_size standalone) bytes (mean), signed: $by_cosignature
  landmark-relative certificate  $(mean_size landmark) bytes (mean), no signature: $by_landmark
  batches                        $(jq .engine.batches "$demo/status.json")
  card                           the model with Fold ${card%/*}, Stages ${card#*/}
  hashes by the card             $card_hashes (checked on the CPU: $(jq .hash.checked_hashes "$demo/status.json"))
  tree                           ${checkpoint[0]} entries, root ${checkpoint[1]}
                                 the card's; from the entries the CPU computes the same
  HSM signatures                 $(jq .signer.signatures "$demo/status.json")
  rate                           $((count * 1000 / $(cat "$demo/issued.ms"))) certificates per second, requests checked and logged
  time                           $((SECONDS - started)) s
files: $demo: ca/ (certificate, log, public tiles), csr/, standalone/, landmark/

try next:
  $run inspect $(printf %q "$demo/landmark/$first.pem")
  $run verify --ca-cert $(printf '%q %q' "$demo/ca/ca_cert.pem" "$demo/standalone/$first.pem")
  $run log fsck --dir $(printf %q "$demo/ca")
END
