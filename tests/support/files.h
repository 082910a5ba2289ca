/* What several test programs need: whole files, PEM through libcrypto (not the code under test). */
#ifndef MTC_TESTS_FILES_H
#define MTC_TESTS_FILES_H

#include <openssl/pem.h>
#include <stdio.h>

#include "mtc/runtime.h"

static inline void load_file(const char *path, struct mtc_bytes *out) {
  struct mtc_error error;
  if (mtc_file_read(path, 1 << 24, out, &error)) fail_msg("%s", error.text);
}

/* Reads the first block CERTIFICATE; a file may begin with CERTIFICATE PROPERTIES. */
static inline void load_pem(const char *path, struct mtc_bytes *out) {
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  for (bool found = false; !found;) {
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    assert_int_equal(PEM_read(file, &name, &header, &data, &len), 1);
    found = strcmp(name, "CERTIFICATE") == 0;
    if (found) mtc_bytes_append(out, data, (size_t)len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  (void)fclose(file);
}

#endif
