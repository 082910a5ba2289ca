/* A token with faults in it, for test programs: the shim's folder (tests/fault/pkcs11_shim). */
#ifndef MTC_TESTS_SHIM_H
#define MTC_TESTS_SHIM_H

#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

/* Writes `name` in the shim's folder at once: a call sees the old text or the new one. */
static inline void shim_write(const char *folder, const char *name, const char *text) {
  char path[512];
  struct mtc_error error = {0};
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  if (mtc_file_write_atomic(path, mtc_span_of_text(text), 0600, &error)) fail_msg("%s", error.text);
}

/* From the next call on this is what is wrong (lines, see faults.h); "": nothing. */
static inline void shim_faults(const char *folder, const char *text) {
  shim_write(folder, "faults", text);
}

/* How many lines of "calls" begin with these words and, if `detail` is given, end with it. */
static inline unsigned shim_calls(const char *folder, const char *words, const char *detail) {
  char path[512], line[256];
  unsigned num = 0;
  (void)snprintf(path, sizeof path, "%s/calls", folder);
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file)) {
    size_t len = strlen(words), end = strcspn(line, "\n");
    line[end] = 0;
    if (strncmp(line, words, len) != 0 || (line[len] && line[len] != ' ')) continue;
    size_t detail_len = detail ? strlen(detail) : 0;
    if (detail && (end < detail_len || strcmp(line + end - detail_len, detail) != 0)) continue;
    num++;
  }
  if (file) (void)fclose(file);
  return num;
}

#endif
