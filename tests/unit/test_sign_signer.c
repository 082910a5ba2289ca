/* mtc-signer with key files: what it signs, and what is left when it dies, hangs or lies. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

#define TIMEOUT_MS 3000

static char folder[64];
static struct mtc_bytes p256_public;

static const char *in_folder(const char *name) {
  static char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static mtc_status generate(const char *name, enum mtc_algorithm algorithm, struct mtc_bytes *out,
                           struct mtc_error *error) {
  struct mtc_key_request request = {.uri = in_folder(name), .algorithm = algorithm};
  return mtc_key_generate(&request, out, error);
}

static int setup(void **state) {
  (void)state;
  struct mtc_error error = {0};
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  return generate("p256.pem", MTC_ALGORITHM_ECDSA_P256_SHA256, &p256_public, &error) == MTC_OK ? 0
                                                                                               : -1;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  mtc_bytes_free(&p256_public);
  (void)snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static struct mtc_signer_options p256_options(void) {
  return (struct mtc_signer_options){
      .program = MTC_BIN "/mtc-signer",
      .key = in_folder("p256.pem"),
      .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256,
      .public_key = mtc_span_of_bytes(&p256_public),
      .timeout_ms = TIMEOUT_MS,
  };
}

static struct mtc_signer *open_signer(const struct mtc_signer_options *options) {
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  if (mtc_signer_open(options, &signer, &error)) fail_msg("%s", error.text);
  return signer;
}

static mtc_status sign(struct mtc_signer *signer, const char *text, struct mtc_error *error) {
  struct mtc_bytes signature = {0};
  mtc_status status = mtc_signer_sign(signer, mtc_span_of_text(text), &signature, error);
  assert_true((status == MTC_OK) == (signature.len > 0));
  mtc_bytes_free(&signature);
  return status;
}

static void expect_error(mtc_status expected, mtc_status found, const struct mtc_error *error,
                         const char *text) {
  if (found != expected || !strstr(error->text, text)) {
    fail_msg("%s: \"%s\" (expected \"%s\")", mtc_status_name(found), error->text, text);
  }
}

/* The only child of this (single-threaded) test program; 0 when there is none. */
static pid_t child(void) {
  char path[64];
  int pid = 0;
  (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  if (fscanf(file, "%d", &pid) != 1) pid = 0;
  (void)fclose(file);
  return pid;
}

static void every_algorithm_signs(void **state) {
  (void)state;
  static const enum mtc_algorithm algorithms[] = {
      MTC_ALGORITHM_MLDSA44,           MTC_ALGORITHM_MLDSA65,           MTC_ALGORITHM_MLDSA87,
      MTC_ALGORITHM_ECDSA_P256_SHA256, MTC_ALGORITHM_ECDSA_P384_SHA384, MTC_ALGORITHM_ED25519,
  };
  static uint8_t message[32768];
  for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
    struct mtc_bytes public_key = {0}, from_signer = {0}, signature = {0};
    struct mtc_error error = {0};
    const char *name = mtc_algorithm_name(algorithms[i]);
    assert_int_equal(generate(name, algorithms[i], &public_key, &error), MTC_OK);
    struct mtc_signer_options options = {
        .program = MTC_BIN "/mtc-signer",
        .key = in_folder(name),
        .algorithm = algorithms[i],
        .public_key = mtc_span_of_bytes(&public_key),
    };
    struct mtc_signer *signer = open_signer(&options);
    assert_int_equal(mtc_signer_public_key(signer, &from_signer, &error), MTC_OK);
    assert_true(mtc_span_equal(mtc_span_of_bytes(&from_signer), mtc_span_of_bytes(&public_key)));
    mtc_bytes_append_text(&signature, "before");
    struct mtc_span span = mtc_span_of(message, sizeof message);
    assert_int_equal(mtc_signer_sign(signer, span, &signature, &error), MTC_OK);
    assert_memory_equal(signature.data, "before", 6);
    assert_int_equal(mtc_signature_verify(algorithms[i], mtc_span_of_bytes(&public_key), span,
                                          mtc_span_of(signature.data + 6, signature.len - 6)),
                     MTC_OK);
    mtc_signer_close(signer);
    mtc_bytes_free(&public_key);
    mtc_bytes_free(&from_signer);
    mtc_bytes_free(&signature);
  }
  assert_int_equal(child(), 0);
}

