/* Pieces of what a stranger sent, fit to be shown to a person. */
#include "acme/excerpt.h"

#include <stdio.h>
#include <string.h>

void acme_excerpt(struct mtc_span bytes, char out[ACME_EXCERPT_LEN]) {
  size_t used = 0;
  for (size_t i = 0; i < bytes.len; i++) {
    uint8_t c = bytes.data[i];
    bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    if (used + 8 > ACME_EXCERPT_LEN) { /* "\xNN", "..." and the zero still fit */
      memcpy(out + used, "...", 3);
      used += 3;
      break;
    }
    if (plain)
      out[used++] = (char)c;
    else
      used += (size_t)snprintf(out + used, 5, "\\x%02x", c);
  }
  out[used] = 0;
}

void acme_excerpt_text(const char *text, char out[ACME_EXCERPT_LEN]) {
  acme_excerpt(mtc_span_of_text(text ? text : ""), out);
}
