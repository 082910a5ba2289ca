/* The token, the disk or the stored bytes fail: what is retried, and what stops the log. */
#include "unit/engine_fixture.h"

#include <sys/stat.h>

static void move_key(struct fixture *f, bool away) {
  char other[128];
  (void)snprintf(other, sizeof other, "%s.away", f->key_path);
  assert_int_equal(away ? rename(f->key_path, other) : rename(other, f->key_path), 0);
  if (away) assert_int_equal(kill(signer_pid(), SIGKILL), 0);
}

static void a_signer_that_comes_back(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, next = {0};
  (void)log_entry(f, 1);
  move_key(f, true);
  assert_ok(submit(f, 2, "a", &answer, &error));
  until(f, stats.num_retries >= 2);
  assert_int_equal(stats_of(f).state, MTC_ENGINE_SIGN);
  assert_non_null(strstr(stats_of(f).last_error, "sign: signing [0, 2)"));
  assert_int_equal(answered(&answer), 0);
  assert_ok(submit(f, 3, NULL, &next, &error)); /* the queue goes on */
  move_key(f, false);
  assert_int_equal(await_index(&answer), 1);
  assert_int_equal(await_index(&next), 2);
  (void)expect_sound(f);
}

static int shell(struct fixture *f, const char *text) {
  char command[512];
  (void)snprintf(command, sizeof command, "cd %s && %s", f->folder, text);
  return system(command);
}

/* Going on from an older copy would sign a size a second time. */
static void an_older_database_is_not_continued(void **state) {
  struct fixture *f = *state;
  (void)log_entry(f, 1);
  close_engine(f);
  assert_int_equal(shell(f, "cp log.db older.db"), 0);
  assert_ok(open_engine(f, &error));
  (void)log_entry(f, 2);
  close_engine(f);
  assert_int_equal(shell(f, "mv log.db newer.db && cp older.db log.db"), 0);
  assert_status(open_engine(f, &error), MTC_CORRUPT);
  close_engine(f);
  /* Of the same size, but another tree: an older copy that went on elsewhere. */
  assert_int_equal(shell(f, "mv www elsewhere"), 0);
  assert_ok(open_engine(f, &error));
  (void)log_entry(f, 3);
  close_engine(f);
  assert_int_equal(shell(f, "rm -r www && mv elsewhere www"), 0);
  assert_status(open_engine(f, &error), MTC_CORRUPT);
  close_engine(f);
  assert_int_equal(shell(f, "rm log.db* && mv newer.db log.db"), 0);
  assert_ok(open_engine(f, &error));
  assert_int_equal(log_entry(f, 4), 2);
  (void)expect_sound(f);
}

/* Emptied while the engine runs, and between two runs: it is filled up again. */
static void a_lost_folder_is_published_again(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark landmark;
  for (unsigned i = 0; i < 300; i += 100) {
    struct answer answers[100] = {0};
    for (unsigned k = 0; k < 100; k++)
      assert_ok(submit(f, i + k, NULL, &answers[k], &error));
    for (unsigned k = 0; k < 100; k++)
      (void)await_index(&answers[k]);
  }
  assert_ok(mtc_engine_allocate_landmark(f->engine, &landmark, &error));
  assert_int_equal(shell(f, "rm -r www"), 0);
  (void)log_entry(f, 300);
  (void)expect_sound(f);
  close_engine(f);
  assert_int_equal(shell(f, "rm -r www"), 0);
  assert_ok(open_engine(f, &error));
  (void)expect_sound(f);
}

/* The token holds a key, but not the one of the CA certificate. */
static void another_key_is_noticed_at_the_start(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes other = {0};
  char path[128];
  close_engine(f);
  mtc_signer_close(f->signer);
  (void)snprintf(path, sizeof path, "%s/other.pem", f->folder);
  struct mtc_key_request request = {.uri = path, .algorithm = MTC_ALGORITHM_MLDSA44};
  assert_ok(mtc_key_generate(&request, &other, &error));
  mtc_bytes_free(&other);
  assert_int_equal(shell(f, "mv key.pem right.pem && mv other.pem key.pem"), 0);
  struct mtc_signer_options options = signer_options(f);
  assert_status(mtc_signer_open(&options, &f->signer, &error), MTC_TOKEN);
  assert_null(f->signer);
  assert_int_equal(shell(f, "mv right.pem key.pem"), 0);
  open_signer(f);
  f->options.signer = f->signer;
  assert_ok(open_engine(f, &error));
}

/* Every log serves a checkpoint, also before its first entry. */
static void the_empty_tree_has_a_checkpoint(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes first = {0}, second = {0};
  char path[160];
  (void)snprintf(path, sizeof path, "%s/%d/checkpoint", f->publish_folder, LOG_NUMBER);
  assert_ok(mtc_file_read(path, 1 << 20, &first, &error));
  assert_non_null(memmem(first.data, first.len, "\n0\n", 3));
  (void)expect_sound(f);
  restart(f);
  assert_ok(mtc_file_read(path, 1 << 20, &second, &error));
  assert_true(mtc_span_equal(mtc_span_of_bytes(&first), mtc_span_of_bytes(&second)));
  assert_int_equal(log_entry(f, 1), 0);
  (void)expect_sound(f);
  mtc_bytes_free(&first);
  mtc_bytes_free(&second);
}

