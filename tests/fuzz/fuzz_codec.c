/* Base64, hexadecimal, decimal: one text for each value, and the other way round. */
#include <ctype.h>
#include <inttypes.h>

#include "fuzz/fuzz.h"

static void check_base64(struct mtc_span input) {
  struct mtc_bytes text = {0}, bytes = {0};
  mtc_bytes_append_base64(&text, input);
  assert(text.len == (input.len + 2) / 3 * 4);
  assert(mtc_bytes_append_decoded_base64(&bytes, mtc_span_of_bytes(&text)) == MTC_OK);
  assert_built(&bytes, input);
  mtc_bytes_clear(&text);
  mtc_bytes_append_text(&bytes, "kept");
  if (mtc_bytes_append_decoded_base64(&bytes, input) == MTC_OK) {
    mtc_bytes_append_base64(&text, mtc_span_of(bytes.data + 4, bytes.len - 4));
    assert_same(mtc_span_of_bytes(&text), input);
  } else {
    assert_same(mtc_span_of_bytes(&bytes), mtc_span_of_text("kept"));
  }
  mtc_bytes_free(&bytes);
  mtc_bytes_free(&text);
}

static void check_hex(struct mtc_span input) {
  struct mtc_bytes text = {0}, bytes = {0};
  mtc_bytes_append_hex(&text, input);
  assert(mtc_bytes_append_decoded_hex(&bytes, mtc_span_of_bytes(&text)) == MTC_OK);
  assert_built(&bytes, input);
  mtc_bytes_clear(&text);
  mtc_bytes_append_text(&bytes, "kept");
  if (mtc_bytes_append_decoded_hex(&bytes, input) == MTC_OK) {
    mtc_bytes_append_hex(&text, mtc_span_of(bytes.data + 4, bytes.len - 4));
    assert(text.len == input.len);
    for (size_t i = 0; i < text.len; i++)
      assert(text.data[i] == tolower(input.data[i]));
  } else {
    assert_same(mtc_span_of_bytes(&bytes), mtc_span_of_text("kept"));
  }
  mtc_bytes_free(&bytes);
  mtc_bytes_free(&text);
}

static void check_decimal(struct mtc_span input) {
  uint64_t value, same;
  char text[24];
  if (!mtc_parse_decimal(input, UINT64_MAX, &value)) return;
  (void)snprintf(text, sizeof text, "%" PRIu64, value);
  assert_same(mtc_span_of_text(text), input);
  assert(mtc_parse_decimal(input, value, &same) && same == value);
  assert(!value || !mtc_parse_decimal(input, value - 1, &same));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  check_base64(input);
  check_hex(input);
  check_decimal(input);
  return 0;
}
