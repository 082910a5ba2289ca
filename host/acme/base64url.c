/* Strict base64url (RFC 7515, "Terminology"): the alphabet with - and _, no padding. */
#include <jose/b64.h>

#include "acme/jws.h"

void acme_append_base64url(struct mtc_bytes *out, struct mtc_span bytes) {
  if (bytes.len == 0) return;
  if (bytes.len > SIZE_MAX / 4) {
    out->failed = true;
    return;
  }
  size_t len = (bytes.len * 4 + 2) / 3;
  uint8_t *room = mtc_bytes_reserve(out, len);
  if (!room) return;
  if (jose_b64_enc_buf(bytes.data, bytes.len, room, len) == len)
    out->len += len;
  else
    out->failed = true;
}

/* 64: none. The library's decoder looks each character up with a search; a CSR has a thousand. */
static unsigned value_of(uint8_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
  if (c >= '0' && c <= '9') return c - '0' + 52u;
  if (c == '-') return 62;
  return c == '_' ? 63 : 64;
}

/* Bits of the last character that stand for no byte must be zero: were they free, one signature
 * would have several texts. */
bool acme_append_decoded_base64url(struct mtc_bytes *out, struct mtc_span text) {
  if (text.len == 0) return true;
  if (text.len > SIZE_MAX / 4 || text.len % 4 == 1) return false;
  uint8_t *room = mtc_bytes_reserve(out, text.len / 4 * 3 + 2);
  if (!room) return true; /* `failed` says so */
  uint32_t bits = 0;
  unsigned num_bits = 0;
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned value = value_of(text.data[i]);
    if (value > 63) return false;
    bits = (bits << 6 | value) & 0xffff;
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    room[len++] = (uint8_t)(bits >> num_bits);
  }
  if (bits & ((1u << num_bits) - 1)) return false;
  out->len += len;
  return true;
}
