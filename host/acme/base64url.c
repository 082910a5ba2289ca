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

/* Each character's value and 1; 0: it is none. A CSR has a thousand, which the library's decoder
 * would search for one by one. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

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
    unsigned value = values[text.data[i]];
    if (!value) return false;
    bits = (bits << 6 | (value - 1)) & 0xffff;
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    room[len++] = (uint8_t)(bits >> num_bits);
  }
  if (bits & ((1u << num_bits) - 1)) return false;
  out->len += len;
  return true;
}
