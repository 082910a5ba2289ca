#!/usr/bin/env bash
# nss.sh FOLDER [MIRROR]: unpacks libnss3 of Debian testing into FOLDER, touching nothing else.
#
# NSS softoken from version 3.131 does ML-DSA through PKCS#11 3.2; Debian 13's own is older. Its
# libraries run on Debian 13 with Debian 13's libnspr4, so the package is fetched with an apt
# configuration of its own (signatures checked) and unpacked, not installed.
set -euo pipefail
folder=$1
mirror=${2:-$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' |
  awk -F'|' '$1 == "Debian" && $2 !~ /security/ && !found++ { print $2 }')}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc/preferences.d" "$folder"
# Some mirrors serve an expired Release file for testing; the signature is checked all the same.
echo "deb [check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror testing main" \
  >"$work/etc/sources.list"
options=(-o Dir::State="$work/state" -o Dir::Cache="$work/cache" -o Dir::Etc="$work/etc"
  -o Dir::State::status=/dev/null -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Parts=/dev/null
  -o APT::Sandbox::User=root)
apt-get "${options[@]}" -qq update
(cd "$work" && apt-get "${options[@]}" -qq download libnss3)
dpkg-deb -x "$work"/libnss3_*.deb "$folder"
# One fixed path whatever the architecture.
ln -sfn "$(dirname "$(find "$folder/usr/lib" -name libsoftokn3.so -print -quit)")" "$folder/lib"
touch "$folder/.complete"