/* The batch stays pending; the next start signs the same bytes. */
static void closed_while_the_signer_is_away(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, queued = {0}, again = {0};
  struct mtc_log_state pending;
  struct mtc_head head;
  (void)log_entry(f, 1);
  move_key(f, true);
  assert_ok(submit(f, 2, "a", &answer, &error));
  until(f, stats.num_retries >= 1);
  assert_ok(submit(f, 3, NULL, &queued, &error));
  assert_ok(mtc_store_state(f->store, &pending, &error));
  assert_true(pending.has_pending);
  close_engine(f);
  assert_int_equal(answer.times, 1);
  assert_int_equal(answer.receipt.status, MTC_BUSY);
  assert_int_equal(queued.times, 1);
  assert_int_equal(queued.receipt.status, MTC_BUSY);
  (void)expect_sound(f);

  assert_status(open_engine(f, &error), MTC_TOKEN);
  close_engine(f);
  move_key(f, false);
  mtc_signer_close(f->signer);
  open_signer(f);
  f->options.signer = f->signer;
  assert_ok(open_engine(f, &error));
  assert_ok(mtc_store_read_head(f->store, 2, &head, &error));
  assert_true(mtc_hash_equal(&head.root, &pending.pending.root));
  assert_int_equal(head.timestamp_s, pending.pending.timestamp_s);
  assert_ok(submit(f, 2, "a", &again, &error));
  assert_int_equal(await_index(&again), 1);
  (void)expect_sound(f);
}

static void make_publishing_fail(struct fixture *f, bool fail) {
  char command[256];
  (void)snprintf(command, sizeof command,
                 "cd %s && case %d in 1) mv %d kept && touch %d;; 0) rm %d && mv kept %d;; esac",
                 f->publish_folder, fail, LOG_NUMBER, LOG_NUMBER, LOG_NUMBER, LOG_NUMBER);
  assert_int_equal(system(command), 0);
}

static void a_folder_that_comes_back(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0};
  (void)log_entry(f, 1);
  make_publishing_fail(f, true);
  assert_ok(submit(f, 2, NULL, &answer, &error));
  until(f, stats.num_retries >= 2);
  assert_int_equal(stats_of(f).state, MTC_ENGINE_PUBLISH);
  assert_int_equal(answered(&answer), 0);
  make_publishing_fail(f, false);
  assert_int_equal(await_index(&answer), 1);
  (void)expect_sound(f);
}

/* Committed, not published: the next start publishes. */
static void closed_while_the_folder_is_away(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0};
  (void)log_entry(f, 1);
  make_publishing_fail(f, true);
  assert_ok(submit(f, 2, NULL, &answer, &error));
  until(f, stats.num_retries >= 1);
  close_engine(f);
  make_publishing_fail(f, false);
  assert_int_equal(answer.times, 1);
  assert_ok(open_engine(f, &error));
  assert_int_equal(stats_of(f).tree_size, 2);
  struct mtc_log_state now;
  assert_ok(mtc_store_state(f->store, &now, &error));
  assert_int_equal(now.published_size, 2);
  (void)expect_sound(f);
}

/* Another process holds SQLite's write lock for longer than the store waits: STAGE is repeated. */
static void a_store_that_comes_back(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0};
  sqlite3 *db;
  (void)log_entry(f, 1);
  assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  assert_ok(submit(f, 2, NULL, &answer, &error));
  until(f, stats.num_retries >= 1);
  assert_int_equal(stats_of(f).state, MTC_ENGINE_STAGE);
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  assert_int_equal(await_index(&answer), 1);
  (void)expect_sound(f);
}

/* Memory runs out somewhere between SEAL and CERTIFY: the batch is finished all the same. */
static void running_out_of_memory_is_survived(void **state) {
  struct fixture *f = *state;
  unsigned serial = 0;
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 2));
  for (long i = 0; i < 120; i += 1) {
    struct answer answers[2] = {0};
    struct entry entry;
    make_entry(f, serial + 1, NULL, &entry);
    assert_ok(submit(f, serial, NULL, &answers[0], &error));
    mtc_alloc_fail_after(i + 8); /* behind the submission's own */
    mtc_status status =
        mtc_engine_submit(f->engine, &entry.submission, keep_answer, &answers[1], NULL);
    if (status)
      status = mtc_engine_submit(f->engine, &entry.submission, keep_answer, &answers[1], NULL);
    assert_int_equal(status, MTC_OK);
    assert_int_equal(await_index(&answers[0]), serial);
    assert_int_equal(await_index(&answers[1]), serial + 1);
    mtc_alloc_fail_after(-1);
    free_entry(&entry);
    serial += 2;
  }
  (void)expect_sound(f);
}

