/* Claims of validations: nothing is lost, nothing is done twice, nothing is tried for ever. */
#include <semaphore.h>

#include "acme/order.h"
#include "acme/presence.h"
#include "acme/validating.h"
#include "unit/acme_fixture.h"
#include "unit/validate_fixture.h"

#define NOW_S INT64_C(1800000000)

struct world {
  struct acme_config config;
  struct acme_server server;
  sem_t held, released;
};

static struct world world;

/* Keeps the validator's only thread, until what waits is told that the validator closes. */
static void hold(void *context, const struct acme_validation_result *result) {
  (void)context, (void)result;
  sem_post(&world.held);
  sem_wait(&world.released);
}

static void let_go(void *context, const struct acme_validation_result *result) {
  (void)context, (void)result;
  sem_post(&world.released);
}

static void open_validator_held(void) {
  struct acme_validator_options options = {.threads = 1, .trust_anchor = ""};
  struct acme_validation validation = validation_of(ACME_DNS_01, "127.0.0.1"); /* ends at once */
  world.server.validator = open_validator(&options);
  validation.account_id = 99;
  assert_int_equal(acme_validator_submit(world.server.validator, &validation, hold, NULL), MTC_OK);
  sem_wait(&world.held);
  validation.account_id = 98;
  assert_int_equal(acme_validator_submit(world.server.validator, &validation, let_go, NULL), 0);
}

static void open_world(void **state, bool has_validator) {
  struct mtc_error error = {""};
  static char url[] = "https://acme.example";
  world = (struct world){.config = {.url = url, .order_lifetime_s = 3600}};
  world.server.config = &world.config;
  sem_init(&world.held, 0, 0);
  sem_init(&world.released, 0, 0);
  mtc_clock_set(NOW_S * 1000);
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &world.server.db, &error), 0);
  assert_int_equal(
      mtc_sql_run(world.server.db, "INSERT INTO accounts VALUES (1, 't', '{}', 3, '[]', '', '', 0)",
                  &error),
      MTC_OK);
  if (has_validator) open_validator_held();
  assert_int_equal(acme_jobs_open(world.server.db, NULL, NULL, &world.server.jobs, &error), 0);
}

struct stopping {
  struct acme_job job; /* first */
  struct acme_server *server;
};

static void stop(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_server *server = ((struct stopping *)job)->server;
  struct acme_validator *validator = server->validator;
  (void)status, (void)text;
  server->is_stopping = true;
  server->validator = NULL;
  acme_validator_close(validator);
}

/* As the server does it. */
static void close_jobs(void) {
  struct stopping stopping = {.job = {.done = stop}, .server = &world.server};
  acme_jobs_put(world.server.jobs, &stopping.job);
  acme_jobs_close(world.server.jobs);
  world.server.jobs = NULL;
}

static void close_world(void) {
  if (world.server.jobs) close_jobs();
  for (unsigned i = 0; i < ACME_VALIDATING_BUCKETS; i++)
    assert_null(world.server.validating[i]);
  assert_true(mtc_sql_close(world.server.db));
}

/* On the thread of the jobs, whose the database is. */
struct task {
  struct acme_job job; /* first */
  void (*call)(void *context);
  void *context;
  struct waited waited;
};

static mtc_status run_task(struct acme_job *job, struct mtc_error *error) {
  (void)job, (void)error;
  return MTC_OK;
}

static void end_task(struct acme_job *job, mtc_status status, const char *text) {
  struct task *task = (struct task *)job;
  static const struct acme_validation_result none;
  (void)status, (void)text;
  task->call(task->context);
  waited_done(&task->waited, &none);
}

static void on_jobs(void (*call)(void *context), void *context) {
  struct task task = {.job = {.run = run_task, .done = end_task},
                      .call = call,
                      .context = context,
                      .waited = WAITED};
  acme_jobs_put(world.server.jobs, &task.job);
  wait_until_done(&task.waited, 1);
}

struct claims {
  unsigned num;
  int64_t claimed_s, expires_s;
  unsigned attempts;
};

