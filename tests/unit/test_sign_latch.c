/* The latch file, and latencies: what is remembered, and what a torn or hostile file means. */
#include <pthread.h>
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
#include "sign/latch.h"
#include "sign/latency.h"

static char folder[64], path[128];

static int setup(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/latch", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(folder);
}

static struct mtc_hash identity_of(const char *key, const char *module) {
  struct mtc_hash identity;
  struct mtc_error error = {""};
  if (mtc_latch_identity(key, module, &identity, &error)) fail_msg("%s", error.text);
  return identity;
}

/* Whether a key is latched, and by which words. */
static bool is_latched(const char *key, struct mtc_error *error) {
  struct mtc_hash identity = identity_of(key, "/m.so");
  bool latched = false;
  int fd = -1;
  assert_int_equal(mtc_latch_lock(path, &fd, error), MTC_OK);
  mtc_status status = mtc_latch_check(fd, &identity, &latched, error);
  assert_int_equal(status, latched ? MTC_TOKEN : MTC_OK);
  mtc_latch_unlock(fd);
  return latched;
}

static void set(const char *key, const char *cause) {
  struct mtc_hash identity = identity_of(key, "/m.so");
  struct mtc_error error = {""};
  int fd = -1;
  assert_int_equal(mtc_latch_lock(path, &fd, &error), MTC_OK);
  assert_int_equal(mtc_latch_set(fd, &identity, cause, &error), MTC_OK);
  mtc_latch_unlock(fd);
}

static void a_latched_token_stays_so_until_it_is_cleared(void **state) {
  (void)state;
  struct mtc_error error = {""};
  struct stat info;
  size_t num_lines = 99;
  assert_int_equal(mtc_latch_clear(path, &num_lines, &error), MTC_OK);
  assert_int_equal(num_lines, 0);
  assert_int_equal(access(path, F_OK), -1);
  assert_false(is_latched("pkcs11:token=a;object=o", &error));
  set("pkcs11:token=a;object=o", "PIN\nrefused\x7f");
  assert_true(is_latched("pkcs11:token=a;object=o", &error));
  assert_non_null(strstr(error.text, "PIN refused "));
  /* A PIN is the token's: another of its keys is latched with it, another token is not. */
  assert_true(is_latched("pkcs11:token=a;object=other", &error));
  assert_false(is_latched("pkcs11:token=b;object=o", &error));
  assert_false(is_latched("pkcs11:token=a;serial=1;object=o", &error));
  set("pkcs11:token=b;object=o", "another");
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_int_equal(mtc_latch_clear(path, &num_lines, &error), MTC_OK);
  assert_int_equal(num_lines, 2);
  assert_false(is_latched("pkcs11:token=a;object=o", &error));
}

static void a_file_that_makes_no_sense_latches_everything(void **state) {
  (void)state;
  static const char *const contents[] = {
      "0123",
      "\n",
      "x",
      "0000000000000000000000000000000000000000000000000000000000000000 1 cause, but no line end",
      "000000000000000000000000000000000000000000000000000000000000000g 1 cause\n",
      "0000000000000000000000000000000000000000000000000000000000000000\n",
      "0000000000000000000000000000000000000000000000000000000000000000 1\n",
  };
  struct mtc_error error = {""};
  size_t num_lines;
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    assert_int_equal(mtc_file_write_atomic(path, mtc_span_of_text(contents[i]), 0600, &error),
                     MTC_OK);
    if (!is_latched("pkcs11:token=a;object=o", &error)) fail_msg("content %zu", i);
    assert_non_null(strstr(error.text, "makes no sense"));
  }
  assert_int_equal(mtc_latch_clear(path, &num_lines, &error), MTC_OK);
  assert_false(is_latched("pkcs11:token=a;object=o", &error));
}

static void only_a_plain_file_is_a_latch(void **state) {
  (void)state;
  struct mtc_error error = {""};
  char target[160];
  int fd = -1;
  (void)unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(mtc_latch_lock(path, &fd, &error), MTC_IO);
  assert_int_equal(rmdir(path), 0);
  (void)snprintf(target, sizeof target, "%s/target", folder);
  assert_int_equal(symlink(target, path), 0);
  assert_int_equal(mtc_latch_lock(path, &fd, &error), MTC_IO);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(mtc_latch_lock(path, &fd, &error), MTC_IO);
  assert_non_null(strstr(error.text, path));
  assert_int_equal(unlink(path), 0);
}

/* Each looks, and latches what it found free: who holds the lock is alone. */
static void *look_and_latch(void *count) {
  struct mtc_hash identity = identity_of("pkcs11:token=a;object=o", "/m.so");
  struct mtc_error error = {""};
  bool latched = false;
  int fd = -1;
  if (mtc_latch_lock(path, &fd, &error)) return NULL;
  if (!mtc_latch_check(fd, &identity, &latched, &error)) {
    __atomic_add_fetch((int *)count, 1, __ATOMIC_SEQ_CST);
    if (mtc_latch_set(fd, &identity, "mine", &error)) return NULL;
  }
  mtc_latch_unlock(fd);
  return count;
}

static void one_of_many_gets_the_attempt(void **state) {
  (void)state;
  pthread_t threads[8];
  int count = 0;
  for (int i = 0; i < 8; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, look_and_latch, &count), 0);
  for (int i = 0; i < 8; i++) {
    void *result = NULL;
    assert_int_equal(pthread_join(threads[i], &result), 0);
    assert_non_null(result);
  }
  assert_int_equal(count, 1);
}

static void percentiles_are_right_to_a_bucket(void **state) {
  (void)state;
  struct mtc_latency latency = {0};
  assert_int_equal(mtc_latency_percentile_us(&latency, 500), 0);
  for (int i = 1; i <= 1000; i++)
    mtc_latency_add(&latency, i * 20);
  assert_int_equal(latency.num, 1000);
  assert_int_equal(latency.max_us, 20000);
  assert_int_equal(latency.sum_us, 20 * 1000 * 1001 / 2);
  for (unsigned per_mille = 1; per_mille <= 1000; per_mille++) {
    uint64_t exact = per_mille * 20, found = mtc_latency_percentile_us(&latency, per_mille);
    if (found < exact || found > exact + exact / 4 + 1)
      fail_msg("%u per mille: %llu", per_mille, (unsigned long long)found);
  }
  /* Nothing is outside: each bucket ends where the next begins. */
  for (unsigned i = 1; i < MTC_LATENCY_BUCKETS; i++)
    assert_true(mtc_latency_bucket_end_us(i) > mtc_latency_bucket_end_us(i - 1));
  mtc_latency_add(&latency, -5);
  mtc_latency_add(&latency, INT64_MAX);
  assert_int_equal(latency.counts[0], 1);
  assert_int_equal(latency.counts[MTC_LATENCY_BUCKETS - 1], 1);
  assert_int_equal(mtc_latency_percentile_us(&latency, 1000), INT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_latched_token_stays_so_until_it_is_cleared),
      cmocka_unit_test(a_file_that_makes_no_sense_latches_everything),
      cmocka_unit_test(only_a_plain_file_is_a_latch),
      cmocka_unit_test(one_of_many_gets_the_attempt),
      cmocka_unit_test(percentiles_are_right_to_a_bucket),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
