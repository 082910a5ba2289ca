/* An engine over a store, a file-key signer and a folder; submissions, and what is answered. */
#ifndef UNIT_ENGINE_FIXTURE_H
#define UNIT_ENGINE_FIXTURE_H

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "mtc/engine.h"
#include "mtc/runtime.h"
#include "mtc/verify.h"

#define LOG_NUMBER 3
#define VERIFY_TIME 1800000000 /* 2027: within every entry's validity */
#define NOT_AFTER 1924991999   /* 2030-12-31 23:59:59 UTC */
#define LONG_MS 60000          /* nothing waits that long unless it hangs */

struct fixture {
  char folder[64];
  char store_path[96];
  char publish_folder[96];
  char key_path[96];
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  struct mtc_bytes public_key;
  struct mtc_store *store;
  struct mtc_hasher *hasher;
  struct mtc_signer *signer;
  struct mtc_engine_options options;
  struct mtc_engine *engine;
};

#define assert_status(call, expected)                                                        \
  do {                                                                                       \
    struct mtc_error error = {0};                                                            \
    mtc_status got = (call);                                                                 \
    if (got != (expected)) {                                                                 \
      fail_msg("%s: %s, not %s: %s", #call, mtc_status_name(got), mtc_status_name(expected), \
               error.text);                                                                  \
    }                                                                                        \
    if (got && !error.text[0]) fail_msg("%s: no text", #call);                               \
  } while (0)
#define assert_ok(call) assert_status(call, MTC_OK)

/* One submission's answer; the engine writes it from its thread. */
struct answer {
  unsigned times;
  struct mtc_receipt receipt;
};
static pthread_mutex_t answer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answer_came = PTHREAD_COND_INITIALIZER;

static inline void keep_answer(void *context, const struct mtc_receipt *receipt) {
  struct answer *answer = context;
  pthread_mutex_lock(&answer_lock);
  answer->times++;
  answer->receipt = *receipt;
  pthread_cond_broadcast(&answer_came);
  pthread_mutex_unlock(&answer_lock);
}

static inline unsigned answered(struct answer *answer) {
  pthread_mutex_lock(&answer_lock);
  unsigned times = answer->times;
  pthread_mutex_unlock(&answer_lock);
  return times;
}

static inline void await(struct answer *answer) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += LONG_MS / 1000;
  int late = 0;
  pthread_mutex_lock(&answer_lock);
  while (!answer->times && !late)
    late = pthread_cond_timedwait(&answer_came, &answer_lock, &until);
  pthread_mutex_unlock(&answer_lock);
  if (late) fail_msg("no answer came");
}

/* Waits for an answer that must be MTC_OK and gives its index. */
static inline uint64_t await_index(struct answer *answer) {
  await(answer);
  if (answer->receipt.status)
    fail_msg("%s: %s", mtc_status_name(answer->receipt.status), answer->receipt.error.text);
  assert_int_equal(answer->times, 1);
  assert_int_equal(answer->receipt.log_number, LOG_NUMBER);
  return answer->receipt.index;
}

/* A submission of entry `serial`, its bytes and key; the same serial gives the same bytes. */
struct entry {
  struct mtc_bytes entry, public_key;
  struct mtc_submission submission;
};

static inline void make_entry_for(const struct fixture *f, unsigned serial, const char *request_id,
                                  struct mtc_span subject, struct entry *out) {
  static const uint8_t version[] = {0xa0, 3, 2, 1, 2},
                       algorithm[] = {0x30, 5, 6, 3, 0x2b, 0x65, 0x70},
                       key_header[] = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0},
                       hash_header[] = {4, 32};
  static const char validity[] =
      "\x30\x1e\x17\x0d"
      "260101000000Z"
      "\x17\x0d"
      "301231235959Z";
  struct mtc_hash hash;
  *out = (struct entry){0};
  mtc_bytes_append(&out->public_key, key_header, sizeof key_header);
  mtc_bytes_append_format(&out->public_key, "%032u", serial);
  mtc_hash_message(mtc_span_of_bytes(&out->public_key), &hash);
  mtc_bytes_append_uint(&out->entry, MTC_ENTRY_TBS_CERT, 4);
  mtc_bytes_append(&out->entry, version, sizeof version);
  mtc_tai_append_name(f->wire, &f->ca_id, &out->entry);
  mtc_bytes_append(&out->entry, validity, sizeof validity - 1);
  mtc_bytes_append_span(&out->entry, subject);
  mtc_bytes_append(&out->entry, algorithm, sizeof algorithm);
  mtc_bytes_append(&out->entry, hash_header, sizeof hash_header);
  mtc_bytes_append(&out->entry, hash.bytes, sizeof hash.bytes);
  assert_int_equal(mtc_bytes_status(&out->entry), MTC_OK);
  out->submission = (struct mtc_submission){.entry = mtc_span_of_bytes(&out->entry),
                                            .public_key = mtc_span_of_bytes(&out->public_key),
                                            .request_id = request_id};
  mtc_hash_message(out->submission.entry, &out->submission.request_digest);
}

