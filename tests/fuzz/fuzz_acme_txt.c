/* TXT record data: the strings joined, in bounds; and what of it is shown to a person. */
#include "acme/excerpt.h"
#include "acme/txt.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  uint8_t text[ACME_MAX_TXT_LEN];
  char shown[ACME_EXCERPT_LEN];
  size_t text_len = 0, at = 0, num = 0;
  bool read = acme_txt_read(mtc_span_of(data, len), text, &text_len);
  assert(text_len <= sizeof text);
  bool whole = len > 0;
  while (whole && at < len) {
    size_t part = data[at++];
    whole = part <= len - at;
    for (size_t i = 0; whole && i < part && num < sizeof text; i++, num++)
      assert(text[num] == data[at + i]);
    if (whole) at += part;
  }
  assert(read == whole);
  if (read) assert(num == text_len);
  acme_excerpt(mtc_span_of(data, len), shown);
  size_t shown_len = strnlen(shown, sizeof shown);
  assert(shown_len < sizeof shown && (shown_len > 0) == (len > 0));
  for (size_t i = 0; i < shown_len; i++)
    assert(shown[i] >= 0x20 && shown[i] < 0x7f && shown[i] != '"');
  return 0;
}
