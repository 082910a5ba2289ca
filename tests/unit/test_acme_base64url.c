/* base64url against itself and against the rules: every length, every character in every place,
 * every bit that stands for no byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool decodes(const char *text, size_t len, struct mtc_bytes *out) {
  mtc_bytes_clear(out);
  bool is_good = acme_append_decoded_base64url(out, mtc_span_of((const uint8_t *)text, len));
  assert_int_equal(mtc_bytes_status(out), MTC_OK);
  assert_true(is_good || out->len == 0);
  return is_good;
}

static void goes_round(void **state) {
  struct mtc_bytes text = {0}, back = {0};
  uint8_t bytes[70];
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 83 + 0xe7);
  for (size_t len = 0; len <= sizeof bytes; len++) {
    mtc_bytes_clear(&text);
    acme_append_base64url(&text, mtc_span_of(bytes, len));
    assert_true(decodes((const char *)text.data, text.len, &back));
    assert_int_equal(back.len, len);
    if (len) assert_memory_equal(back.data, bytes, len);
  }
  mtc_bytes_free(&text);
  mtc_bytes_free(&back);
}

static void knows_its_alphabet(void **state) {
  struct mtc_bytes back = {0};
  char text[8];
  (void)state;
  for (size_t place = 0; place < 7; place++)
    for (unsigned c = 0; c < 256; c++) {
      memset(text, 'A', sizeof text);
      text[place] = (char)c;
      const char *at = c ? strchr(alphabet, (int)c) : NULL;
      /* Of seven characters the last two bits of the last one stand for nothing. */
      bool is_good = at && (place < 6 || (at - alphabet) % 4 == 0);
      assert_int_equal(decodes(text, 7, &back), is_good);
      if (!is_good) continue;
      uint64_t value = 0;
      uint64_t wanted = (uint64_t)(at - alphabet) << (36 - 6 * place) >> 2;
      for (size_t i = 0; i < back.len; i++)
        value = value << 8 | back.data[i];
      assert_int_equal(back.len, 5);
      assert_int_equal(value, wanted);
    }
  assert_true(decodes("", 0, &back));
  assert_true(decodes("-_8", 3, &back));
  assert_false(decodes("A", 1, &back));
  assert_false(decodes("AAAAA", 5, &back));
  assert_false(decodes("AB", 2, &back));
  assert_false(decodes("AA==", 4, &back));
  mtc_bytes_free(&back);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_round),
      cmocka_unit_test(knows_its_alphabet),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
