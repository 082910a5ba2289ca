# shellcheck shell=bash
# A token with faults in it, for stories and measurements: libmtc-pkcs11-shim.so around a real module
# (tests/fault/pkcs11_shim says what it can do).

# shim_around FOLDER MODULE [NAME=VALUE...]: makes FOLDER with the shim in it, around MODULE; prints
# the path of the module to use. The real module's arguments pass through it.
shim_around() {
  local folder=$1; shift
  mkdir -p "$folder"
  cp "${MTC_BIN:?}/../lib/libmtc-pkcs11-shim.so" "$folder/module.so"
  printf '%s\n' "$@" >"$folder/module"
  shim_faults "$folder"
  printf '%s\n' "$folder/module.so"
}

# shim_faults FOLDER [LINE...]: from the next call on this is what is wrong; without lines, nothing.
shim_faults() {
  local folder=$1; shift
  printf '%s\n' "$@" >"$folder/faults.new"
  mv "$folder/faults.new" "$folder/faults"
}

# shim_calls FOLDER PATTERN: how many lines of "calls" match, from their start: "C_Login CKR_OK".
shim_calls() { grep -c "^$2\( \|\$\)" "$1/calls" || true; }