/* IDs from 1 on. */
static void insert(void *context) {
  const struct claims *claims = context;
  struct acme_identifier name = {ACME_DNS_NAME, "a.example"};
  struct mtc_error error = {""};
  assert_int_equal(mtc_sql_run(world.server.db, "BEGIN IMMEDIATE", &error), MTC_OK);
  for (unsigned i = 1; i <= claims->num; i++) {
    struct acme_authorization authorization;
    assert_int_equal(acme_authorization_make(1, &name, claims->expires_s, &authorization, &error),
                     MTC_OK);
    authorization.id = i;
    authorization.challenge = ACME_HTTP_01;
    authorization.claimed_s = claims->claimed_s;
    authorization.attempts = claims->attempts;
    assert_int_equal(acme_authorization_insert(world.server.db, &authorization, &error), MTC_OK);
  }
  assert_int_equal(mtc_sql_run(world.server.db, "COMMIT", &error), MTC_OK);
}

static struct acme_authorization row_of(uint64_t id) {
  struct acme_authorization authorization;
  struct mtc_error error = {""};
  assert_int_equal(acme_authorization_load(world.server.db, id, &authorization, &error), MTC_OK);
  assert_int_equal(authorization.id, id);
  return authorization;
}

static void count_claims(void *context) {
  struct mtc_query query;
  struct mtc_error error = {""};
  uint64_t *counts = context;
  mtc_query_open(&query, world.server.db,
                 "SELECT count(*), ifnull(sum(claimed_s < ?), 0), ifnull(max(attempts), 0)"
                 " FROM authorizations WHERE claimed_s > 0",
                 &error);
  mtc_query_bind_int(&query, 1, acme_now_s());
  assert_true(mtc_query_next(&query));
  for (int i = 0; i < 3; i++)
    counts[i] = mtc_query_uint(&query, i);
  assert_int_equal(mtc_query_close(&query), MTC_OK);
}

static void begin_one(void *context) {
  acme_validate_begin(&world.server, *(uint64_t *)context, false);
}

static void begin_all(void *context) {
  for (uint64_t i = 1; i <= *(unsigned *)context; i++)
    acme_validate_begin(&world.server, i, false);
}

static void nothing(void *context) {
  (void)context;
}

/* What was put before this has been run, and what that has put. */
static void settle(void) {
  for (int i = 0; i < 4; i++)
    on_jobs(nothing, NULL);
}

/* 1,000 of an account wait; the others are put off, not forgotten, and not counted as tried. */
static void test_full_queue_loses_nothing(void **state) {
  struct claims claims = {
      .num = 1100, .claimed_s = NOW_S, .expires_s = NOW_S + 3600, .attempts = 1};
  uint64_t counts[3];
  open_world(state, true);
  on_jobs(insert, &claims);
  on_jobs(begin_all, &claims.num);
  settle();
  on_jobs(count_claims, counts);
  assert_int_equal(counts[0], 1100);
  assert_int_equal(counts[1], 100);
  assert_int_equal(counts[2], 1);
  /* A sweep takes them up again when they are due, and finds the queue full again. */
  mtc_clock_set((NOW_S + 31) * 1000);
  acme_sweep(&world.server, false);
  settle();
  on_jobs(count_claims, counts);
  assert_int_equal(counts[0], 1100);
  assert_int_equal(counts[2], 1);
  /* What waits at the end is left to others, and is no attempt either. */
  close_jobs();
  count_claims(counts);
  assert_int_equal(counts[0], 1100);
  assert_int_equal(counts[2], 0);
  struct acme_authorization row = row_of(1000);
  assert_int_equal(row.claimed_s, 1);
  acme_authorization_free(&row);
  close_world();
}