static inline void make_entry(const struct fixture *f, unsigned serial, const char *request_id,
                              struct entry *out) {
  static const uint8_t empty_name[] = {0x30, 0};
  make_entry_for(f, serial, request_id, mtc_span_of(empty_name, sizeof empty_name), out);
}

static inline void free_entry(struct entry *entry) {
  mtc_bytes_free(&entry->entry);
  mtc_bytes_free(&entry->public_key);
}

static inline mtc_status submit(struct fixture *f, unsigned serial, const char *request_id,
                                struct answer *answer, struct mtc_error *error) {
  struct entry entry;
  make_entry(f, serial, request_id, &entry);
  mtc_status status = mtc_engine_submit(f->engine, &entry.submission, keep_answer, answer, error);
  free_entry(&entry);
  return status;
}

static inline mtc_status submit_at(struct fixture *f, unsigned serial, uint64_t index,
                                   struct answer *answer, struct mtc_error *error) {
  struct entry entry;
  make_entry(f, serial, NULL, &entry);
  entry.submission.at_reserved = true;
  entry.submission.reserved_index = index;
  mtc_status status = mtc_engine_submit(f->engine, &entry.submission, keep_answer, answer, error);
  free_entry(&entry);
  return status;
}

/* Submits and waits. */
static inline uint64_t log_entry(struct fixture *f, unsigned serial) {
  struct answer answer = {0};
  assert_ok(submit(f, serial, NULL, &answer, &error));
  return await_index(&answer);
}

static inline struct mtc_engine_stats stats_of(struct fixture *f) {
  struct mtc_engine_stats stats;
  mtc_engine_stats(f->engine, &stats);
  return stats;
}

