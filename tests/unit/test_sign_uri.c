/* PKCS#11 URIs and PIN files: what is understood, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/pin.h"
#include "sign/uri.h"

static void a_key_is_named_by_token_and_object(void **state) {
  (void)state;
  struct mtc_key_uri uri;
  struct mtc_error error = {0};
  assert_int_equal(mtc_key_uri_parse("pkcs11:token=My%20CA;serial=12ab;manufacturer=Acme;model=X1;"
                                     "object=root%3B1;id=%01%FF%00;type=private"
                                     "?pin-source=file:/run/pin",
                                     &uri, &error),
                   MTC_OK);
  assert_string_equal(uri.token, "My CA");
  assert_string_equal(uri.serial, "12ab");
  assert_string_equal(uri.manufacturer, "Acme");
  assert_string_equal(uri.model, "X1");
  assert_string_equal(uri.object, "root;1");
  assert_int_equal(uri.id_len, 3);
  assert_memory_equal(uri.id, "\x01\xFF\x00", 3);
  assert_string_equal(uri.pin_source, "file:/run/pin");
  assert_string_equal(uri.pin_value, "");

  assert_int_equal(mtc_key_uri_parse("pkcs11:token=t;id=%0A?pin-value=1234", &uri, &error), MTC_OK);
  assert_string_equal(uri.object, "");
  assert_string_equal(uri.serial, "");
  assert_int_equal(uri.id_len, 1);
  assert_string_equal(uri.pin_value, "1234");
  assert_string_equal(uri.module_path, "");
  assert_int_equal(
      mtc_key_uri_parse("pkcs11:token=t;object=o?pin-source=file:/p&module-path=/a%20b.so", &uri,
                        &error),
      MTC_OK);
  assert_string_equal(uri.module_path, "/a b.so");
  const char *module;
  assert_int_equal(mtc_key_uri_module(&uri, NULL, &module, &error), MTC_OK);
  assert_string_equal(module, "/a b.so");
  assert_int_equal(mtc_key_uri_module(&uri, "", &module, &error), MTC_OK);
  assert_string_equal(module, "/a b.so");
  assert_int_equal(mtc_key_uri_module(&uri, "/given.so", &module, &error), MTC_OK);
  assert_string_equal(module, "/given.so");
  mtc_key_uri_wipe(&uri);
  assert_string_equal(uri.pin_value, "");

  assert_true(mtc_key_is_uri("pkcs11:token=t"));
  assert_true(mtc_key_is_uri("PKCS11:token=t"));
  assert_false(mtc_key_is_uri("/etc/pkcs11:key.pem"));
}

/* A mistyped URI must not become the name of a file with a key in it. */
static void a_key_and_what_is_beside_it_fit(void **state) {
  (void)state;
  static const struct {
    const char *key, *module, *pin_source;
    const char *expected; /* NULL: fits */
  } cases[] = {
      {"pkcs11:token=t;object=o", "/m.so", NULL, NULL},
      {"PKCS11:token=t;object=o", "/m.so", "file:/pin", NULL},
      {"/etc/ca.key", NULL, NULL, NULL},
      {"/etc/ca.key", "", "", NULL},
      {"pkcs11:token=t;object=o?module-path=/m.so", NULL, NULL, NULL},
      {"pkcs11:token=t;object=o?module-path=/m.so", "/n.so", NULL, NULL},
      {"pkcs11:token=t;object=o", NULL, NULL, "needs its module"},
      {"PKCS11:token=t;object=o", "", NULL, "needs its module"},
      {"pkcs11:token=t;objekt=o", "/m.so", NULL, "unknown attribute"},
      {"pkcs11;token=t;object=o", "/m.so", NULL, "looks like"},
      {"Pkcs11/token=t;object=o", NULL, NULL, "looks like"},
      {"token=t;object=o?pin-value=SECRET", NULL, NULL, "looks like"},
      {"/etc/ca.key", "/m.so", NULL, "is a path"},
      {"/etc/ca.key", NULL, "file:/pin", "is a path"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_error error = {0};
    mtc_status status = mtc_key_check(cases[i].key, cases[i].module, cases[i].pin_source, &error);
    assert_int_equal(status, cases[i].expected ? MTC_INPUT : MTC_OK);
    if (cases[i].expected && !strstr(error.text, cases[i].expected)) fail_msg("%s", error.text);
    if (strstr(error.text, "SECRET")) fail_msg("a PIN is shown: %s", error.text);
  }
}

static void a_uri_that_could_mean_another_key_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *expected;
  } cases[] = {
      {"token=t;object=o", "begins with"},
      {"pkcs11:", "no token="},
      {"pkcs11:object=o", "no token="},
      {"pkcs11:token=;object=o", "no token="},
      {"pkcs11:token=t", "no object="},
      {"pkcs11:token=t;object=;id=", "no object="},
      {"pkcs11:token=t;object=o;serail=1", "unknown attribute \"serail\""},
      {"pkcs11:token=t;object=o;x-vendor=1", "unknown attribute \"x-vendor\""},
      {"pkcs11:token=t;object=o;Serial=1", "unknown attribute \"Serial\""},
      {"pkcs11:token=t;object=o; serial=1", "unknown attribute \" serial\""},
      {"pkcs11:token=t;object=o;;serial=1", "unknown attribute \"\""},
      {"pkcs11:token=t;object=o?pin_source=file:/p", "unknown attribute \"pin_source\""},
      {"pkcs11:token=t;object=o?pin-source=file:/p&x-a=1", "unknown attribute \"x-a\""},
      {"pkcs11:token=t;token=u;object=o", "token is given twice"},
      {"pkcs11:token=t;object=o?pin-source=file:/a&pin-source=file:/b",
       "pin-source is given twice"},
      {"pkcs11:token=t;object=o?pin-source=file:/a&pin-value=1", "both pin-source and pin-value"},
      {"pkcs11:token=t;object=o?pin-value=", "pin-value is empty"},
      {"pkcs11:token=t;object=o;slot-id=0", "slots move"},
      {"pkcs11:token=t;object=o;slot-description=a", "slots move"},
      {"pkcs11:token=t;object=o;library-version=1", "named by its path"},
      {"pkcs11:token=t;object=o?module-name=m", "named by its path"},
      {"pkcs11:token=t;object=o;module-path=/m.so", "unknown attribute \"module-path\""},
      {"pkcs11:token=t;object=o?module-path=m.so", "absolute path"},
      {"pkcs11:token=t;object=o?module-path=/a&module-path=/b", "module-path is given twice"},
      {"pkcs11:token=t;object=o?module-path=/a%0A", "control byte"},
      {"pkcs11:token=t;object=o;type=public", "type must be private"},
      {"pkcs11:token=t;object=o;type=cert", "type must be private"},
      {"pkcs11:token=t;object=%zz", "PKCS#11 URI: "},
      {"pkcs11:token=t;object=%0", "PKCS#11 URI: "},
      {"pkcs11:token=t;object=a%0Ab", "control byte"},
      {"pkcs11:token=t;object=a%00b", "control byte"},
      {"pkcs11:token=123456789012345678901234567890123;object=o", "PKCS#11 URI: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_key_uri uri;
    struct mtc_error error = {0};
    if (mtc_key_uri_parse(cases[i].text, &uri, &error) != MTC_INPUT) {
      fail_msg("accepted: %s", cases[i].text);
    }
    if (!strstr(error.text, cases[i].expected)) {
      fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, error.text, cases[i].expected);
    }
  }
}

