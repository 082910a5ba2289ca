/* Several copies of the key, and several processes: who serves, who stands in, and back again. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"

#define TIMEOUT_MS 10000
#define PATIENCE_MS 60000

static char folder[64];
static struct mtc_bytes public_key;
static char first[96], second[96], third[96], latch[96], away[96];

static int copy(const char *from, const char *to) {
  char command[256];
  (void)snprintf(command, sizeof command, "cp -p %s %s", from, to);
  return system(command);
}

/* Three copies of one key, as on cloned tokens. */
static int setup(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(first, sizeof first, "%s/first.pem", folder);
  (void)snprintf(second, sizeof second, "%s/second.pem", folder);
  (void)snprintf(third, sizeof third, "%s/third.pem", folder);
  (void)snprintf(away, sizeof away, "%s/away.pem", folder);
  (void)snprintf(latch, sizeof latch, "%s/latch", folder);
  struct mtc_key_request request = {.uri = first, .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256};
  struct mtc_error error = {0};
  if (mtc_key_generate(&request, &public_key, &error)) return -1;
  return copy(first, second) || copy(first, third);
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  mtc_bytes_free(&public_key);
  (void)snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static struct mtc_signer *open_with(const struct mtc_signer_source *standby, unsigned num_standby,
                                    unsigned num_processes) {
  struct mtc_signer_options options = {
      .program = MTC_BIN "/mtc-signer",
      .key = first,
      .standby = standby,
      .num_standby = num_standby,
      .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256,
      .public_key = mtc_span_of_bytes(&public_key),
      .timeout_ms = TIMEOUT_MS,
      .num_processes = num_processes,
      .latch = latch,
  };
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  if (mtc_signer_open(&options, &signer, &error)) fail_msg("%s", error.text);
  return signer;
}

static mtc_status sign(struct mtc_signer *signer, struct mtc_error *error) {
  struct mtc_bytes signature = {0};
  struct mtc_span message = mtc_span_of_text("the same bytes, whoever signs them");
  mtc_status status = mtc_signer_sign(signer, message, &signature, error);
  if (!status)
    assert_int_equal(
        mtc_signature_verify(MTC_ALGORITHM_ECDSA_P256_SHA256, mtc_span_of_bytes(&public_key),
                             message, mtc_span_of_bytes(&signature)),
        MTC_OK);
  mtc_bytes_free(&signature);
  return status;
}

static void must_sign(struct mtc_signer *signer) {
  struct mtc_error error = {0};
  if (sign(signer, &error)) fail_msg("%s", error.text);
}

/* Ends every process of the signer: what it serves next it must open again. */
static void kill_children(void) {
  char command[64];
  (void)snprintf(command, sizeof command, "pkill -KILL -P %d mtc-signer", (int)getpid());
  /* 1: there was none. */
  int result = system(command);
  assert_true(WIFEXITED(result) && WEXITSTATUS(result) <= 1);
}

/* Waits until a source has a state; there is nothing to wait on but the counters. */
static void await(struct mtc_signer *signer, unsigned index, bool is_down, bool is_serving) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + PATIENCE_MS;
  struct mtc_signer_stats stats;
  do {
    mtc_signer_stats(signer, &stats);
    if (stats.sources[index].down == is_down && stats.sources[index].serving == is_serving) return;
    (void)usleep(1000);
  } while (mtc_clock_monotonic_ms() < deadline_ms);
  fail_msg("source %u: down %d, serving %d; %s", index, stats.sources[index].down,
           stats.sources[index].serving, stats.sources[index].last_error);
}

static void a_standby_serves_until_the_first_is_back(void **state) {
  (void)state;
  const struct mtc_signer_source standby[] = {{.key = second}, {.key = third}};
  struct mtc_signer *signer = open_with(standby, 2, 1);
  struct mtc_signer_stats stats;
  must_sign(signer);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.num_sources, 3);
  assert_true(stats.sources[0].serving);
  assert_true(stats.sources[0].num_signatures >= 1);
  assert_int_equal(stats.num_failovers, 0);

  assert_int_equal(rename(first, away), 0);
  kill_children();
  for (int i = 0; i < 20; i++)
    must_sign(signer);
  await(signer, 0, true, false);
  mtc_signer_stats(signer, &stats);
  assert_true(stats.num_failovers >= 20);
  /* Not all by the second: it may have been killed in the middle of its test. */
  assert_true(stats.sources[1].num_signatures + stats.sources[2].num_signatures >= 20);
  assert_non_null(strstr(stats.sources[0].last_error, "No such file"));

  /* Also when the second goes; and the first comes back by itself. */
  assert_int_equal(unlink(second), 0);
  kill_children();
  must_sign(signer);
  await(signer, 2, false, true);
  await(signer, 1, true, false);
  assert_int_equal(rename(away, first), 0);
  await(signer, 0, false, true);
  mtc_signer_stats(signer, &stats);
  uint64_t before = stats.sources[0].num_signatures;
  must_sign(signer);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.sources[0].num_signatures, before + 1);
  mtc_signer_close(signer);
  assert_int_equal(copy(first, second), 0);
}

