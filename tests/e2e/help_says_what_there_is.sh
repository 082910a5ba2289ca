#!/usr/bin/env bash
# Every command has help of its own, a group lists its commands, a wrong word is named.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for program in mtc mtcd; do
  [[ $("$bin/$program" --version) =~ ^$program\ [0-9.]+$ ]] || fail "$program --version"
done
for group in ca key certificate landmark log card bench acme; do
  for word in --help help; do
    "$bin/mtc" "$group" $word >"$work/help"
    [ "$(grep -c "^  $group " "$work/help")" -eq "$(grep -c '^  [a-z]' "$work/help")" ] || fail "$group lists others"
    grep -q "^  $group " "$work/help" || fail "$group lists nothing"
  done
  exits 2 "mtc $group: there is no command \"nosuch\"" "$bin/mtc" "$group" nosuch
  exits 2 "which of its commands" "$bin/mtc" "$group"
done
exits 2 'there is no command "nosuch"' "$bin/mtc" nosuch
"$bin/mtc" help >"$work/commands"
sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' "$work/commands" >"$work/names"
[ "$(wc -l <"$work/names")" -ge 13 ] || fail "$(cat "$work/names")"
while read -r name; do
  # shellcheck disable=SC2086  # one or two words
  [ "$("$bin/mtc" $name --help | sed '1,/^$/d' | wc -w)" -gt 8 ] || fail "$name says nothing about itself"
done <"$work/names"
