#include "mtc/bytes.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

struct mtc_span mtc_span_of(const void *data, size_t len) {
  return (struct mtc_span){data, len};
}

struct mtc_span mtc_span_of_text(const char *text) {
  return mtc_span_of(text, strlen(text));
}

struct mtc_span mtc_span_of_bytes(const struct mtc_bytes *bytes) {
  return mtc_span_of(bytes->data, bytes->len);
}

bool mtc_span_equal(struct mtc_span a, struct mtc_span b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void mtc_bytes_free(struct mtc_bytes *bytes) {
  mtc_free(bytes->data);
  *bytes = (struct mtc_bytes){0};
}

void mtc_bytes_wipe(struct mtc_bytes *bytes) {
  if (bytes->data) OPENSSL_cleanse(bytes->data, bytes->capacity);
  mtc_bytes_free(bytes);
}

void mtc_bytes_clear(struct mtc_bytes *bytes) {
  bytes->len = 0;
  bytes->failed = false;
}

mtc_status mtc_bytes_status(const struct mtc_bytes *bytes) {
  return bytes->failed ? MTC_NOMEM : MTC_OK;
}

uint8_t *mtc_bytes_reserve(struct mtc_bytes *bytes, size_t len) {
  if (bytes->failed) return NULL;
  if (len > SIZE_MAX / 2 - bytes->len) {
    bytes->failed = true;
    return NULL;
  }
  size_t needed = bytes->len + len;
  if (needed > bytes->capacity || !bytes->data) {
    size_t capacity = bytes->capacity < 64 ? 64 : bytes->capacity * 2;
    if (capacity < needed) capacity = needed;
    /* Not realloc: a secret that moves would leave a copy of itself behind. */
    uint8_t *data = mtc_alloc(capacity, 1);
    if (!data) {
      bytes->failed = true;
      return NULL;
    }
    if (bytes->data) {
      memcpy(data, bytes->data, bytes->len);
      OPENSSL_cleanse(bytes->data, bytes->len);
    }
    mtc_free(bytes->data);
    bytes->data = data;
    bytes->capacity = capacity;
  }
  return bytes->data + bytes->len;
}

void mtc_bytes_append(struct mtc_bytes *bytes, const void *data, size_t len) {
  if (len == 0) return;
  uint8_t *room = mtc_bytes_reserve(bytes, len);
  if (!room) return;
  memcpy(room, data, len);
  bytes->len += len;
}

void mtc_bytes_append_span(struct mtc_bytes *bytes, struct mtc_span span) {
  mtc_bytes_append(bytes, span.data, span.len);
}

void mtc_bytes_append_text(struct mtc_bytes *bytes, const char *text) {
  mtc_bytes_append(bytes, text, strlen(text));
}

void mtc_bytes_append_format(struct mtc_bytes *bytes, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0) {
    bytes->failed = true;
    return;
  }
  uint8_t *room = mtc_bytes_reserve(bytes, (size_t)len + 1);
  if (!room) return;
  va_start(args, format);
  (void)vsnprintf((char *)room, (size_t)len + 1, format, args);
  va_end(args);
  bytes->len += (size_t)len;
}

static void write_uint(uint8_t *out, uint64_t value, unsigned width) {
  for (unsigned i = 0; i < width; i++)
    out[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static bool fits(uint64_t value, unsigned width) {
  return width >= 8 || value >> (8 * width) == 0;
}

void mtc_bytes_append_uint(struct mtc_bytes *bytes, uint64_t value, unsigned width) {
  assert(width >= 1 && width <= 8);
  if (!fits(value, width)) {
    bytes->failed = true;
    return;
  }
  uint8_t *room = mtc_bytes_reserve(bytes, width);
  if (!room) return;
  write_uint(room, value, width);
  bytes->len += width;
}

size_t mtc_bytes_open_prefix(struct mtc_bytes *bytes, unsigned width) {
  size_t position = bytes->len;
  mtc_bytes_append_uint(bytes, 0, width);
  return position;
}

void mtc_bytes_close_prefix(struct mtc_bytes *bytes, size_t position, unsigned width) {
  if (bytes->failed) return;
  assert(position + width <= bytes->len);
  uint64_t len = bytes->len - position - width;
  if (!fits(len, width)) {
    bytes->failed = true;
    return;
  }
  write_uint(bytes->data + position, len, width);
}

void mtc_bytes_append_prefixed(struct mtc_bytes *bytes, struct mtc_span span, unsigned width) {
  mtc_bytes_append_uint(bytes, span.len, width);
  mtc_bytes_append_span(bytes, span);
}

struct mtc_reader mtc_reader_of(struct mtc_span span) {
  return (struct mtc_reader){span.data, span.len};
}

bool mtc_read_uint(struct mtc_reader *reader, unsigned width, uint64_t *out_value) {
  assert(width >= 1 && width <= 8);
  if (reader->len < width) return false;
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++)
    value = value << 8 | reader->data[i];
  reader->data += width;
  reader->len -= width;
  *out_value = value;
  return true;
}

bool mtc_read_span(struct mtc_reader *reader, size_t len, struct mtc_span *out) {
  if (reader->len < len) return false;
  *out = mtc_span_of(reader->data, len);
  if (len) reader->data += len;
  reader->len -= len;
  return true;
}

bool mtc_read_prefixed(struct mtc_reader *reader, unsigned width, struct mtc_span *out) {
  assert(width >= 1 && width <= 4);
  struct mtc_reader ahead = *reader;
  uint64_t len;
  if (!mtc_read_uint(&ahead, width, &len) || !mtc_read_span(&ahead, (size_t)len, out)) return false;
  *reader = ahead;
  return true;
}

bool mtc_read_line(struct mtc_reader *reader, struct mtc_span *out) {
  const uint8_t *end = reader->len ? memchr(reader->data, '\n', reader->len) : NULL;
  if (!end) return false;
  *out = mtc_span_of(reader->data, (size_t)(end - reader->data));
  reader->data = end + 1;
  reader->len -= out->len + 1;
  return true;
}

bool mtc_parse_decimal(struct mtc_span text, uint64_t max, uint64_t *out_value) {
  if (text.len == 0 || text.len > 20) return false;
  if (text.len > 1 && text.data[0] == '0') return false;
  uint64_t value = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  if (value > max) return false;
  *out_value = value;
  return true;
}
