/* The checkpoint only ever moves forward. */
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

#include "mtc/publish.h"
#include "mtc/runtime.h"

#define ORIGIN "oid/1.3.6.1.4.1.32473.1.0.7"
#define SIGNATURE "\xe2\x80\x94 oid/1.3.6.1.4.1.32473.1 AAAAAAAA\n"

static char folder[64];

static const char *path_of(const char *name) {
  static char path[128];
  (void)snprintf(path, sizeof path, "%s/7/%s", folder, name);
  return path;
}

static int make_folder(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  char command[96];
  (void)state;
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

/* A note whose root is 32 bytes of `root`. */
static const char *note(const char *origin, const char *size, int root, const char *rest) {
  static char text[512];
  uint8_t bytes[MTC_HASH_LEN];
  struct mtc_bytes base64 = {0};
  memset(bytes, root, sizeof bytes);
  mtc_bytes_append_base64(&base64, mtc_span_of(bytes, sizeof bytes));
  (void)snprintf(text, sizeof text, "%s\n%s\n%.*s\n%s", origin, size, (int)base64.len,
                 (const char *)base64.data, rest);
  mtc_bytes_free(&base64);
  return text;
}

static void expect(const char *text, mtc_status expected) {
  struct mtc_error error = {0};
  mtc_status status = mtc_publish_checkpoint(folder, 7, mtc_span_of_text(text), &error);
  if (status != expected) fail_msg("%s: %s for %s", mtc_status_name(status), error.text, text);
  if (status) assert_int_not_equal(error.text[0], 0);
}

static void expect_file(const char *name, const char *text) {
  struct mtc_bytes found = {0};
  struct mtc_error error = {0};
  assert_int_equal(mtc_file_read(path_of(name), 4096, &found, &error), MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&found), mtc_span_of_text(text)));
  mtc_bytes_free(&found);
}

static void replace_file(const char *text) {
  struct mtc_error error = {0};
  assert_int_equal(
      mtc_file_write_atomic(path_of("checkpoint"), mtc_span_of_text(text), 0644, &error), MTC_OK);
}

static void it_never_goes_back(void **state) {
  (void)state;
  expect(note(ORIGIN, "0", 1, "\n" SIGNATURE), MTC_OK);
  expect(note(ORIGIN, "9", 2, "\n" SIGNATURE), MTC_OK);
  expect(note(ORIGIN, "10", 3, "\n" SIGNATURE), MTC_OK); /* as numbers, not as text */
  expect_file("checkpoint", note(ORIGIN, "10", 3, "\n" SIGNATURE));
  expect(note(ORIGIN, "9", 2, "\n" SIGNATURE), MTC_OK);
  expect_file("checkpoint", note(ORIGIN, "10", 3, "\n" SIGNATURE));
  expect(note(ORIGIN, "10", 3, "\n" SIGNATURE SIGNATURE), MTC_OK); /* a cosignature came */
  expect_file("checkpoint", note(ORIGIN, "10", 3, "\n" SIGNATURE SIGNATURE));
}

static void two_roots_of_one_size_are_refused(void **state) {
  (void)state;
  expect(note(ORIGIN, "10", 3, "\n" SIGNATURE), MTC_OK);
  expect(note(ORIGIN, "10", 4, "\n" SIGNATURE), MTC_CORRUPT);
  expect(note("another.origin", "11", 4, "\n" SIGNATURE), MTC_CORRUPT);
  expect_file("checkpoint", note(ORIGIN, "10", 3, "\n" SIGNATURE));
}

static void what_is_no_checkpoint_is_refused(void **state) {
  (void)state;
  struct stat info;
  expect("", MTC_INPUT);
  expect(ORIGIN "\n", MTC_INPUT);
  expect(ORIGIN "\n10\n", MTC_INPUT);
  expect(ORIGIN "\n10\nAAAA\n\n", MTC_INPUT);
  expect(note("", "10", 3, "\n"), MTC_INPUT);
  expect(note(ORIGIN, "010", 3, "\n"), MTC_INPUT);
  expect(note(ORIGIN, "-1", 3, "\n"), MTC_INPUT);
  expect(note(ORIGIN, "281474976710656", 3, "\n"), MTC_INPUT); /* 2^48 */
  expect(note(ORIGIN, "10", 3, ""), MTC_INPUT);
  expect(note(ORIGIN, "10", 3, "extension line\n\n"), MTC_INPUT);
  assert_int_not_equal(stat(path_of("checkpoint"), &info), 0);
}

static void a_damaged_one_is_kept_for_inspection(void **state) {
  (void)state;
  expect(note(ORIGIN, "10", 3, "\n" SIGNATURE), MTC_OK);
  replace_file("");
  expect(note(ORIGIN, "11", 3, "\n" SIGNATURE), MTC_CORRUPT);
  replace_file(ORIGIN "\n1x\n");
  expect(note(ORIGIN, "11", 3, "\n" SIGNATURE), MTC_CORRUPT);
  expect_file("checkpoint", ORIGIN "\n1x\n");
  assert_int_equal(unlink(path_of("checkpoint")), 0);
  assert_int_equal(mkdir(path_of("checkpoint"), 0755), 0);
  expect(note(ORIGIN, "11", 3, "\n" SIGNATURE), MTC_CORRUPT);
}

static void landmarks_are_replaced(void **state) {
  (void)state;
  struct mtc_error error = {0};
  assert_int_equal(mtc_publish_landmarks(folder, 7, mtc_span_of_text("0 0\n"), &error), MTC_OK);
  assert_int_equal(mtc_publish_landmarks(folder, 7, mtc_span_of_text("1 1\n0 0\n"), &error),
                   MTC_OK);
  expect_file("landmarks", "1 1\n0 0\n");
}

#define PUBLISH_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      PUBLISH_TEST(it_never_goes_back),
      PUBLISH_TEST(two_roots_of_one_size_are_refused),
      PUBLISH_TEST(what_is_no_checkpoint_is_refused),
      PUBLISH_TEST(a_damaged_one_is_kept_for_inspection),
      PUBLISH_TEST(landmarks_are_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
