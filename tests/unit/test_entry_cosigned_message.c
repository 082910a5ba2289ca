/* The bytes that a cosigner signs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "support/vector_file.h"

static struct mtc_tai tai_of(const char *text) {
  struct mtc_tai tai;
  assert_int_equal(mtc_tai_parse(mtc_span_of_text(text), &tai, NULL), MTC_OK);
  return tai;
}

static uint64_t number(struct mtc_span text) {
  uint64_t value;
  assert_true(mtc_parse_decimal(text, UINT64_MAX, &value));
  return value;
}

static void vectors_match(void **state) {
  (void)state;
  struct mtc_tai cosigner = tai_of("32473.1"), log_id;
  assert_int_equal(mtc_tai_log_id(&cosigner, 1, &log_id), MTC_OK);
  struct mtc_hash hash;
  for (uint8_t i = 0; i < sizeof hash.bytes; i++)
    hash.bytes[i] = i;
  struct mtc_bytes file = read_vector("encode/cosigned-message.txt");
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  struct mtc_span line;
  unsigned num = 0;
  while (next_vector(&reader, &line)) {
    if (!is_text(take_field(&line, ' '), "plants-04..07")) continue;
    uint64_t timestamp_s = number(take_field(&line, ' '));
    struct mtc_subtree subtree;
    subtree.start = number(take_field(&line, ' '));
    subtree.end = number(take_field(&line, ' '));
    struct mtc_bytes expected = unhex(take_field(&line, ' ')), message = {0};
    assert_int_equal(
        mtc_cosigned_message_append(&cosigner, &log_id, timestamp_s, subtree, &hash, &message),
        MTC_OK);
    assert_int_equal(message.len, expected.len);
    assert_memory_equal(message.data, expected.data, expected.len);
    mtc_bytes_free(&expected);
    mtc_bytes_free(&message);
    num++;
  }
  assert_int_equal(num, 3);
  mtc_bytes_free(&file);
}

static void nothing_invalid_is_signed(void **state) {
  (void)state;
  struct mtc_tai tai = tai_of("32473.1"), unset = {0};
  struct mtc_hash hash = {0};
  struct mtc_bytes out = {0};
  struct mtc_subtree valid = {8, 12}, invalid = {9, 12}, backward = {12, 8}, whole = {0, 12};
  assert_int_equal(mtc_cosigned_message_append(&tai, &tai, 1, valid, &hash, &out), MTC_INPUT);
  assert_int_equal(mtc_cosigned_message_append(&tai, &tai, 0, invalid, &hash, &out), MTC_INPUT);
  assert_int_equal(mtc_cosigned_message_append(&tai, &tai, 0, backward, &hash, &out), MTC_INPUT);
  assert_int_equal(mtc_cosigned_message_append(&unset, &tai, 0, valid, &hash, &out), MTC_INPUT);
  assert_int_equal(mtc_cosigned_message_append(&tai, &unset, 0, valid, &hash, &out), MTC_INPUT);
  assert_int_equal(
      mtc_cosigned_message_append(&tai, &tai, (uint64_t)INT64_MAX + 1, whole, &hash, &out),
      MTC_INPUT);
  assert_int_equal(out.len, 0);
  assert_int_equal(mtc_cosigned_message_append(&tai, &tai, INT64_MAX, whole, &hash, &out), MTC_OK);
  mtc_bytes_free(&out);
}

/* The longest IDs there can be still fit the one-byte lengths. */
static void longest_names_fit(void **state) {
  (void)state;
  struct mtc_tai tai = {0};
  while (mtc_tai_append(&tai, 127) == MTC_OK) {
  }
  assert_int_equal(tai.len, MTC_TAI_MAX_LEN);
  struct mtc_hash hash = {0};
  struct mtc_bytes out = {0};
  assert_int_equal(
      mtc_cosigned_message_append(&tai, &tai, 0, (struct mtc_subtree){0, 1}, &hash, &out), MTC_OK);
  assert_int_equal(out.data[12], 16 + 32 * 4 - 1);
  mtc_bytes_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vectors_match),
      cmocka_unit_test(nothing_invalid_is_signed),
      cmocka_unit_test(longest_names_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