static void a_key_file_is_never_overwritten_nor_shared(void **state) {
  (void)state;
  struct mtc_bytes public_key = {0};
  struct mtc_error error = {0};
  struct stat info;
  expect_error(MTC_INPUT, generate("p256.pem", MTC_ALGORITHM_MLDSA44, &public_key, &error), &error,
               "never overwritten");
  assert_int_equal(public_key.len, 0);
  mtc_bytes_free(&public_key);
  assert_int_equal(stat(in_folder("p256.pem"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);

  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = NULL;
  assert_int_equal(chmod(options.key, 0644), 0);
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "mode 0644");
  assert_null(signer);
  assert_int_equal(chmod(options.key, 0600), 0);
}

static void wrong_options_are_refused(void **state) {
  (void)state;
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  struct mtc_signer_options options = p256_options();
  options.algorithm = MTC_ALGORITHM_NONE;
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "algorithm");
  options.algorithm = MTC_ALGORITHM_MLDSA44;
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "no mldsa44 key");
  options.public_key.len = 0;
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error,
               "holds no mldsa44 key");
  options = p256_options();
  options.key = "pkcs11:token=t";
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "no object=");
  options.key = "pkcs11:token=t;object=o";
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "module");
  options.module = "/nonexistent/module.so";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "module");
  options = p256_options();
  options.program = "/nonexistent/mtc-signer";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "No such file");
  options.program = "/bin/true";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "died");
  assert_null(signer);
  assert_int_equal(child(), 0);
}

static void messages_are_bounded(void **state) {
  (void)state;
  static uint8_t message[32769];
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_bytes out = {0};
  struct mtc_error error = {0};
  expect_error(MTC_INPUT, mtc_signer_sign(signer, mtc_span_of(message, 0), &out, &error), &error,
               "0 bytes");
  expect_error(MTC_INPUT,
               mtc_signer_sign(signer, mtc_span_of(message, sizeof message), &out, &error), &error,
               "32769 bytes");
  mtc_signer_close(signer);
  options.public_key.len = 0;
  signer = open_signer(&options);
  expect_error(MTC_INPUT, mtc_signer_sign(signer, mtc_span_of(message, 1), &out, &error), &error,
               "no public key");
  mtc_signer_close(signer);
}

static void a_killed_signer_is_replaced(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_error error = {0};
  struct mtc_signer_stats stats;
  for (int i = 1; i <= 3; i++) {
    pid_t before = child();
    assert_int_equal(kill(before, SIGKILL), 0);
    if (sign(signer, "m", &error)) fail_msg("%s", error.text);
    assert_int_not_equal(child(), before);
    mtc_signer_stats(signer, &stats);
    assert_int_equal(stats.num_respawns, i);
    assert_int_equal(stats.num_signatures, i);
    assert_false(stats.latched);
  }
  mtc_signer_close(signer);
  assert_int_equal(child(), 0);
}

static void a_stopped_signer_meets_the_deadline(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_error error = {0};
  struct mtc_signer_stats stats;
  assert_int_equal(kill(child(), SIGSTOP), 0);
  int64_t start_ms = mtc_clock_monotonic_ms();
  expect_error(MTC_TOKEN, sign(signer, "m", &error), &error, "did not answer");
  assert_true(mtc_clock_monotonic_ms() - start_ms >= TIMEOUT_MS);
  assert_int_equal(child(), 0);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.num_failures, 1);
  assert_non_null(strstr(stats.last_error, "did not answer"));
  if (sign(signer, "m", &error)) fail_msg("%s", error.text);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.num_respawns, 1);
  mtc_signer_close(signer);
}

static void a_failing_key_is_not_hammered(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_error error = {0};
  char away[128];
  (void)snprintf(away, sizeof away, "%s", in_folder("away.pem"));
  assert_int_equal(rename(in_folder("p256.pem"), away), 0);
  assert_int_equal(kill(child(), SIGKILL), 0);
  expect_error(MTC_TOKEN, sign(signer, "m", &error), &error, "cannot open");
  /* However fast these come, the waits in between grow: most start no process. */
  struct mtc_signer_stats before, after;
  mtc_signer_stats(signer, &before);
  mtc_status status = MTC_OK;
  for (int i = 0; i < 200; i++)
    status = sign(signer, "m", &error);
  expect_error(MTC_TOKEN, status, &error, "next attempt in");
  mtc_signer_stats(signer, &after);
  assert_true(after.num_respawns - before.num_respawns <= 10);
  assert_int_equal(rename(away, in_folder("p256.pem")), 0);
  int64_t deadline_ms = mtc_clock_monotonic_ms() + 60000;
  while (sign(signer, "m", &error) && mtc_clock_monotonic_ms() < deadline_ms)
    continue;
  assert_true(mtc_clock_monotonic_ms() < deadline_ms);
  mtc_signer_close(signer);
}

static void a_signature_of_another_key_never_leaves(void **state) {
  (void)state;
  struct mtc_bytes other = {0};
  struct mtc_error error = {0};
  assert_int_equal(generate("other.pem", MTC_ALGORITHM_ECDSA_P256_SHA256, &other, &error), MTC_OK);
  struct mtc_signer_options options = p256_options();
  options.public_key = mtc_span_of_bytes(&other);
  struct mtc_signer *signer = NULL;
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error,
               "another key than the configured public key");
  assert_null(signer);
  mtc_bytes_free(&other);
}

