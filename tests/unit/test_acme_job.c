/* The thread of the jobs: groups, their rollback, order, the tick, and the end. */
#include <pthread.h>
#include <semaphore.h>

#include "acme/db.h"
#include "acme/job.h"
#include "unit/acme_fixture.h"

struct write_job {
  struct acme_job job; /* first */
  sqlite3 *db;
  int value;
  mtc_status fails; /* after it has written, where it does */
  bool writes;
  mtc_status done;
  unsigned order; /* of `done` */
  sem_t *ended;
};

static unsigned num_done;

static mtc_status run(struct acme_job *job, struct mtc_error *error) {
  struct write_job *write = (struct write_job *)job;
  struct mtc_query query;
  mtc_status status = MTC_OK;
  if (write->writes) {
    mtc_query_open(&query, write->db, "INSERT INTO schema_version(version) VALUES (?)", error);
    mtc_query_bind_int(&query, 1, write->value);
    (void)mtc_query_run(&query);
    status = mtc_query_close(&query);
  }
  return status ? status : write->fails;
}

static void done(struct acme_job *job, mtc_status status, const char *text) {
  struct write_job *write = (struct write_job *)job;
  (void)text;
  write->done = status;
  write->order = num_done++;
  sem_post(write->ended);
}

/* Holds the thread until the test has queued a whole group. */
struct gate {
  struct acme_job job; /* first */
  sem_t entered, open;
};

static void hold(struct acme_job *job, mtc_status status, const char *text) {
  struct gate *gate = (struct gate *)job;
  (void)status, (void)text;
  sem_post(&gate->entered);
  sem_wait(&gate->open);
}

static uint64_t count_rows(const char *path) {
  sqlite3 *db;
  struct mtc_query query;
  struct mtc_error error = {""};
  uint64_t num = 0;
  assert_int_equal(mtc_sql_open(path, true, &db, &error), MTC_OK);
  mtc_query_open(&query, db, "SELECT count(*) - 1 FROM schema_version", &error);
  if (mtc_query_next(&query)) num = mtc_query_uint(&query, 0);
  assert_int_equal(mtc_query_close(&query), MTC_OK);
  assert_true(mtc_sql_close(db));
  return num;
}

/* Runs the jobs as one group. */
static void run_group(void **state, struct write_job *writes, size_t num) {
  sqlite3 *db;
  struct acme_jobs *jobs;
  struct mtc_error error = {""};
  struct gate gate = {.job = {.done = hold}};
  sem_t ended;
  num_done = 0;
  sem_init(&ended, 0, 0);
  sem_init(&gate.entered, 0, 0);
  sem_init(&gate.open, 0, 0);
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &db, &error), MTC_OK);
  assert_int_equal(acme_jobs_open(db, NULL, NULL, &jobs, &error), MTC_OK);
  acme_jobs_put(jobs, &gate.job);
  sem_wait(&gate.entered);
  for (size_t i = 0; i < num; i++) {
    writes[i].db = db;
    writes[i].ended = &ended;
    writes[i].job.done = done;
    acme_jobs_put(jobs, &writes[i].job);
  }
  sem_post(&gate.open);
  for (size_t i = 0; i < num; i++)
    sem_wait(&ended);
  acme_jobs_close(jobs);
  assert_true(mtc_sql_close(db));
}

static void test_group_commits(void **state) {
  enum { NUM = 1200 }; /* more than one group */
  struct write_job *writes = calloc(NUM, sizeof *writes);
  for (int i = 0; i < NUM; i++)
    writes[i] = (struct write_job){.job.run = run, .value = i + 2, .writes = true};
  run_group(state, writes, NUM);
  for (unsigned i = 0; i < NUM; i++) {
    assert_int_equal(writes[i].done, MTC_OK);
    assert_int_equal(writes[i].order, i);
  }
  assert_int_equal(count_rows(path_in(*state, "acme.db")), NUM);
  free(writes);
}

