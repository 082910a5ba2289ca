#!/usr/bin/env bash
# make-token.sh FOLDER PIN [LABEL]: makes an NSS softoken token, which can do ML-DSA, in FOLDER and
# prints how to name it, for a shell to read: MODULE, MODULE_ARGS, PIN_SOURCE, KEY_URI, and
# LD_LIBRARY_PATH (the module's own libraries lie beside it), exported. For tests and the demo.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: scripts/make-token.sh FOLDER PIN [LABEL]" >&2; exit 2; }
folder=$(realpath -m "$1") pin=$2 label=${3:-mtc-ca}
cd "$(dirname "$0")/.."
if [ -z "${MTC_NSS_DIR:-}" ]; then
  mkdir -p "$(dirname "$folder")"
  exec scripts/run.sh --share "$(dirname "$folder")" scripts/make-token.sh "$folder" "$pin" "$label"
fi
umask 077
mkdir -p "$folder"
case $folder$label in
  *[\'\"\\]*) echo "error: no quotes in the folder's name or the label" >&2; exit 2 ;;
esac
if [ -e "$folder/key4.db" ]; then echo "error: $folder holds a token already" >&2; exit 1; fi

library_path=$MTC_NSS_DIR/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
module=$MTC_NSS_DIR/lib/libsoftokn3.so
module_args="configDir='sql:$folder' certPrefix='' keyPrefix='' secmod='secmod.db' dbTokenDescription='$label' dbSlotDescription='$label' flags="
printf '%s\n' "$pin" >"$folder/pin"
LD_LIBRARY_PATH=$library_path "${MTC_BIN:-build/bin}/mtc-make-token" "$module" "$module_args" \
  "$label" <"$folder/pin"
printf 'export %s=%q\n' MODULE "$module" MODULE_ARGS "$module_args" PIN_SOURCE "file:$folder/pin" \
  KEY_URI "pkcs11:token=$label;object=mtc-ca" LD_LIBRARY_PATH "$library_path"