static void expect_in_proc(pid_t pid, const char *name, const char *expected) {
  char path[64], text[8192] = {0};
  (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  assert_true(fread(text, 1, sizeof text - 1, file) > 0);
  (void)fclose(file);
  if (!strstr(text, expected)) fail_msg("%s lacks \"%s\": %s", path, expected, text);
}

static void the_signer_is_alone_and_hardened(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  int leaked = fcntl(1, F_DUPFD, 20); /* not close-on-exec, and must not reach the signer */
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_error error = {0};
  char path[64], target[64];
  (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)child(), leaked);
  assert_int_equal(readlink(path, target, sizeof target), -1);
  assert_int_equal(errno, ENOENT);
  (void)close(leaked);
  expect_in_proc(child(), "status", "NoNewPrivs:\t1");
  expect_in_proc(child(), "limits", "Max core file size        0                    0");
  /* A stopping service sends SIGTERM to all; the batch in hand must still be signed. */
  pid_t before = child();
  assert_int_equal(kill(before, SIGTERM), 0);
  assert_int_equal(kill(before, SIGINT), 0);
  if (sign(signer, "m", &error)) fail_msg("%s", error.text);
  assert_int_equal(child(), before);
  mtc_signer_close(signer);
  assert_int_equal(kill(before, 0), -1);
}

static void *sign_some(void *signer) {
  for (int i = 0; i < 20; i++) {
    struct mtc_error error = {0};
    struct mtc_signer_stats stats;
    if (sign(signer, "m", &error)) return signer;
    mtc_signer_stats(signer, &stats);
  }
  return NULL;
}

static void threads_take_turns(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_signer_stats stats;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, sign_some, signer), 0);
  }
  for (int i = 0; i < 4; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.num_signatures, 80);
  mtc_signer_close(signer);
}

static void running_out_of_memory_is_survived(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  mtc_status status = MTC_NOMEM;
  for (long i = 0; status; i++) {
    struct mtc_signer *signer = NULL;
    struct mtc_error error = {0};
    assert_true(i < 100);
    mtc_alloc_fail_after(i);
    status = mtc_signer_open(&options, &signer, &error);
    if (!status) status = sign(signer, "m", &error);
    mtc_alloc_fail_after(-1);
    if (status) {
      assert_int_equal(status, MTC_NOMEM);
      /* What failed for want of memory works when there is some. */
      if (signer && sign(signer, "m", &error)) fail_msg("%s", error.text);
    }
    mtc_signer_close(signer);
  }
}

static void running_out_of_memory_in_a_restart_is_survived(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  mtc_status status = MTC_NOMEM;
  for (long i = 0; status; i++) {
    struct mtc_error error = {0};
    assert_true(i < 100);
    assert_int_equal(kill(child(), SIGKILL), 0);
    mtc_alloc_fail_after(i);
    status = sign(signer, "m", &error);
    mtc_alloc_fail_after(-1);
    if (status) assert_int_equal(status, MTC_NOMEM);
    if (sign(signer, "m", &error)) fail_msg("after allocation %ld failed: %s", i, error.text);
  }
  mtc_signer_close(signer);
}

/* Somebody loosens the key file's mode while the daemon runs: mended, it signs again. */
static void a_key_file_that_is_refused_later_is_no_ones_input(void **state) {
  (void)state;
  struct mtc_signer_options options = p256_options();
  struct mtc_signer *signer = open_signer(&options);
  struct mtc_error error = {0};
  siginfo_t info;
  assert_int_equal(chmod(in_folder("p256.pem"), 0644), 0);
  assert_int_equal(kill(child(), SIGKILL), 0);
  /* Dead before it is asked: its death alone is no failure that would be waited after. */
  assert_int_equal(waitid(P_PID, (id_t)child(), &info, WEXITED | WNOWAIT), 0);
  expect_error(MTC_TOKEN, sign(signer, "m", &error), &error, "0644");
  assert_int_equal(chmod(in_folder("p256.pem"), 0600), 0);
  if (sign(signer, "m", &error)) fail_msg("%s", error.text);
  mtc_signer_close(signer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_algorithm_signs),
      cmocka_unit_test(a_key_file_is_never_overwritten_nor_shared),
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(messages_are_bounded),
      cmocka_unit_test(a_killed_signer_is_replaced),
      cmocka_unit_test(a_stopped_signer_meets_the_deadline),
      cmocka_unit_test(a_failing_key_is_not_hammered),
      cmocka_unit_test(a_signature_of_another_key_never_leaves),
      cmocka_unit_test(the_signer_is_alone_and_hardened),
      cmocka_unit_test(threads_take_turns),
      cmocka_unit_test(running_out_of_memory_is_survived),
      cmocka_unit_test(running_out_of_memory_in_a_restart_is_survived),
      cmocka_unit_test(a_key_file_that_is_refused_later_is_no_ones_input),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, setup, teardown);
}
