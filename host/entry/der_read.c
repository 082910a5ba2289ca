#include <string.h>

#include "entry/der.h"
#include "entry/utf8.h"

#define MAX_DEPTH 16

bool mtc_der_next(struct mtc_reader *reader, struct mtc_der *out) {
  struct mtc_reader rest = *reader;
  uint64_t tag, len;
  if (!mtc_read_uint(&rest, 1, &tag) || !mtc_read_uint(&rest, 1, &len)) return false;
  if ((tag & 0x1f) == 0x1f) return false;
  if (len >= 0x80) {
    unsigned width = (unsigned)(len & 0x7f);
    if (width < 1 || width > 4 || !mtc_read_uint(&rest, width, &len)) return false;
    if (len < 0x80 || len >> (8 * (width - 1)) == 0) return false;
  }
  struct mtc_span contents;
  if (!mtc_read_span(&rest, (size_t)len, &contents)) return false;
  *out = (struct mtc_der){(uint8_t)tag, {reader->data, reader->len - rest.len}, contents};
  *reader = rest;
  return true;
}

bool mtc_der_next_is(const struct mtc_reader *reader, uint8_t tag) {
  return reader->len && reader->data[0] == tag;
}

bool mtc_der_read(struct mtc_reader *reader, uint8_t tag, struct mtc_der *out) {
  return mtc_der_next_is(reader, tag) && mtc_der_next(reader, out);
}

struct mtc_reader mtc_der_enter(const struct mtc_der *element) {
  return mtc_reader_of(element->contents);
}

bool mtc_der_whole(struct mtc_span span, uint8_t tag, struct mtc_der *out) {
  struct mtc_reader reader = mtc_reader_of(span);
  return mtc_der_read(&reader, tag, out) && reader.len == 0;
}

static bool integer_is_minimal(struct mtc_span contents) {
  const uint8_t *data = contents.data;
  if (contents.len == 0) return false;
  return contents.len == 1 ||
         !((data[0] == 0 && data[1] < 0x80) || (data[0] == 0xff && data[1] >= 0x80));
}

/* Base-128 components: none empty, none with a leading zero, the last one complete. */
static bool components_are_minimal(struct mtc_span contents) {
  bool at_start = true;
  for (size_t i = 0; i < contents.len; i++) {
    if (at_start && contents.data[i] == 0x80) return false;
    at_start = contents.data[i] < 0x80;
  }
  return contents.len && at_start;
}

static bool bit_string_is_strict(struct mtc_span contents) {
  if (contents.len == 0 || contents.data[0] > 7) return false;
  unsigned unused = contents.data[0];
  if (contents.len == 1) return unused == 0;
  return (contents.data[contents.len - 1] & ((1u << unused) - 1)) == 0;
}

static bool primitive_is_strict(const struct mtc_der *element) {
  struct mtc_span contents = element->contents;
  switch (element->tag) {
    case MTC_DER_BOOLEAN:
      return contents.len == 1 && (contents.data[0] == 0 || contents.data[0] == 0xff);
    case MTC_DER_INTEGER:
    case 0x0a: /* ENUMERATED */
      return integer_is_minimal(contents);
    case MTC_DER_BIT_STRING:
      return bit_string_is_strict(contents);
    case 0x05: /* NULL */
      return contents.len == 0;
    case MTC_DER_OID:
    case MTC_DER_RELATIVE_OID:
      return components_are_minimal(contents);
    case MTC_DER_UTF8_STRING: /* libcrypto reads no certificate with anything else in it */
      return mtc_utf8_is(contents);
    case 0x1c: /* UniversalString: 4 bytes a character */
      return contents.len % 4 == 0;
    case 0x1e: /* BMPString: 2 bytes a character */
      return contents.len % 2 == 0;
    case 0x00:
    case 0x10: /* SEQUENCE and SET are always constructed */
    case 0x11:
      return false;
    default:
      return true;
  }
}

/* SET OF elements ascend as octet strings, the shorter one padded with zeros. */
static bool in_set_order(struct mtc_span before, struct mtc_span after) {
  size_t common = before.len < after.len ? before.len : after.len;
  int order = memcmp(before.data, after.data, common);
  return order < 0 || (order == 0 && before.len <= after.len);
}

static bool check(struct mtc_span span, unsigned depth, bool is_set) {
  struct mtc_reader reader = mtc_reader_of(span);
  struct mtc_der element, previous = {0};
  while (reader.len) {
    if (!mtc_der_next(&reader, &element)) return false;
    if (is_set && previous.tlv.data && !in_set_order(previous.tlv, element.tlv)) return false;
    previous = element;
    bool is_universal = element.tag >> 6 == 0;
    if (element.tag & 0x20) {
      if (is_universal && element.tag != MTC_DER_SEQUENCE && element.tag != MTC_DER_SET)
        return false;
      if (depth == MAX_DEPTH) return false;
      if (!check(element.contents, depth + 1, element.tag == MTC_DER_SET)) return false;
    } else if (is_universal && !primitive_is_strict(&element)) {
      return false;
    }
  }
  return true;
}

bool mtc_der_check(struct mtc_span span) {
  return check(span, 0, false);
}

bool mtc_der_named_bits(struct mtc_span contents, uint8_t *out_first) {
  if (contents.len < 2 || contents.data[0] > 7) return false;
  uint8_t last = contents.data[contents.len - 1];
  *out_first = contents.data[1];
  return (last & ((1u << contents.data[0]) - 1)) == 0 && (last >> contents.data[0] & 1);
}

bool mtc_der_uint(struct mtc_span contents, uint64_t *out) {
  if (!integer_is_minimal(contents) || contents.data[0] >= 0x80) return false;
  size_t skip = contents.data[0] == 0 && contents.len > 1;
  if (contents.len - skip > 8) return false;
  uint64_t value = 0;
  for (size_t i = skip; i < contents.len; i++)
    value = value << 8 | contents.data[i];
  *out = value;
  return true;
}

static bool two_digits(const uint8_t *text, unsigned low, unsigned high, unsigned *out) {
  if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') return false;
  *out = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
  return *out >= low && *out <= high;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(unsigned year, unsigned month, unsigned day) {
  int64_t y = (int64_t)year - (month <= 2);
  int64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0 */
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool mtc_der_time(const struct mtc_der *element, int64_t *out_posix_s) {
  static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool is_long = element->tag == MTC_DER_GENERALIZED_TIME;
  if (!is_long && element->tag != MTC_DER_UTC_TIME) return false;
  if (element->contents.len != (is_long ? 15u : 13u)) return false;
  const uint8_t *text = element->contents.data;
  unsigned century = 0, year, month, day, hour, minute, second;
  if (is_long) {
    if (!two_digits(text, 0, 99, &century)) return false;
    text += 2;
  }
  if (!two_digits(text, 0, 99, &year) || !two_digits(text + 2, 1, 12, &month) ||
      !two_digits(text + 4, 1, 31, &day) || !two_digits(text + 6, 0, 23, &hour) ||
      !two_digits(text + 8, 0, 59, &minute) || !two_digits(text + 10, 0, 59, &second) ||
      text[12] != 'Z')
    return false;
  year += is_long ? 100 * century : year < 50 ? 2000u : 1900u;
  if (is_long && year < 2050) return false;
  bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > month_days[month - 1] + (month == 2 && is_leap ? 1u : 0u)) return false;
  *out_posix_s = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  return true;
}
