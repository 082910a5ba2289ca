/* Subjects: what `openssl req -subj` writes, and what people are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/entry.h"

static void expect(const char *text, const char *hex, const char *shown) {
  struct mtc_bytes name = {0}, wanted = {0};
  struct mtc_error error = {""};
  char buffer[MTC_SUBJECT_TEXT];
  if (mtc_subject_parse(text, &name, &error)) fail_msg("%s: %s", text, error.text);
  assert_int_equal(mtc_bytes_append_decoded_hex(&wanted, mtc_span_of_text(hex)), MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&name), mtc_span_of_bytes(&wanted)));
  assert_int_equal(mtc_subject_check(mtc_span_of_bytes(&name), &error), MTC_OK);
  assert_string_equal(mtc_subject_format(mtc_span_of_bytes(&name), buffer), shown);
  mtc_bytes_free(&name);
  mtc_bytes_free(&wanted);
}

/* The bytes are those of `openssl req -subj` 3.5. */
static void as_openssl_writes_them(void **state) {
  (void)state;
  expect("/", "3000", "(empty)");
  expect("/CN=www", "300e310c300a06035504030c03777777", "CN=www");
  expect("/C=UK/CN=a", "3019310b300906035504061302554b310a300806035504030c0161", "CN=a,C=UK");
  expect("/O=a+CN=b", "30163114300806035504030c01623008060355040a0c0161", "O=a+CN=b");
  expect("/CN=a\\/b\\\\", "300f310d300b06035504030c04612f625c", "CN=a/b\\\\");
  expect("/CN=\xc3\xa9", "300d310b300906035504030c02c3a9", "CN=\\C3\\A9");
  expect("/1.2.3=x", "300b3109300706022a030c0178", "1.2.3=#0C0178");
}

static void refused(const char *text, const char *why) {
  struct mtc_bytes name = {0};
  struct mtc_error error = {""};
  assert_int_equal(mtc_subject_parse(text, &name, &error), MTC_INPUT);
  if (!strstr(error.text, why)) fail_msg("%s: %s", text, error.text);
  assert_int_equal(name.len, 0);
  mtc_bytes_free(&name);
}

static void what_is_no_subject_is_refused(void **state) {
  (void)state;
  static char long_value[8192] = "/O=";
  memset(long_value + 3, 'a', sizeof long_value - 4);
  refused("", "does not begin with /");
  refused("CN=www", "does not begin with /");
  refused("/CN", "is not TYPE=VALUE");
  refused("/CN=", "has no value");
  refused("/CN=a/", "is not TYPE=VALUE");
  refused("//CN=a", "is not TYPE=VALUE");
  refused("/CN=a\\", "has no value");
  refused("/nosuchtype=a", "nosuchtype=a");
  refused("/C=much too long", "C=much too long");
  refused("/CN=\xff", "CN=");
  refused(long_value, "too long");
}

static void bytes_are_checked(void **state) {
  (void)state;
  static const uint8_t trailing[] = {0x30, 0, 0}, integer[] = {2, 1, 0}, cut[] = {0x30, 5, 0x31},
                       empty_set[] = {0x30, 2, 0x31, 0};
  uint8_t large[MTC_MAX_SUBJECT_LEN + 1] = {0x30};
  struct mtc_error error = {""};
  char shown[MTC_SUBJECT_TEXT];
  assert_int_equal(mtc_subject_check(mtc_span_of(NULL, 0), &error), MTC_INPUT);
  assert_int_equal(mtc_subject_check(mtc_span_of(trailing, sizeof trailing), &error), MTC_INPUT);
  assert_int_equal(mtc_subject_check(mtc_span_of(integer, sizeof integer), &error), MTC_INPUT);
  assert_int_equal(mtc_subject_check(mtc_span_of(cut, sizeof cut), &error), MTC_INPUT);
  assert_int_equal(mtc_subject_check(mtc_span_of(empty_set, sizeof empty_set), &error), MTC_INPUT);
  assert_int_equal(mtc_subject_check(mtc_span_of(large, sizeof large), &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "4097 bytes"));
  assert_string_equal(mtc_subject_format(mtc_span_of(cut, sizeof cut), shown), "#300531");
  (void)mtc_subject_format(mtc_span_of(large, sizeof large), shown);
  assert_int_equal(strlen(shown), MTC_SUBJECT_TEXT - 1);
  assert_string_equal(shown + MTC_SUBJECT_TEXT - 4, "...");
  assert_string_equal(mtc_subject_format(mtc_span_of(NULL, 0), shown), "(unreadable)");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_openssl_writes_them),
                                     cmocka_unit_test(what_is_no_subject_is_refused),
                                     cmocka_unit_test(bytes_are_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