/* One that waits for longer than a claim lasts is still this process's. */
static void test_nothing_is_taken_up_twice(void **state) {
  struct claims claims = {.num = 20, .claimed_s = NOW_S, .expires_s = NOW_S + 3600, .attempts = 1};
  uint64_t counts[3];
  open_world(state, true);
  on_jobs(insert, &claims);
  on_jobs(begin_all, &claims.num);
  settle();
  for (unsigned minute = 1; minute <= 10; minute++) {
    mtc_clock_set((NOW_S + 60 * minute) * 1000);
    acme_sweep(&world.server, false);
    settle();
    /* Another process would find nothing of it. */
    for (uint64_t id = 1; id <= 20; id++) {
      struct acme_authorization row = row_of(id);
      assert_in_range(row.claimed_s, acme_now_s() - ACME_CLAIM_S + 60, acme_now_s());
      assert_int_equal(row.attempts, 1);
      acme_authorization_free(&row);
    }
  }
  /* Not even by itself: there is one of each. */
  uint64_t id = 20;
  on_jobs(begin_one, &id);
  on_jobs(count_claims, counts);
  assert_int_equal(counts[2], 1);
  unsigned num = 0;
  for (unsigned i = 0; i < ACME_VALIDATING_BUCKETS; i++)
    num += world.server.validating[i] ? 1 : 0; /* IDs from 1 on have a bucket each */
  assert_int_equal(num, 20);
  close_world();
}

static void begin_taken_up(void *context) {
  acme_validate_begin(&world.server, *(uint64_t *)context, true);
}

/* A server that dies over a validation each time does not do so for ever. */
static void test_attempts_end(void **state) {
  struct claims claims = {.num = 1, .claimed_s = NOW_S - 400, .expires_s = NOW_S + 3600};
  uint64_t id = 1;
  claims.attempts = 5;
  open_world(state, true);
  on_jobs(insert, &claims);
  on_jobs(begin_taken_up, &id);
  settle();
  struct acme_authorization row = row_of(1);
  assert_int_equal(row.state, ACME_INVALID);
  assert_int_equal(row.claimed_s, 0);
  assert_non_null(strstr(row.error, "serverInternal"));
  assert_non_null(strstr(row.error, "interrupted too often"));
  acme_authorization_free(&row);
  close_world();
}

static void test_attempts_are_counted(void **state) {
  struct claims claims = {.num = 1, .claimed_s = NOW_S - 400, .expires_s = NOW_S + 3600};
  claims.attempts = 4;
  open_world(state, true);
  on_jobs(insert, &claims);
  acme_sweep(&world.server, false);
  settle();
  struct acme_authorization row = row_of(1);
  assert_int_equal(row.state, ACME_PENDING); /* it runs: the fifth */
  assert_int_equal(row.attempts, 5);
  acme_authorization_free(&row);
  close_world();
}

static void test_expired_claims_end(void **state) {
  struct claims claims = {.num = 1, .claimed_s = NOW_S - 400, .expires_s = NOW_S};
  open_world(state, false);
  on_jobs(insert, &claims);
  acme_sweep(&world.server, false);
  settle();
  struct acme_authorization row = row_of(1);
  assert_int_equal(row.claimed_s, 0);
  acme_authorization_free(&row);
  close_world();
}

/* Claims of orders that are none any more: nothing comes of it but that they are taken up. */
static void insert_orders(void *context) {
  (void)context;
  char sql[400];
  struct mtc_error error = {""};
  (void)snprintf(
      sql, sizeof sql,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
      " INSERT INTO orders SELECT i, 1, 3, '[]', '[\"0000000000000001\"]', 'mtc', 0, 0, '',"
      " '', %lld, '', '', '' FROM n",
      (long long)NOW_S - 10);
  assert_int_equal(mtc_sql_run(world.server.db, sql, &error), MTC_OK);
}

static void count_old(void *context) {
  uint64_t *out = context;
  static const char *const texts[] = {
      "SELECT count(*) FROM authorizations WHERE claimed_s BETWEEN 1 AND ?",
      "SELECT count(*) FROM orders WHERE claimed_s BETWEEN 1 AND ?"};
  for (unsigned i = 0; i < 2; i++) {
    struct mtc_query query;
    struct mtc_error error = {""};
    mtc_query_open(&query, world.server.db, texts[i], &error);
    mtc_query_bind_int(&query, 1, NOW_S - 1);
    assert_true(mtc_query_next(&query));
    out[i] = mtc_query_uint(&query, 0);
    assert_int_equal(mtc_query_close(&query), MTC_OK);
  }
}

