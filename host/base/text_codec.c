/* Hexadecimal and strict base64. */
#include <string.h>

#include "mtc/bytes.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mtc_bytes_append_hex(struct mtc_bytes *bytes, struct mtc_span span) {
  static const char digits[] = "0123456789abcdef";
  uint8_t *room = mtc_bytes_reserve(bytes, span.len * 2);
  if (!room) return;
  for (size_t i = 0; i < span.len; i++) {
    *room++ = (uint8_t)digits[span.data[i] >> 4];
    *room++ = (uint8_t)digits[span.data[i] & 15];
  }
  bytes->len += span.len * 2;
}

/* Four digits of three bytes. */
static void write_group(const uint8_t bytes[3], uint8_t out[4]) {
  uint32_t group = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
  for (unsigned i = 0; i < 4; i++)
    out[i] = (uint8_t)base64_digits[group >> (18 - 6 * i) & 63];
}

void mtc_bytes_append_base64(struct mtc_bytes *bytes, struct mtc_span span) {
  size_t len = (span.len + 2) / 3 * 4, whole = span.len / 3 * 3, left = span.len - whole;
  uint8_t *room = mtc_bytes_reserve(bytes, len), last[3] = {0};
  if (!room) return;
  for (size_t i = 0; i < whole; i += 3, room += 4)
    write_group(span.data + i, room);
  if (left) {
    memcpy(last, span.data + whole, left);
    write_group(last, room);
    memset(room + left + 1, '=', 3 - left);
  }
  bytes->len += len;
}

static int base64_value(uint8_t digit) {
  const char *found = digit ? strchr(base64_digits, digit) : NULL;
  return found ? (int)(found - base64_digits) : -1;
}

mtc_status mtc_bytes_append_decoded_base64(struct mtc_bytes *bytes, struct mtc_span text) {
  if (text.len == 0) return MTC_OK;
  if (text.len % 4 != 0) return MTC_INPUT;
  size_t padding = 0;
  if (text.data[text.len - 1] == '=') padding = text.data[text.len - 2] == '=' ? 2 : 1;
  size_t len = text.len / 4 * 3 - padding;
  uint8_t *room = mtc_bytes_reserve(bytes, text.len / 4 * 3);
  if (!room) return MTC_NOMEM;
  for (size_t i = 0; i < text.len; i += 4) {
    uint32_t group = 0;
    size_t digits = i + 4 == text.len ? 4 - padding : 4;
    for (size_t k = 0; k < 4; k++) {
      int value = k < digits ? base64_value(text.data[i + k]) : 0;
      if (value < 0) return MTC_INPUT;
      group = group << 6 | (uint32_t)value;
    }
    /* Canonical: the bits that padding leaves over are zero. */
    if (digits == 2 && (group & 0xFFFF)) return MTC_INPUT;
    if (digits == 3 && (group & 0xFF)) return MTC_INPUT;
    *room++ = (uint8_t)(group >> 16);
    *room++ = (uint8_t)(group >> 8);
    *room++ = (uint8_t)group;
  }
  bytes->len += len;
  return MTC_OK;
}

static int hex_value(uint8_t digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

mtc_status mtc_bytes_append_decoded_hex(struct mtc_bytes *bytes, struct mtc_span text) {
  if (text.len % 2 != 0) return MTC_INPUT;
  uint8_t *room = mtc_bytes_reserve(bytes, text.len / 2);
  if (!room) return MTC_NOMEM;
  for (size_t i = 0; i < text.len; i += 2) {
    int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
    if (high < 0 || low < 0) return MTC_INPUT;
    *room++ = (uint8_t)(high << 4 | low);
  }
  bytes->len += text.len / 2;
  return MTC_OK;
}