static void lengths_are_bounded(void **state) {
  (void)state;
  struct mtc_key_uri uri;
  struct mtc_error error = {0};
  char text[5000];
  (void)snprintf(text, sizeof text, "pkcs11:token=t;object=%0255d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_OK);
  assert_int_equal(strlen(uri.object), 255);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;object=%0256d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_INPUT);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;id=%064d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_OK);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;id=%065d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_INPUT);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;object=o?pin-value=%0256d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_INPUT);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;object=o?pin-source=file:/%01024d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_INPUT);
  (void)snprintf(text, sizeof text, "pkcs11:token=t;object=o?pin-source=file:/%04900d", 0);
  assert_int_equal(mtc_key_uri_parse(text, &uri, &error), MTC_INPUT);
}

static void errors_never_repeat_a_pin(void **state) {
  (void)state;
  struct mtc_key_uri uri;
  struct mtc_error error = {0};
  assert_int_equal(
      mtc_key_uri_parse("pkcs11:token=t;object=o?pin-value=s3cret&pin-value=s3cret", &uri, &error),
      MTC_INPUT);
  assert_null(strstr(error.text, "s3cret"));
  assert_int_equal(mtc_key_uri_parse("pkcs11:object=o?pin-value=s3cret", &uri, &error), MTC_INPUT);
  assert_null(strstr(error.text, "s3cret"));
  assert_string_equal(uri.pin_value, "");
}

static char folder[64], path[128], source[160];

static int make_folder(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/pin", folder);
  (void)snprintf(source, sizeof source, "file:%s", path);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(folder);
}

