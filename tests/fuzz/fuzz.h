/* What the harnesses share. Each takes one input and asserts what must hold of it: not crashing is
 * the least of it. */
#ifndef FUZZ_H
#define FUZZ_H

#ifdef NDEBUG
#error "the harnesses assert: build them without NDEBUG"
#endif

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "mtc/wire.h"

#define FUZZ_NOW 1790000000 /* within the validity of the certificates in tests/vectors */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A refusal is the input's fault and says why. */
static inline void assert_refused(mtc_status status, const struct mtc_error *error) {
  assert(status == MTC_INPUT);
  assert(error->text[0] && memchr(error->text, 0, sizeof error->text));
}

static inline void assert_same(struct mtc_span a, struct mtc_span b) {
  assert(mtc_span_equal(a, b));
}

/* Compares what was built with `span` and frees it. */
static inline void assert_built(struct mtc_bytes *built, struct mtc_span span) {
  assert(mtc_bytes_status(built) == MTC_OK);
  assert_same(mtc_span_of_bytes(built), span);
  mtc_bytes_free(built);
}

/* A parsed span lies within the input that it was parsed from. */
static inline void assert_inside(struct mtc_span outer, struct mtc_span inner) {
  if (inner.len == 0) return;
  assert(inner.data >= outer.data && inner.len <= outer.len);
  assert(inner.data - outer.data <= (ptrdiff_t)(outer.len - inner.len));
}

/* A zero-terminated copy of the input as far as it is text; the caller frees it. */
static inline char *text_of(const uint8_t *data, size_t len) {
  char *text = mtc_alloc(len + 1, 1);
  assert(text);
  if (len) memcpy(text, data, len);
  return text;
}

/* Takes the first `width` bytes as a number; 0 when the input is over. */
static inline uint64_t take_uint(struct mtc_reader *reader, unsigned width) {
  uint64_t value = 0;
  if (!mtc_read_uint(reader, width, &value)) *reader = (struct mtc_reader){reader->data, 0};
  return value;
}

/* Takes bytes up to a length of 2 bytes, at most what is left. */
static inline struct mtc_span take_bytes(struct mtc_reader *reader) {
  size_t len = (size_t)take_uint(reader, 2);
  struct mtc_span span = {reader->data, 0};
  if (len > reader->len) len = reader->len;
  return mtc_read_span(reader, len, &span) ? span : mtc_span_of(NULL, 0);
}

/* The three wire versions, in order. */
static inline const struct mtc_wire *wire_number(int number) {
  return mtc_wire_get((enum mtc_wire_version)(MTC_WIRE_PLANTS_05 + number));
}
#define NUM_WIRES 3

#endif
