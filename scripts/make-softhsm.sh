#!/usr/bin/env bash
# make-softhsm.sh FOLDER PIN [LABEL]: makes a SoftHSM token (curves, no ML-DSA) in FOLDER and prints
# how to name it, for a shell to read: MODULE, PIN_SOURCE, KEY_URI, and SOFTHSM2_CONF, exported.
# A token a test: SoftHSM rewrites its files on login, and a kill -9 in that destroys them.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: scripts/make-softhsm.sh FOLDER PIN [LABEL]" >&2; exit 2; }
folder=$(realpath -m "$1") pin=$2 label=${3:-mtc-ca}
cd "$(dirname "$0")/.."
if ! command -v softhsm2-util >/dev/null; then
  mkdir -p "$(dirname "$folder")"
  exec scripts/run.sh --share "$(dirname "$folder")" scripts/make-softhsm.sh "$folder" "$pin" "$label"
fi
umask 077
if [ -e "$folder/tokens" ]; then echo "error: $folder holds a token already" >&2; exit 1; fi
mkdir -p "$folder/tokens"
printf '%s\n' "$pin" >"$folder/pin"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$folder/tokens" >"$folder/softhsm2.conf"
export SOFTHSM2_CONF=$folder/softhsm2.conf
# The PIN in the arguments: softhsm2-util reads one from a terminal alone.
softhsm2-util --init-token --free --label "$label" --pin "$pin" --so-pin "so-$pin" >/dev/null
printf 'export %s=%q\n' MODULE /usr/lib/softhsm/libsofthsm2.so PIN_SOURCE "file:$folder/pin" \
  KEY_URI "pkcs11:token=$label;object=mtc-ca" SOFTHSM2_CONF "$SOFTHSM2_CONF"
