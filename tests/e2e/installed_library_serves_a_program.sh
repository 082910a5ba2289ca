#!/usr/bin/env bash
# What is installed works where it lies: a program is built with pkg-config against libmtc, the CA's
# programs find each other, and the library exports what its headers declare and nothing else.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
prefix=$work/prefix
cmake --install "$bin/.." --prefix "$prefix" >/dev/null || fail "cmake --install"
library=$(readlink -f "$prefix"/lib*/libmtc.so) || fail "no libmtc.so"
if readelf -d "$library" | grep -E 'lib[at]san' >/dev/null; then
  echo "skipped: programs of others do not load a library with a sanitizer in it"
  exit 77
fi
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
readelf -d "$library" | grep -F '[libmtc.so.0]' >/dev/null || fail "the SONAME is not libmtc.so.0"
[ -e "$prefix/share/doc/mtc/operating.md" ] || fail "no documentation"

# Every name exported is declared in an installed header, and every header stands alone.
nm -D --defined-only "$library" | awk '{ print $3 }' >"$work/exports"
[ "$(wc -l <"$work/exports")" -ge 100 ] || fail "few exports: $(wc -l <"$work/exports")"
while read -r name; do
  grep -h "\b$name(" "$prefix"/include/mtc/*.h >/dev/null || fail "$name is exported, and declared nowhere"
done <"$work/exports"
for header in "$prefix"/include/mtc/*.h; do
  cc -std=c17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$header" -I "$prefix/include" ||
    fail "$header does not stand alone"
done

cat >"$work/program.c" <<'END'
#include <mtc/bytes.h>
#include <mtc/wire.h>
#include <stdio.h>

int main(int argc, char **argv) {
  char text[MTC_TAI_MAX_TEXT];
  struct mtc_error error = {.text = ""};
  struct mtc_tai tai;
  if (argc != 2) return 2;
  if (mtc_tai_parse(mtc_span_of_text(argv[1]), &tai, &error) ||
      mtc_tai_append(&tai, 7)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  mtc_tai_format(&tai, text);
  puts(text);
  return 0;
}
END
# shellcheck disable=SC2046  # pkg-config's words are several
cc -std=c17 -Wall -Wextra -Werror -o "$work/program" "$work/program.c" $(pkg-config --cflags --libs libmtc)
ldd "$work/program" | grep -F "$prefix/lib" >/dev/null || fail "the program does not load the library"
[ "$("$work/program" 32473.1)" = 32473.1.7 ] || fail "the program does not work"
fails "" "$work/program" 32473..1
# shellcheck disable=SC2046
cc -std=c17 -o "$work/static" "$work/program.c" -I "$prefix/include" "$prefix/lib/libmtc.a" \
  $(pkg-config --libs $(pkg-config --print-requires-private libmtc | cut -d' ' -f1))
[ "$(env -u LD_LIBRARY_PATH "$work/static" 32473.1)" = 32473.1.7 ] || fail "the static program does not work"

unset LD_LIBRARY_PATH
if [ -e "$bin/mtc-sim" ]; then [ -x "$prefix/bin/mtc-sim" ] || fail "no mtc-sim"; fi
bin=$prefix/bin
"$bin/mtc" --help >/dev/null || fail "mtc --help"
make_ca
start_daemon
make_csr www
issue "$work/csr/www.csr" >/dev/null
verify "$work/issued/www.pem"
stop "$daemon"
fsck_clean
