/* Bounded readers and builders, text codecs, SHA-256. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/digest.h"
#include "mtc/runtime.h"

static void prefixes_nest_and_overflow(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  size_t outer = mtc_bytes_open_prefix(&bytes, 2);
  size_t inner = mtc_bytes_open_prefix(&bytes, 1);
  mtc_bytes_append_text(&bytes, "abc");
  mtc_bytes_close_prefix(&bytes, inner, 1);
  mtc_bytes_close_prefix(&bytes, outer, 2);
  assert_int_equal(mtc_bytes_status(&bytes), MTC_OK);
  assert_int_equal(bytes.len, 6);
  assert_memory_equal(bytes.data, "\0\4\3abc", 6);
  mtc_bytes_clear(&bytes);
  size_t short_prefix = mtc_bytes_open_prefix(&bytes, 1);
  for (int i = 0; i < 256; i++)
    mtc_bytes_append(&bytes, "x", 1);
  mtc_bytes_close_prefix(&bytes, short_prefix, 1);
  assert_int_equal(mtc_bytes_status(&bytes), MTC_NOMEM);
  mtc_bytes_free(&bytes);
}

static void integers_that_do_not_fit_fail(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  mtc_bytes_append_uint(&bytes, UINT64_C(0x0102030405060708), 8);
  assert_memory_equal(bytes.data, "\1\2\3\4\5\6\7\10", 8);
  mtc_bytes_append_uint(&bytes, 65536, 2);
  assert_true(bytes.failed);
  mtc_bytes_free(&bytes);
}

static void reads_past_the_end_consume_nothing(void **state) {
  (void)state;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of("\0\5abcd", 6));
  struct mtc_span span;
  uint64_t value;
  assert_false(mtc_read_prefixed(&reader, 2, &span));
  assert_int_equal(reader.len, 6);
  assert_false(mtc_read_uint(&reader, 7, &value));
  assert_true(mtc_read_uint(&reader, 2, &value));
  assert_int_equal(value, 5);
  assert_false(mtc_read_span(&reader, 5, &span));
  assert_true(mtc_read_span(&reader, 4, &span));
  assert_true(mtc_span_equal(span, mtc_span_of_text("abcd")));
}

static void decimals_are_canonical(void **state) {
  (void)state;
  uint64_t value;
  static const char *const bad[] = {"",   "01", "+1", "-1", " 1", "1 ", "18446744073709551616",
                                    "1a", "00"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(mtc_parse_decimal(mtc_span_of_text(bad[i]), UINT64_MAX, &value));
  assert_true(mtc_parse_decimal(mtc_span_of_text("18446744073709551615"), UINT64_MAX, &value));
  assert_true(value == UINT64_MAX);
  assert_true(mtc_parse_decimal(mtc_span_of_text("0"), 0, &value));
  assert_false(mtc_parse_decimal(mtc_span_of_text("6"), 5, &value));
}

static void base64_is_strict(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  static const char *const bad[] = {
      "A", "AA", "AA=", "AB==", "A===", "AA==\n", " AA==", "AA==AA=="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(mtc_bytes_append_decoded_base64(&bytes, mtc_span_of_text(bad[i])), MTC_INPUT);
    assert_int_equal(bytes.len, 0);
  }
  assert_int_equal(mtc_bytes_append_decoded_base64(&bytes, mtc_span_of_text("AP8Q")), MTC_OK);
  assert_memory_equal(bytes.data, "\0\xff\x10", 3);
  struct mtc_bytes text = {0};
  mtc_bytes_append_base64(&text, mtc_span_of_bytes(&bytes));
  assert_true(mtc_span_equal(mtc_span_of_bytes(&text), mtc_span_of_text("AP8Q")));
  mtc_bytes_free(&text);
  mtc_bytes_free(&bytes);
}

static void hashes_match_known_answers(void **state) {
  (void)state;
  struct mtc_hash hash;
  struct mtc_bytes hex = {0};
  mtc_hash_leaf(mtc_span_of("", 0), &hash);
  mtc_bytes_append_hex(&hex, mtc_span_of(hash.bytes, sizeof hash.bytes));
  assert_true(mtc_span_equal(
      mtc_span_of_bytes(&hex),
      mtc_span_of_text("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")));
  mtc_bytes_free(&hex);
}

static void an_allocation_that_fails_sticks(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  mtc_alloc_fail_after(0);
  mtc_bytes_append_text(&bytes, "lost");
  mtc_alloc_fail_after(-1);
  mtc_bytes_append_text(&bytes, "also lost");
  assert_int_equal(mtc_bytes_status(&bytes), MTC_NOMEM);
  assert_int_equal(bytes.len, 0);
  mtc_bytes_free(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(prefixes_nest_and_overflow),
      cmocka_unit_test(integers_that_do_not_fit_fail),
      cmocka_unit_test(reads_past_the_end_consume_nothing),
      cmocka_unit_test(decimals_are_canonical),
      cmocka_unit_test(base64_is_strict),
      cmocka_unit_test(hashes_match_known_answers),
      cmocka_unit_test(an_allocation_that_fails_sticks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
