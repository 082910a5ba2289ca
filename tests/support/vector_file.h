/* Reading the files of tests/vectors: whole, by line, by field. Include after cmocka.h. */
#ifndef MTC_TESTS_VECTOR_FILE_H
#define MTC_TESTS_VECTOR_FILE_H

#include <string.h>

#include "mtc/runtime.h"

/* Reads tests/vectors/<path>; the caller frees it. */
static inline struct mtc_bytes read_vector(const char *path) {
  char name[512];
  struct mtc_bytes bytes = {0};
  struct mtc_error error = {0};
  (void)snprintf(name, sizeof name, "%s/%s", MTC_VECTORS, path);
  if (mtc_file_read(name, 1 << 20, &bytes, &error)) fail_msg("%s", error.text);
  return bytes;
}

/* Reads the next line that is neither empty nor a comment. */
static inline bool next_vector(struct mtc_reader *reader, struct mtc_span *out_line) {
  while (mtc_read_line(reader, out_line)) {
    if (out_line->len && out_line->data[0] != '#') return true;
  }
  return false;
}

/* Takes what stands before the next `separator`, or before the end, off the line. */
static inline struct mtc_span take_field(struct mtc_span *line, char separator) {
  const uint8_t *end = line->len ? memchr(line->data, separator, line->len) : NULL;
  struct mtc_span field = {line->data, end ? (size_t)(end - line->data) : line->len};
  size_t used = field.len + (end ? 1 : 0);
  line->data += used;
  line->len -= used;
  return field;
}

/* Decodes a hexadecimal field; the caller frees it. */
static inline struct mtc_bytes unhex(struct mtc_span text) {
  struct mtc_bytes bytes = {0};
  assert_int_equal(mtc_bytes_append_decoded_hex(&bytes, text), MTC_OK);
  return bytes;
}

static inline bool is_text(struct mtc_span span, const char *text) {
  return mtc_span_equal(span, mtc_span_of_text(text));
}

/* Compares two spans and shows both as text when they differ. */
static inline void assert_span_equal(struct mtc_span a, struct mtc_span b) {
  if (!mtc_span_equal(a, b)) {
    fail_msg("\"%.*s\" is not \"%.*s\"", (int)a.len, (const char *)a.data, (int)b.len,
             (const char *)b.data);
  }
}

#endif
