#!/usr/bin/env bash
# make-csrs.sh FOLDER FIRST STEP COUNT: certification requests number FIRST, FIRST + STEP, ... below
# COUNT, each with a fresh key: five types of key, one to ten names, wildcards, IP addresses.
set -euo pipefail
folder=$1 first=$2 step=$3 count=$4
types=(p256 p384 rsa ed25519 mldsa)
declare -A options=(
  [p256]="-newkey ec -pkeyopt ec_paramgen_curve:P-256"
  [p384]="-newkey ec -pkeyopt ec_paramgen_curve:P-384"
  [rsa]="-newkey rsa:2048"
  [ed25519]="-newkey ed25519"
  [mldsa]="-newkey ml-dsa-44"
)

names_of() {
  local i=$1 names="DNS:host$1.example.com" k
  for ((k = 1; k <= i / 5 % 10; k++)); do
    case $((k % 4)) in
      1) names+=",DNS:*.zone$k.host$i.example.net" ;;
      2) names+=",DNS:alias$k.host$i.example.org" ;;
      3) names+=",IP:192.0.2.$((1 + i % 250))" ;;
      0) names+=",IP:2001:db8::$(printf '%x:%x' "$i" "$k")" ;;
    esac
  done
  printf '%s' "$names"
}

for ((i = first; i < count; i += step)); do
  type=${types[i % 5]}
  name=$(printf '%s/%04d-%s' "$folder" "$i" "$type")
  # shellcheck disable=SC2086  # the options are several words
  openssl req -new ${options[$type]} -noenc -keyout "$name.key" -subj / \
    -addext "subjectAltName=$(names_of "$i")" -out "$name.csr" 2>/dev/null ||
    { echo "error: openssl could not make $name.csr" >&2; exit 1; }
done
