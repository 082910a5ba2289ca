/* Trust anchor ID patterns: which groups a certificate belongs to. */
#include "entry/pattern.h"

#include <string.h>

#include "mtc/proof.h"

/*
 * A pattern is a pair { minimum, maximum } for each component of the IDs it matches, each in base
 * 128 as in an object identifier; a maximum of infinity is the byte 0x80. Components may be of any
 * size: they are compared as they stand, by length and then by bytes, never decoded.
 */
#define INFINITY_BYTE 0x80

/* Takes one minimal base-128 integer off the front. */
static bool read_component(struct mtc_reader *reader, struct mtc_span *out) {
  if (reader->len == 0 || reader->data[0] == INFINITY_BYTE) return false;
  for (size_t i = 0; i < reader->len; i++) {
    if (!(reader->data[i] & 0x80)) return mtc_read_span(reader, i + 1, out);
  }
  return false;
}

static int compare(struct mtc_span a, struct mtc_span b) {
  if (a.len != b.len) return a.len < b.len ? -1 : 1;
  return memcmp(a.data, b.data, a.len);
}

/* Reads a pair; an infinite maximum is given as an empty span. */
static bool read_pair(struct mtc_reader *reader, struct mtc_span *out_min,
                      struct mtc_span *out_max) {
  if (!read_component(reader, out_min)) return false;
  if (reader->len && reader->data[0] == INFINITY_BYTE) {
    if (!mtc_read_span(reader, 1, out_max)) return false;
    out_max->len = 0;
    return true;
  }
  return read_component(reader, out_max);
}

bool mtc_pattern_matches(struct mtc_span pattern, struct mtc_span id) {
  struct mtc_reader pairs = mtc_reader_of(pattern), components = mtc_reader_of(id);
  if (id.len == 0 || id.len > MTC_TAI_MAX_LEN) return false;
  while (components.len) {
    struct mtc_span value, min, max;
    if (!read_component(&components, &value) || !read_pair(&pairs, &min, &max)) return false;
    if (compare(value, min) < 0 || (max.len && compare(value, max) > 0)) return false;
  }
  return pairs.len == 0;
}

/* Writes a component in decimal: 7 bits a byte at most 255 bytes long, so big digits by hand. */
static void append_decimal(struct mtc_span component, struct mtc_bytes *out) {
  char digits[600];
  size_t num_digits = 1;
  digits[0] = 0;
  for (size_t i = 0; i < component.len; i++) {
    unsigned carry = component.data[i] & 0x7F;
    for (size_t k = 0; k < num_digits; k++) {
      carry += (unsigned)digits[k] * 128;
      digits[k] = (char)(carry % 10);
      carry /= 10;
    }
    for (; carry; carry /= 10)
      digits[num_digits++] = (char)(carry % 10);
  }
  while (num_digits)
    mtc_bytes_append_format(out, "%d", digits[--num_digits]);
}

mtc_status mtc_pattern_append_text(struct mtc_span pattern, struct mtc_bytes *out) {
  struct mtc_reader pairs = mtc_reader_of(pattern);
  if (pattern.len > UINT8_MAX) return MTC_INPUT;
  while (pairs.len) {
    struct mtc_span min, max;
    bool is_first = pairs.len == pattern.len;
    if (!read_pair(&pairs, &min, &max)) return MTC_INPUT;
    if (max.len && compare(max, min) < 0) return MTC_INPUT;
    bool is_range = max.len == 0 || compare(min, max) != 0;
    mtc_bytes_append_text(out, is_first ? "" : ".");
    mtc_bytes_append_text(out, is_range ? "{" : "");
    append_decimal(min, out);
    if (is_range) {
      mtc_bytes_append_text(out, "-");
      if (max.len) append_decimal(max, out);
      mtc_bytes_append_text(out, "}");
    }
  }
  return mtc_bytes_status(out);
}