/* The published folder holds something else: nothing more may be signed. */
static void a_contradiction_halts_the_log(void **state) {
  struct fixture *f = *state;
  struct answer answers[3] = {0};
  char command[256];
  uint64_t first;
  int64_t expires_s;
  (void)log_entry(f, 1);
  (void)snprintf(command, sizeof command,
                 "mkdir -p %s/%d/tile/0/000.p && echo x > %s/%d/tile/0/000.p/2", f->publish_folder,
                 LOG_NUMBER, f->publish_folder, LOG_NUMBER);
  assert_int_equal(system(command), 0);
  assert_int_equal(kill(signer_pid(), SIGSTOP), 0);
  assert_ok(submit(f, 2, "a", &answers[0], &error));
  until(f, stats.state == MTC_ENGINE_SIGN);
  assert_ok(submit(f, 2, "a", &answers[1], &error));
  assert_ok(submit(f, 3, NULL, &answers[2], &error)); /* queued: hears it, too */
  assert_int_equal(kill(signer_pid(), SIGCONT), 0);
  for (unsigned i = 0; i < 3; i++) {
    await(&answers[i]);
    assert_int_equal(answers[i].receipt.status, MTC_CORRUPT);
  }
  until(f, stats.num_waiting == 0);
  assert_status(submit(f, 4, NULL, &answers[0], &error), MTC_CORRUPT);
  assert_status(mtc_engine_reserve(f->engine, 1, &first, &expires_s, &error), MTC_CORRUPT);
  assert_non_null(strstr(stats_of(f).last_error, "publish"));
  assert_int_equal(answers[0].times, 1);
  assert_true(examine(f).num_problems > 0);
  close_engine(f);
  assert_status(open_engine(f, &error), MTC_CORRUPT);
}

static void expect_corrupt(struct fixture *f, const char *sql) {
  close_engine(f);
  damage(f, sql);
  assert_status(open_engine(f, &error), MTC_CORRUPT);
}

static void a_changed_tile_is_corrupt(void **state) {
  (void)log_entry(*state, 1);
  (void)log_entry(*state, 2);
  expect_corrupt(*state,
                 "CREATE TEMP TABLE t AS SELECT bytes AS b FROM tiles WHERE level = 0;"
                 "DELETE FROM tiles WHERE level = 0;"
                 "INSERT INTO tiles SELECT 3, 0, 0, 2, CAST(zeroblob(32) || substr(b, 33) AS BLOB)"
                 " FROM t");
}

static void a_missing_tile_is_corrupt(void **state) {
  (void)log_entry(*state, 1);
  expect_corrupt(*state, "DELETE FROM tiles");
}

static void a_changed_signature_is_corrupt(void **state) {
  (void)log_entry(*state, 1);
  expect_corrupt(*state,
                 "CREATE TEMP TABLE t AS SELECT * FROM subtree_signatures WHERE is_checkpoint = 1;"
                 "DELETE FROM subtree_signatures WHERE is_checkpoint = 1;"
                 "INSERT INTO subtree_signatures SELECT log_number, is_checkpoint, end_index,"
                 " start_index, cosigner_id,"
                 " CAST(zeroblob(1) || substr(signature, 2) AS BLOB) FROM t");
}

static void a_missing_signature_is_corrupt(void **state) {
  (void)log_entry(*state, 1);
  expect_corrupt(*state, "DELETE FROM subtree_signatures WHERE is_checkpoint = 1");
}

static void another_key_is_corrupt(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes other = {0};
  char path[128];
  (void)log_entry(f, 1);
  close_engine(f);
  (void)snprintf(path, sizeof path, "%s/other.pem", f->folder);
  struct mtc_key_request request = {.uri = path, .algorithm = MTC_ALGORITHM_MLDSA44};
  assert_ok(mtc_key_generate(&request, &other, &error));
  f->options.public_key = mtc_span_of_bytes(&other);
  assert_status(open_engine(f, &error), MTC_CORRUPT);
  mtc_bytes_free(&other);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(an_older_database_is_not_continued),
      test(a_lost_folder_is_published_again),
      test(another_key_is_noticed_at_the_start),
      test(the_empty_tree_has_a_checkpoint),
      test(a_signer_that_comes_back),
      test(closed_while_the_signer_is_away),
      test(a_folder_that_comes_back),
      test(closed_while_the_folder_is_away),
      test(a_store_that_comes_back),
      test(running_out_of_memory_is_survived),
      test(a_contradiction_halts_the_log),
      test(a_changed_tile_is_corrupt),
      test(a_missing_tile_is_corrupt),
      test(a_changed_signature_is_corrupt),
      test(a_missing_signature_is_corrupt),
      test(another_key_is_corrupt),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