/* Waits until `condition`, which reads `stats`, holds. */
#define until(f, condition)                                                          \
  do {                                                                               \
    int64_t deadline_ms = mtc_clock_monotonic_ms() + LONG_MS;                        \
    struct mtc_engine_stats stats = stats_of(f);                                     \
    while (!(condition)) {                                                           \
      if (mtc_clock_monotonic_ms() > deadline_ms) fail_msg("%s: never", #condition); \
      (void)sched_yield();                                                           \
      stats = stats_of(f);                                                           \
    }                                                                                \
  } while (0)

static inline mtc_status open_engine(struct fixture *f, struct mtc_error *error) {
  mtc_status status =
      mtc_store_open(f->store_path, f->wire, &f->ca_id, LOG_NUMBER, false, &f->store, error);
  if (status) return status;
  f->options.store = f->store;
  return mtc_engine_open(&f->options, &f->engine, error);
}

static inline void close_engine(struct fixture *f) {
  mtc_engine_close(f->engine);
  mtc_store_close(f->store);
  f->engine = NULL;
  f->store = NULL;
}

static inline void restart(struct fixture *f) {
  close_engine(f);
  assert_ok(open_engine(f, &error));
}

static inline struct mtc_signer_options signer_options(const struct fixture *f) {
  return (struct mtc_signer_options){.program = MTC_BIN "/mtc-signer",
                                     .key = f->key_path,
                                     .algorithm = MTC_ALGORITHM_MLDSA44,
                                     .public_key = mtc_span_of_bytes(&f->public_key),
                                     .timeout_ms = LONG_MS};
}

static inline void open_signer(struct fixture *f) {
  struct mtc_signer_options options = signer_options(f);
  assert_ok(mtc_signer_open(&options, &f->signer, &error));
}

/* Everything but a store and an engine; the folder exists. */
static inline void prepare(struct fixture *f, enum mtc_wire_version version) {
  (void)snprintf(f->store_path, sizeof f->store_path, "%s/log.db", f->folder);
  (void)snprintf(f->publish_folder, sizeof f->publish_folder, "%s/www", f->folder);
  (void)snprintf(f->key_path, sizeof f->key_path, "%s/key.pem", f->folder);
  f->wire = mtc_wire_get(version);
  assert_ok(mtc_tai_parse(mtc_span_of_text("32473.1"), &f->ca_id, &error));
  assert_int_equal(mtc_hasher_open_cpu(&f->hasher), MTC_OK);
}

static inline void set_options(struct fixture *f) {
  f->options = (struct mtc_engine_options){.wire = f->wire,
                                           .ca_id = f->ca_id,
                                           .log_number = LOG_NUMBER,
                                           .public_key = mtc_span_of_bytes(&f->public_key),
                                           .hasher = f->hasher,
                                           .signer = f->signer,
                                           .publish_folder = f->publish_folder,
                                           .batch_max_delay_ms = 1,
                                           .max_lifetime_s = 7 * 86400};
}

static inline struct fixture *make_fixture_of(enum mtc_wire_version version) {
  struct fixture *f = calloc(1, sizeof *f);
  (void)snprintf(f->folder, sizeof f->folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(f->folder)) fail_msg("no folder");
  prepare(f, version);
  struct mtc_key_request request = {.uri = f->key_path, .algorithm = MTC_ALGORITHM_MLDSA44};
  assert_ok(mtc_key_generate(&request, &f->public_key, &error));
  open_signer(f);
  set_options(f);
  assert_ok(mtc_store_create(f->store_path, f->wire, &f->ca_id, LOG_NUMBER, &error));
  assert_ok(open_engine(f, &error));
  return f;
}

static inline int make_fixture(void **state) {
  *state = make_fixture_of(MTC_WIRE_PLANTS_07);
  return 0;
}

/* Closes the engine and opens it again with the options as they are now. */
#define with_options(f, ...)                      \
  do {                                            \
    close_engine(f);                              \
    struct mtc_engine_options *o = &(f)->options; \
    __VA_ARGS__;                                  \
    assert_ok(open_engine(f, &error));            \
  } while (0)

/* What mtc_log_check says of the log as it is on disk. */
static inline struct mtc_log_report examine(struct fixture *f) {
  struct mtc_store *store = NULL;
  struct mtc_log_report report;
  assert_ok(mtc_store_open(f->store_path, f->wire, &f->ca_id, LOG_NUMBER, true, &store, &error));
  assert_ok(mtc_log_check(store, &f->options, &report, &error));
  mtc_store_close(store);
  return report;
}

static inline struct mtc_log_report expect_sound(struct fixture *f) {
  struct mtc_log_report report = examine(f);
  if (report.num_problems) fail_msg("the log has a problem: %s", report.first_problem);
  return report;
}

static inline int free_fixture(void **state) {
  struct fixture *f = *state;
  char command[128];
  if (!f) return 0;
  close_engine(f);
  mtc_signer_close(f->signer);
  mtc_hasher_close(f->hasher);
  mtc_bytes_free(&f->public_key);
  mtc_clock_set(-1);
  (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
  free(f);
  return system(command);
}

/* Runs SQL on the store's file, as somebody who damages it would. */
static inline void damage(struct fixture *f, const char *sql) {
  sqlite3 *db;
  char *text = NULL;
  assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
  int result = sqlite3_exec(db, sql, NULL, NULL, &text);
  if (result != SQLITE_OK) fail_msg("%s: %s", sql, text);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The signer's process: the only child of this program. */
static inline pid_t signer_pid(void) {
  int pid = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (struct dirent *task; !pid && (task = readdir(tasks));) {
    char path[320];
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", task->d_name);
    FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "re");
    if (!file) continue;
    if (fscanf(file, "%d", &pid) != 1) pid = 0;
    (void)fclose(file);
  }
  (void)closedir(tasks);
  assert_int_not_equal(pid, 0);
  return pid;
}

/* A relying party that knows this CA. */
static inline struct mtc_verifier *make_verifier(struct fixture *f) {
  struct mtc_verifier *verifier;
  struct mtc_bytes certificate = {0};
  struct mtc_ca_params params = {.wire = f->wire,
                                 .ca_id = f->ca_id,
                                 .algorithm = MTC_ALGORITHM_MLDSA44,
                                 .public_key = mtc_span_of_bytes(&f->public_key),
                                 .min_serial = UINT64_C(1) << 48,
                                 .max_serial = UINT64_MAX,
                                 .not_before = 1700000000,
                                 .not_after = 2000000000};
  assert_int_equal(mtc_verifier_open(f->wire, &verifier), MTC_OK);
  assert_ok(mtc_ca_certificate_make(&params, &certificate, &error));
  assert_ok(mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&certificate), &error));
  mtc_bytes_free(&certificate);
  return verifier;
}

/* Verifies the certificate of `index`. */
static inline struct mtc_verification verify(struct fixture *f, struct mtc_verifier *verifier,
                                             uint64_t index, bool landmark) {
  struct mtc_bytes certificate = {0};
  struct mtc_verification verification;
  assert_ok(mtc_engine_certificate(f->engine, index, landmark, &certificate, NULL, &error));
  assert_int_equal(
      mtc_verifier_check(verifier, mtc_span_of_bytes(&certificate), VERIFY_TIME, &verification),
      MTC_OK);
  mtc_bytes_free(&certificate);
  if (!mtc_verdict_is_ok(verification.verdict))
    fail_msg("certificate %llu: %s: %s", (unsigned long long)index,
             mtc_verdict_text(verification.verdict), verification.detail);
  assert_int_equal(verification.index, index);
  assert_int_equal(verification.log_number, LOG_NUMBER);
  return verification;
}

#endif