/* However many a server left behind: the next one's start takes them all up. */
static void test_start_takes_all_up(void **state) {
  struct claims claims = {.num = 2500, .claimed_s = NOW_S - 10, .expires_s = NOW_S - 5};
  uint64_t old[2];
  open_world(state, false);
  world.server.was_alone = true;
  on_jobs(insert, &claims);
  on_jobs(insert_orders, NULL);
  on_jobs(count_old, old);
  assert_int_equal(old[0] + old[1], 5000);
  acme_sweep(&world.server, true);
  settle();
  settle();
  on_jobs(count_old, old);
  assert_int_equal(old[0], 0);
  assert_int_equal(old[1], 0);
  close_world();
}

/* The retry that waits is called as if it were due. */
static void call_retry(void *context) {
  struct acme_retry *retry = world.server.retries;
  *(bool *)context = retry != NULL;
  if (!retry) return;
  world.server.retries = retry->next;
  retry->call(retry);
}

static void read_row(void *context) {
  *(struct acme_authorization *)context = row_of(1);
}

static void count_windows(void *context) {
  struct mtc_query query;
  struct mtc_error error = {""};
  mtc_query_open(&query, world.server.db, "SELECT count(*) FROM rate_windows", &error);
  assert_true(mtc_query_next(&query));
  *(uint64_t *)context = mtc_query_uint(&query, 0);
  assert_int_equal(mtc_query_close(&query), MTC_OK);
}

/* A failure of our own (a token that no URL can be made of) is tried three times, and is not held
 * against the name. */
static void test_own_failures(void **state) {
  struct claims claims = {.num = 1, .claimed_s = NOW_S, .expires_s = NOW_S + 3600, .attempts = 1};
  struct acme_validator_options options = {.threads = 1, .trust_anchor = ""};
  struct acme_authorization row;
  struct mtc_error error = {""};
  uint64_t id = 1, num_windows = 0;
  unsigned num_retries = 0;
  open_world(state, false);
  world.config.limits.failures_per_name_hour = 5;
  world.server.validator = open_validator(&options);
  on_jobs(insert, &claims);
  assert_int_equal(mtc_sql_run(world.server.db, "UPDATE authorizations SET token = 'a b'", &error),
                   MTC_OK);
  on_jobs(begin_one, &id);
  for (bool is_pending = true; is_pending;) {
    bool has_retried;
    on_jobs(call_retry, &has_retried);
    num_retries += has_retried;
    on_jobs(read_row, &row);
    is_pending = row.state == ACME_PENDING;
    if (is_pending) acme_authorization_free(&row);
  }
  assert_int_equal(num_retries, 2);
  assert_int_equal(row.state, ACME_INVALID);
  assert_int_equal(row.attempts, 1);
  assert_non_null(strstr(row.error, "no URL can be made"));
  acme_authorization_free(&row);
  on_jobs(count_windows, &num_windows);
  assert_int_equal(num_windows, 0);
  close_world();
}

/* Of servers on one database one was alone; the lock ends with its holder. */
static void test_presence(void **state) {
  struct mtc_error error = {""};
  const char *path = path_in(*state, "acme.db");
  int fds[3];
  bool is_alone;
  assert_int_equal(acme_presence_open(path, &fds[0], &is_alone, &error), MTC_OK);
  assert_true(is_alone);
  assert_int_equal(acme_presence_open(path, &fds[1], &is_alone, &error), MTC_OK);
  assert_false(is_alone);
  (void)close(fds[0]);
  assert_int_equal(acme_presence_open(path, &fds[2], &is_alone, &error), MTC_OK);
  assert_false(is_alone);
  (void)close(fds[1]);
  (void)close(fds[2]);
  assert_int_equal(acme_presence_open(path, &fds[0], &is_alone, &error), MTC_OK);
  assert_true(is_alone);
  (void)close(fds[0]);
  assert_int_equal(acme_presence_open("/nowhere/acme.db", &fds[0], &is_alone, &error), MTC_IO);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_own_failures),
      TEST(test_full_queue_loses_nothing),
      TEST(test_nothing_is_taken_up_twice),
      TEST(test_attempts_end),
      TEST(test_attempts_are_counted),
      TEST(test_expired_claims_end),
      TEST(test_start_takes_all_up),
      TEST(test_presence),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