static void write_pin(const void *text, size_t len, unsigned mode) {
  struct mtc_error error = {0};
  assert_int_equal(mtc_file_write_atomic(path, mtc_span_of(text, len), mode, &error), MTC_OK);
}

static void expect_pin(const char *text, const char *expected) {
  struct mtc_pin pin;
  struct mtc_error error = {0};
  write_pin(text, strlen(text), 0600);
  assert_int_equal(mtc_pin_read(source, &pin, &error), MTC_OK);
  assert_string_equal(pin.text, expected);
  assert_int_equal(pin.len, strlen(expected));
  mtc_pin_wipe(&pin);
  assert_int_equal(pin.len, 0);
}

static void one_line_end_is_not_part_of_a_pin(void **state) {
  (void)state;
  expect_pin("1234", "1234");
  expect_pin("1234\n", "1234");
  expect_pin("1234\r\n", "1234");
  expect_pin(" 12 34 \n", " 12 34 ");
  struct mtc_pin pin;
  struct mtc_error error = {0};
  char with_slashes[192];
  (void)snprintf(with_slashes, sizeof with_slashes, "file://%s", path);
  assert_int_equal(mtc_pin_read(with_slashes, &pin, &error), MTC_OK);
  char longest[MTC_PIN_MAX_LEN + 2];
  memset(longest, '7', sizeof longest);
  longest[MTC_PIN_MAX_LEN] = '\n';
  write_pin(longest, MTC_PIN_MAX_LEN + 1, 0400);
  assert_int_equal(mtc_pin_read(source, &pin, &error), MTC_OK);
  assert_int_equal(pin.len, MTC_PIN_MAX_LEN);
}

static void expect_refusal(mtc_status expected, const char *text) {
  struct mtc_pin pin;
  struct mtc_error error = {0};
  assert_int_equal(mtc_pin_read(source, &pin, &error), expected);
  if (!strstr(error.text, text)) fail_msg("\"%s\" lacks \"%s\"", error.text, text);
}

static void a_pin_that_others_can_read_is_refused(void **state) {
  (void)state;
  write_pin("1234", 4, 0640);
  expect_refusal(MTC_INPUT, "mode 0640");
  write_pin("1234", 4, 0604);
  expect_refusal(MTC_INPUT, "mode 0604");
  write_pin("1234", 4, 0620);
  expect_refusal(MTC_INPUT, "mode 0620");
  /* systemd's access list shows up as group bits. */
  assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
  struct mtc_pin pin;
  struct mtc_error error = {0};
  write_pin("1234", 4, 0440);
  assert_int_equal(mtc_pin_read(source, &pin, &error), MTC_OK);
  write_pin("1234", 4, 0444);
  expect_refusal(MTC_INPUT, "mode 0444");
  assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void what_is_no_pin_is_refused(void **state) {
  (void)state;
  write_pin("", 0, 0600);
  expect_refusal(MTC_INPUT, "1 to 255");
  write_pin("\n", 1, 0600);
  expect_refusal(MTC_INPUT, "1 to 255");
  write_pin("12\00034", 5, 0600);
  expect_refusal(MTC_INPUT, "1 to 255");
  char too_long[MTC_PIN_MAX_LEN + 1];
  memset(too_long, '7', sizeof too_long);
  write_pin(too_long, sizeof too_long, 0600);
  expect_refusal(MTC_INPUT, "1 to 255");
  assert_int_equal(unlink(path), 0);
  expect_refusal(MTC_IO, "No such file");
  assert_int_equal(mkfifo(path, 0600), 0);
  expect_refusal(MTC_INPUT, "not a regular file");
  struct mtc_pin pin;
  struct mtc_error error = {0};
  assert_int_equal(mtc_pin_read("file:relative", &pin, &error), MTC_INPUT);
  assert_int_equal(mtc_pin_read("|cat /etc/pin", &pin, &error), MTC_INPUT);
  assert_int_equal(mtc_pin_read(path, &pin, &error), MTC_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_and_what_is_beside_it_fit),
      cmocka_unit_test(a_key_is_named_by_token_and_object),
      cmocka_unit_test(a_uri_that_could_mean_another_key_is_refused),
      cmocka_unit_test(lengths_are_bounded),
      cmocka_unit_test(errors_never_repeat_a_pin),
      cmocka_unit_test(one_line_end_is_not_part_of_a_pin),
      cmocka_unit_test(a_pin_that_others_can_read_is_refused),
      cmocka_unit_test(what_is_no_pin_is_refused),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
