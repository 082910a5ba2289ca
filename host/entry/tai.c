/* Trust anchor IDs: text, binary, distinguished name. Source: tls-trust-anchor-ids. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "entry/der.h"
#include "mtc/wire.h"

#define MAX_COMPONENT INT64_MAX /* what every implementation of OIDs in the field can hold */

mtc_status mtc_tai_append(struct mtc_tai *tai, uint64_t component) {
  uint8_t octets[10];
  unsigned count = 0;
  if (component > MAX_COMPONENT) return MTC_INPUT;
  do {
    octets[count] = (uint8_t)((component & 0x7f) | (count ? 0x80u : 0u));
    component >>= 7;
    count++;
  } while (component);
  if (tai->len + count > MTC_TAI_MAX_LEN) return MTC_INPUT;
  while (count)
    tai->bytes[tai->len++] = octets[--count];
  return MTC_OK;
}

mtc_status mtc_tai_parse(struct mtc_span text, struct mtc_tai *out, struct mtc_error *error) {
  struct mtc_tai tai = {0};
  if (text.len == 0) return mtc_fail(error, MTC_INPUT, "the trust anchor ID is empty");
  if (text.len >= MTC_TAI_MAX_TEXT)
    return mtc_fail(error, MTC_INPUT, "the trust anchor ID has %zu characters, too many", text.len);
  int len = (int)text.len;
  const char *shown = (const char *)text.data;
  size_t start = 0;
  for (size_t i = 0; i <= text.len; i++) {
    if (i < text.len && text.data[i] != '.') continue;
    struct mtc_span digits = mtc_span_of(text.data + start, i - start);
    uint64_t component;
    if (!mtc_parse_decimal(digits, MAX_COMPONENT, &component))
      return mtc_fail(error, MTC_INPUT,
                      "trust anchor ID \"%.*s\": component \"%.*s\" is not a decimal number of at "
                      "most 2^63-1 without leading zeros",
                      len, shown, (int)digits.len, (const char *)digits.data);
    if (mtc_tai_append(&tai, component))
      return mtc_fail(error, MTC_INPUT, "trust anchor ID \"%.*s\" is longer than %d bytes", len,
                      shown, MTC_TAI_MAX_LEN);
    start = i + 1;
  }
  *out = tai;
  return MTC_OK;
}

/* Reads one base-128 component from `bytes` at *at. */
static bool read_component(const uint8_t *bytes, size_t len, size_t *at, uint64_t *out) {
  uint64_t value = 0;
  if (*at < len && bytes[*at] == 0x80) return false;
  for (size_t i = *at; i < len; i++) {
    if (value > MAX_COMPONENT >> 7) return false;
    value = value << 7 | (bytes[i] & 0x7f);
    if (bytes[i] < 0x80) {
      *at = i + 1;
      *out = value;
      return true;
    }
  }
  return false;
}

mtc_status mtc_tai_decode(struct mtc_span binary, struct mtc_tai *out, struct mtc_error *error) {
  uint64_t component;
  if (binary.len == 0 || binary.len > MTC_TAI_MAX_LEN)
    return mtc_fail(error, MTC_INPUT, "a trust anchor ID of %zu bytes; 1 to %d are allowed",
                    binary.len, MTC_TAI_MAX_LEN);
  for (size_t at = 0; at < binary.len;) {
    size_t start = at;
    if (!read_component(binary.data, binary.len, &at, &component))
      return mtc_fail(
          error, MTC_INPUT,
          "the trust anchor ID's component at byte %zu is cut off, not minimal or above "
          "2^63-1",
          start);
  }
  out->len = (uint8_t)binary.len;
  memset(out->bytes, 0, sizeof out->bytes);
  memcpy(out->bytes, binary.data, binary.len);
  return MTC_OK;
}

void mtc_tai_format(const struct mtc_tai *tai, char out_text[MTC_TAI_MAX_TEXT]) {
  size_t used = 0;
  uint64_t component;
  out_text[0] = 0;
  for (size_t at = 0; at < tai->len && read_component(tai->bytes, tai->len, &at, &component);)
    used += (size_t)snprintf(out_text + used, MTC_TAI_MAX_TEXT - used, "%s%" PRIu64,
                             used ? "." : "", component);
}

mtc_status mtc_tai_log_id(const struct mtc_tai *ca_id, uint64_t log_number, struct mtc_tai *out) {
  struct mtc_tai tai = *ca_id;
  if (log_number < 1 || log_number > 65535) return MTC_INPUT;
  if (mtc_tai_append(&tai, 0) || mtc_tai_append(&tai, log_number)) return MTC_INPUT;
  *out = tai;
  return MTC_OK;
}

int mtc_tai_compare(const struct mtc_tai *a, const struct mtc_tai *b) {
  if (a->len != b->len) return a->len < b->len ? -1 : 1;
  return memcmp(a->bytes, b->bytes, a->len);
}

void mtc_tai_append_origin(const struct mtc_tai *tai, struct mtc_bytes *out) {
  char text[MTC_TAI_MAX_TEXT];
  mtc_tai_format(tai, text);
  mtc_bytes_append_text(out, "oid/1.3.6.1.4.1.");
  mtc_bytes_append_text(out, text);
}

/* Name -> RDNSequence of one SET of one {id-rdna-trustAnchorID, UTF8String or RELATIVE-OID}. */
void mtc_tai_append_name(const struct mtc_wire *wire, const struct mtc_tai *tai,
                         struct mtc_bytes *out) {
  size_t name = mtc_der_open(out, MTC_DER_SEQUENCE);
  size_t rdn = mtc_der_open(out, MTC_DER_SET);
  size_t attribute = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, wire->name_attribute);
  if (wire->name_is_text) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(tai, text);
    mtc_der_append(out, MTC_DER_UTF8_STRING, mtc_span_of_text(text));
  } else {
    mtc_der_append(out, MTC_DER_RELATIVE_OID, mtc_span_of(tai->bytes, tai->len));
  }
  mtc_der_close(out, attribute);
  mtc_der_close(out, rdn);
  mtc_der_close(out, name);
}

mtc_status mtc_tai_of_name(const struct mtc_wire *wire, struct mtc_span name, struct mtc_tai *out,
                           struct mtc_error *error) {
  struct mtc_der sequence, rdn, attribute, value;
  struct mtc_span type;
  struct mtc_reader reader;
  if (!mtc_der_whole(name, MTC_DER_SEQUENCE, &sequence) ||
      !mtc_der_whole(sequence.contents, MTC_DER_SET, &rdn) ||
      !mtc_der_whole(rdn.contents, MTC_DER_SEQUENCE, &attribute))
    goto other;
  reader = mtc_der_enter(&attribute);
  if (!mtc_read_span(&reader, wire->name_attribute.len, &type) ||
      !mtc_span_equal(type, wire->name_attribute))
    goto other;
  if (wire->name_is_text) {
    if (!mtc_der_read(&reader, MTC_DER_UTF8_STRING, &value) || reader.len) goto other;
    return mtc_tai_parse(value.contents, out, error);
  }
  if (!mtc_der_read(&reader, MTC_DER_RELATIVE_OID, &value) || reader.len) goto other;
  return mtc_tai_decode(value.contents, out, error);
other:
  return mtc_fail(error, MTC_INPUT, "the name is not a CA ID in the form of %s", wire->name);
}
