/* Strict base64url (RFC 7515, "Terminology"): the alphabet with - and _, no padding. */
#include <string.h>

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

/* The bits of the last character that stand for no byte: were they free, one signature would have
 * several texts. */
static bool is_canonical(struct mtc_span text) {
  size_t over = text.len % 4;
  const char *at = strchr(JOSE_B64_MAP, text.data[text.len - 1]);
  if (over == 1 || !at) return false;
  unsigned unused = over == 2 ? 0xf : over == 3 ? 0x3 : 0;
  return ((unsigned)(at - JOSE_B64_MAP) & unused) == 0;
}

static bool is_base64url(struct mtc_span text) {
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
  }
  return true;
}

bool acme_append_decoded_base64url(struct mtc_bytes *out, struct mtc_span text) {
  if (text.len == 0) return true;
  if (text.len > SIZE_MAX / 4 || !is_base64url(text) || !is_canonical(text)) return false;
  size_t len = text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0);
  uint8_t *room = mtc_bytes_reserve(out, len);
  if (!room) return true; /* `failed` says so */
  if (jose_b64_dec_buf(text.data, text.len, room, len) != len) return false;
  out->len += len;
  return true;
}
