/* Files, YAML errors, the clock. */
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
#include "mtc/yaml.h"

static char folder[64];

static int make_folder(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name) {
  static char path[512];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_text(const char *name, const char *text) {
  struct mtc_error error = {0};
  assert_int_equal(mtc_file_write_atomic(in_folder(name), mtc_span_of_text(text), 0600, &error),
                   MTC_OK);
}

static void files_are_replaced_whole(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  struct mtc_error error = {0};
  write_text("file", "old");
  write_text("file", "new content");
  assert_int_equal(mtc_file_read(in_folder("file"), 11, &bytes, &error), MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&bytes), mtc_span_of_text("new content")));
  struct stat info;
  assert_int_equal(stat(in_folder("file"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  mtc_bytes_clear(&bytes);
  assert_int_equal(mtc_file_read(in_folder("file"), 10, &bytes, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "larger than 10"));
  assert_int_equal(mtc_file_read(folder, 10, &bytes, &error), MTC_INPUT);
  assert_int_equal(mtc_file_read(in_folder("none"), 10, &bytes, &error), MTC_IO);
  assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
  assert_int_equal(mtc_file_read(in_folder("fifo"), 10, &bytes, &error), MTC_INPUT);
  mtc_bytes_free(&bytes);
}

static void expect_refused(const char *name, const char *text) {
  struct mtc_error error = {0};
  struct stat before, after;
  assert_int_equal(lstat(in_folder(name), &before), 0);
  assert_int_equal(mtc_file_write_atomic(in_folder(name), mtc_span_of_text("x"), 0600, &error),
                   MTC_IO);
  if (!strstr(error.text, text)) fail_msg("\"%s\" lacks \"%s\"", error.text, text);
  assert_int_equal(mtc_file_write_unsynced(in_folder(name), mtc_span_of_text("x"), 0600, &error),
                   MTC_IO);
  assert_int_equal(lstat(in_folder(name), &after), 0);
  assert_int_equal(before.st_ino, after.st_ino);
  assert_int_equal(before.st_mode, after.st_mode);
}

/* What is there and is no regular file stays; a symbolic link's target is what is written. */
static void only_regular_files_are_replaced(void **state) {
  (void)state;
  struct mtc_bytes bytes = {0};
  struct mtc_error error = {0};
  struct stat info;
  assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
  expect_refused("pipe", "not a regular file");
  assert_int_equal(mkdir(in_folder("subfolder"), 0700), 0);
  expect_refused("subfolder", "not a regular file");
  assert_int_equal(symlink("pipe", in_folder("to-pipe")), 0);
  expect_refused("to-pipe", "not a regular file");
  assert_int_equal(symlink("nowhere", in_folder("to-nowhere")), 0);
  expect_refused("to-nowhere", "cannot follow");

  write_text("subfolder/target", "old");
  assert_int_equal(symlink("subfolder/target", in_folder("link")), 0);
  write_text("link", "new");
  assert_int_equal(lstat(in_folder("link"), &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  assert_int_equal(mtc_file_read(in_folder("subfolder/target"), 3, &bytes, &error), MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&bytes), mtc_span_of_text("new")));
  mtc_bytes_free(&bytes);
}

/* As long as the file system allows, and no longer; nothing temporary stays. */
static void a_name_may_be_as_long_as_any(void **state) {
  (void)state;
  struct mtc_error error = {0};
  char name[8 + 257] = "names/";
  assert_int_equal(mkdir(in_folder("names"), 0700), 0);
  memset(name + 6, 'n', 255);
  write_text(name, "text");
  write_text(name, "again");
  name[6 + 255] = 'n';
  assert_int_equal(mtc_file_write_atomic(in_folder(name), mtc_span_of_text("x"), 0600, &error),
                   MTC_IO);
  name[6 + 255] = 0;
  assert_int_equal(unlink(in_folder(name)), 0);
  assert_int_equal(rmdir(in_folder("names")), 0);
}

static void folders_are_made_with_parents(void **state) {
  (void)state;
  struct mtc_error error = {0};
  assert_int_equal(mtc_make_folders(in_folder("a/b/c"), &error), MTC_OK);
  assert_int_equal(mtc_make_folders(in_folder("a/b/c"), &error), MTC_OK);
  write_text("plain", "");
  assert_int_equal(mtc_make_folders(in_folder("plain"), &error), MTC_IO);
  assert_int_equal(mtc_make_folders("", &error), MTC_INPUT);
}

struct settings {
  unsigned size;
};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_UINT("size", CYAML_FLAG_DEFAULT, struct settings, size),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields),
};

static void expect_yaml_error(const char *text, const char *expected) {
  struct mtc_error error = {0};
  void *out = NULL;
  write_text("bad.yaml", text);
  assert_int_equal(mtc_yaml_load(in_folder("bad.yaml"), &schema, &out, &error), MTC_INPUT);
  assert_null(out);
  if (!strstr(error.text, expected)) fail_msg("\"%s\" lacks \"%s\"", error.text, expected);
}

static void yaml_errors_name_their_line(void **state) {
  (void)state;
  struct mtc_error error = {0};
  void *out = NULL;
  write_text("good.yaml", "# sizes\nsize: 12\n");
  assert_int_equal(mtc_yaml_load(in_folder("good.yaml"), &schema, &out, &error), MTC_OK);
  assert_int_equal(((struct settings *)out)->size, 12);
  mtc_yaml_free(&schema, out);
  expect_yaml_error("size: 1\n\ncolour: red\n", "bad.yaml:3: Unexpected key: colour");
  expect_yaml_error("\nsize: many\n", "bad.yaml:2: size: Invalid");
  expect_yaml_error("", "bad.yaml: the file is empty");
}

static void the_clock_can_be_fixed(void **state) {
  (void)state;
  mtc_clock_set(1234);
  assert_int_equal(mtc_clock_now_ms(), 1234);
  mtc_clock_set(-1);
  assert_true(mtc_clock_now_ms() > 1234);
  int64_t before = mtc_clock_monotonic_ms();
  assert_true(mtc_clock_monotonic_ms() >= before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_replaced_whole),
      cmocka_unit_test(only_regular_files_are_replaced),
      cmocka_unit_test(a_name_may_be_as_long_as_any),
      cmocka_unit_test(folders_are_made_with_parents),
      cmocka_unit_test(yaml_errors_name_their_line),
      cmocka_unit_test(the_clock_can_be_fixed),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