static void a_daemon_starts_on_a_standby(void **state) {
  (void)state;
  const struct mtc_signer_source standby[] = {{.key = second}};
  assert_int_equal(rename(first, away), 0);
  struct mtc_signer *signer = open_with(standby, 1, 1);
  must_sign(signer);
  await(signer, 0, true, false);
  assert_int_equal(rename(away, first), 0);
  await(signer, 0, false, true);
  mtc_signer_close(signer);
}

/* Another key in the first's place is noticed before it signs; put right, it serves again. */
static void another_key_does_not_sign(void **state) {
  (void)state;
  const struct mtc_signer_source standby[] = {{.key = second}};
  struct mtc_signer *signer = open_with(standby, 1, 1);
  struct mtc_signer_stats stats;
  struct mtc_error error = {0};
  char saved[128];
  must_sign(signer);
  struct mtc_key_request request = {.uri = away, .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256};
  struct mtc_bytes other = {0};
  assert_int_equal(mtc_key_generate(&request, &other, &error), MTC_OK);
  mtc_bytes_free(&other);
  (void)snprintf(saved, sizeof saved, "%s.saved", first);
  assert_int_equal(rename(first, saved), 0);
  assert_int_equal(rename(away, first), 0);
  kill_children();
  must_sign(signer);
  await(signer, 0, true, false);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.sources[0].num_wrong, 0);
  assert_false(stats.sources[0].latched);
  assert_non_null(strstr(stats.sources[0].last_error, "another key"));
  assert_int_equal(rename(saved, first), 0);
  await(signer, 0, false, true);
  mtc_signer_close(signer);
}

/* A standby whose configuration is wrong is a fault of the configuration, not of a request. */
static void a_wrong_standby_harms_no_request(void **state) {
  (void)state;
  const struct mtc_signer_source standby[] = {{.key = second}};
  assert_int_equal(chmod(second, 0644), 0);
  struct mtc_signer *signer = open_with(standby, 1, 1);
  struct mtc_error error = {0};
  must_sign(signer);
  await(signer, 1, true, false);
  assert_int_equal(rename(first, away), 0);
  kill_children();
  mtc_status status = sign(signer, &error);
  if (status != MTC_TOKEN) fail_msg("%s: %s", mtc_status_name(status), error.text);
  assert_int_equal(chmod(second, 0600), 0);
  assert_int_equal(rename(away, first), 0);
  await(signer, 1, false, false);
  must_sign(signer);
  mtc_signer_close(signer);
}

static void *sign_some(void *signer) {
  struct mtc_error error = {0};
  struct mtc_signer_stats stats;
  for (int i = 0; i < 25; i++) {
    if (sign(signer, &error)) return NULL;
    mtc_signer_stats(signer, &stats);
  }
  return signer;
}

static void processes_sign_at_the_same_time(void **state) {
  (void)state;
  const struct mtc_signer_source standby[] = {{.key = second}};
  struct mtc_signer *signer = open_with(standby, 1, 4);
  struct mtc_signer_stats stats;
  pthread_t threads[8];
  assert_int_equal(mtc_signer_num_parallel(signer), 4);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 8; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, sign_some, signer), 0);
    /* Under load, whoever is killed is replaced, and nobody fails. */
    if (round == 1) kill_children();
    for (int i = 0; i < 8; i++) {
      void *result = NULL;
      assert_int_equal(pthread_join(threads[i], &result), 0);
      assert_non_null(result);
    }
  }
  mtc_signer_stats(signer, &stats);
  assert_true(stats.num_signatures >= 600);
  assert_int_equal(stats.sources[0].num_processes, 4);
  assert_true(stats.sources[0].latency.num == stats.sources[0].num_signatures);
  mtc_signer_close(signer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_standby_serves_until_the_first_is_back),
      cmocka_unit_test(a_daemon_starts_on_a_standby),
      cmocka_unit_test(another_key_does_not_sign),
      cmocka_unit_test(a_wrong_standby_harms_no_request),
      cmocka_unit_test(processes_sign_at_the_same_time),
  };
  mtc_log_init("test", MTC_LOG_WARNING);
  return cmocka_run_group_tests(tests, setup, teardown);
}
