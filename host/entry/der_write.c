#include <stdio.h>
#include <string.h>
#include <time.h>

#include "entry/der.h"

size_t mtc_der_open(struct mtc_bytes *bytes, uint8_t tag) {
  const uint8_t header[] = {tag, 0};
  size_t position = bytes->len;
  mtc_bytes_append(bytes, header, sizeof header);
  return position;
}

void mtc_der_close(struct mtc_bytes *bytes, size_t position) {
  if (bytes->failed) return;
  size_t start = position + 2, len = bytes->len - start;
  unsigned width = 0;
  if (len > 0xffffffff) {
    bytes->failed = true;
    return;
  }
  for (size_t rest = len; len >= 0x80 && rest; rest >>= 8)
    width++;
  if (width) {
    if (!mtc_bytes_reserve(bytes, width)) return;
    memmove(bytes->data + start + width, bytes->data + start, len);
    bytes->len += width;
    for (unsigned i = 0; i < width; i++)
      bytes->data[start + i] = (uint8_t)(len >> (8 * (width - 1 - i)));
  }
  bytes->data[position + 1] = (uint8_t)(width ? 0x80 | width : len);
}

void mtc_der_append(struct mtc_bytes *bytes, uint8_t tag, struct mtc_span contents) {
  size_t position = mtc_der_open(bytes, tag);
  mtc_bytes_append_span(bytes, contents);
  mtc_der_close(bytes, position);
}

void mtc_der_append_uint(struct mtc_bytes *bytes, uint64_t value) {
  unsigned width = 1;
  while (width < 8 && value >> (8 * width))
    width++;
  size_t position = mtc_der_open(bytes, MTC_DER_INTEGER);
  if (value >> (8 * width - 1) & 1) mtc_bytes_append_uint(bytes, 0, 1);
  mtc_bytes_append_uint(bytes, value, width);
  mtc_der_close(bytes, position);
}

void mtc_der_append_time(struct mtc_bytes *bytes, int64_t posix_s) {
  struct tm tm;
  time_t time = (time_t)posix_s;
  if (!gmtime_r(&time, &tm) || tm.tm_year < 50 || tm.tm_year > 8099) {
    bytes->failed = true;
    return;
  }
  bool is_long = tm.tm_year >= 150;
  char text[80];
  int year = tm.tm_year + 1900;
  int len = snprintf(text, sizeof text, "%0*d%02d%02d%02d%02d%02dZ", is_long ? 4 : 2,
                     is_long ? year : year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                     tm.tm_sec);
  mtc_der_append(bytes, is_long ? MTC_DER_GENERALIZED_TIME : MTC_DER_UTC_TIME,
                 mtc_span_of(text, (size_t)len));
}

static void append_base128(struct mtc_bytes *bytes, uint64_t value) {
  unsigned shift = 0;
  while (shift < 63 && value >> (shift + 7))
    shift += 7;
  for (;; shift -= 7) {
    mtc_bytes_append_uint(bytes, (value >> shift & 0x7f) | (shift ? 0x80u : 0u), 1);
    if (!shift) return;
  }
}

mtc_status mtc_der_append_oid(struct mtc_bytes *bytes, const char *dotted) {
  struct mtc_bytes contents = {0};
  uint64_t first = 0;
  size_t num_components = 0;
  mtc_status status = MTC_OK;
  for (const char *text = dotted; !status; num_components++) {
    const char *dot = strchrnul(text, '.');
    uint64_t component;
    if (!mtc_parse_decimal(mtc_span_of(text, (size_t)(dot - text)), INT64_MAX - 80, &component)) {
      status = MTC_INPUT;
    } else if (num_components == 0) {
      first = component;
      if (first > 2) status = MTC_INPUT;
    } else if (num_components == 1) {
      if (first < 2 && component > 39) status = MTC_INPUT;
      append_base128(&contents, first * 40 + component);
    } else {
      append_base128(&contents, component);
    }
    if (!*dot) break;
    text = dot + 1;
  }
  if (!status && num_components < 1) status = MTC_INPUT;
  if (!status) status = mtc_bytes_status(&contents);
  if (!status) mtc_der_append(bytes, MTC_DER_OID, mtc_span_of_bytes(&contents));
  mtc_bytes_free(&contents);
  return status;
}