static void test_failure_without_writing_is_its_own(void **state) {
  struct write_job writes[3] = {
      {.job.run = run, .value = 2, .writes = true},
      {.job.run = run, .fails = MTC_CORRUPT},
      {.job.run = run, .value = 3, .writes = true},
  };
  run_group(state, writes, 3);
  assert_int_equal(writes[0].done, MTC_OK);
  assert_int_equal(writes[1].done, MTC_CORRUPT);
  assert_int_equal(writes[2].done, MTC_OK);
  assert_int_equal(count_rows(path_in(*state, "acme.db")), 2);
}

static void test_failure_after_writing_undoes_the_group(void **state) {
  struct write_job writes[4] = {
      {.job.run = run, .value = 2, .writes = true},
      {.job.run = run, .value = 3, .writes = true, .fails = MTC_NOMEM},
      {.job.run = run, .value = 4, .writes = true},
      {.job.run = NULL}, /* needs no transaction */
  };
  run_group(state, writes, 4);
  for (int i = 0; i < 3; i++)
    assert_int_equal(writes[i].done, MTC_NOMEM);
  assert_int_equal(writes[3].done, MTC_OK);
  assert_int_equal(count_rows(path_in(*state, "acme.db")), 0);
}

/* What is queued when the end is asked for is still run. */
static void test_close_runs_what_is_queued(void **state) {
  sqlite3 *db;
  struct acme_jobs *jobs;
  struct mtc_error error = {""};
  sem_t ended;
  sem_init(&ended, 0, 0);
  struct write_job write = {.job = {.run = run, .done = done}, .writes = true, .value = 9};
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &db, &error), MTC_OK);
  assert_int_equal(acme_jobs_open(db, NULL, NULL, &jobs, &error), MTC_OK);
  write.db = db;
  write.ended = &ended;
  acme_jobs_put(jobs, &write.job);
  acme_jobs_close(jobs);
  assert_true(mtc_sql_close(db));
  assert_int_equal(count_rows(path_in(*state, "acme.db")), 1);
}

/* A commit that fails is told to everybody: here the file is locked by someone else for too long.
 */
static void test_lock_that_stays(void **state) {
  sqlite3 *db, *other;
  struct acme_jobs *jobs;
  struct mtc_error error = {""};
  sem_t ended;
  sem_init(&ended, 0, 0);
  struct write_job write = {.job = {.run = run, .done = done}, .writes = true, .value = 9};
  const char *path = path_in(*state, "acme.db");
  assert_int_equal(acme_db_open(path, true, &db, &error), MTC_OK);
  (void)sqlite3_busy_timeout(db, 1);
  assert_int_equal(acme_db_open(path, true, &other, &error), MTC_OK);
  assert_int_equal(mtc_sql_run(other, "BEGIN IMMEDIATE", &error), MTC_OK);
  assert_int_equal(acme_jobs_open(db, NULL, NULL, &jobs, &error), MTC_OK);
  write.db = db;
  write.ended = &ended;
  acme_jobs_put(jobs, &write.job);
  sem_wait(&ended);
  assert_int_equal(write.done, MTC_IO);
  assert_int_equal(mtc_sql_run(other, "ROLLBACK", &error), MTC_OK);
  acme_jobs_put(jobs, &write.job);
  sem_wait(&ended);
  assert_int_equal(write.done, MTC_OK);
  acme_jobs_close(jobs);
  assert_true(mtc_sql_close(db));
  assert_true(mtc_sql_close(other));
}

static int64_t tick(void *context) {
  sem_post(context);
  return 1;
}

static void test_tick(void **state) {
  sqlite3 *db;
  struct acme_jobs *jobs;
  struct mtc_error error = {""};
  sem_t ticked;
  sem_init(&ticked, 0, 0);
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &db, &error), MTC_OK);
  assert_int_equal(acme_jobs_open(db, tick, &ticked, &jobs, &error), MTC_OK);
  for (int i = 0; i < 3; i++)
    sem_wait(&ticked); /* without any job */
  acme_jobs_close(jobs);
  assert_true(mtc_sql_close(db));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_group_commits),
      TEST(test_failure_without_writing_is_its_own),
      TEST(test_failure_after_writing_undoes_the_group),
      TEST(test_close_runs_what_is_queued),
      TEST(test_lock_that_stays),
      TEST(test_tick),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
