/* A client that asks twice gets one index, whenever it asks. */
#include "unit/engine_fixture.h"

static void while_queued(void **state) {
  struct fixture *f = *state;
  struct answer first = {0}, second = {0}, filler = {0};
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 2));
  assert_ok(submit(f, 1, "a", &first, &error));
  assert_ok(submit(f, 1, "a", &second, &error));
  assert_int_equal(stats_of(f).num_waiting, 1);
  assert_ok(submit(f, 2, NULL, &filler, &error));
  assert_int_equal(await_index(&first), 0);
  assert_int_equal(await_index(&second), 0);
  assert_int_equal(await_index(&filler), 1);
}

static void while_in_the_batch(void **state) {
  struct fixture *f = *state;
  struct answer first = {0}, second = {0}, other = {0};
  assert_int_equal(kill(signer_pid(), SIGSTOP), 0);
  assert_ok(submit(f, 1, "a", &first, &error));
  until(f, stats.state == MTC_ENGINE_SIGN);
  assert_ok(submit(f, 1, "a", &second, &error));
  assert_status(submit(f, 2, "a", &other, &error), MTC_INPUT);
  assert_int_equal(answered(&first) + answered(&second), 0);
  assert_int_equal(stats_of(f).num_waiting, 0);
  assert_int_equal(kill(signer_pid(), SIGCONT), 0);
  assert_int_equal(await_index(&first), 0);
  assert_int_equal(await_index(&second), 0);
  assert_int_equal(expect_sound(f).tree_size, 1);
}

static void after_commit_and_restart(void **state) {
  struct fixture *f = *state;
  struct answer answers[4] = {0};
  (void)log_entry(f, 9);
  assert_ok(submit(f, 1, "a", &answers[0], &error));
  assert_int_equal(await_index(&answers[0]), 1);
  assert_ok(submit(f, 1, "a", &answers[1], &error));
  assert_int_equal(await_index(&answers[1]), 1);
  restart(f);
  assert_ok(submit(f, 1, "a", &answers[2], &error));
  assert_int_equal(await_index(&answers[2]), 1);
  /* The same key again, queue or no queue, and another one beside it. */
  assert_ok(submit(f, 1, "b", &answers[3], &error));
  assert_int_equal(await_index(&answers[3]), 2);
  assert_int_equal(stats_of(f).tree_size, 3);
  (void)expect_sound(f);
}

static void another_request_is_refused(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, filler = {0}, refused = {0};
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 2));
  assert_ok(submit(f, 1, "a", &answer, &error));
  assert_status(submit(f, 2, "a", &refused, &error), MTC_INPUT);
  assert_ok(submit(f, 3, NULL, &filler, &error));
  assert_int_equal(await_index(&answer), 0);
  assert_status(submit(f, 2, "a", &refused, &error), MTC_INPUT);
  restart(f);
  assert_status(submit(f, 2, "a", &refused, &error), MTC_INPUT);
  assert_int_equal(answered(&refused), 0);
  assert_int_equal(stats_of(f).num_waiting, 0);
}

/* What close refused was never logged: the same key may be used again. */
static void a_key_that_was_never_logged_is_free(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, again = {0};
  with_options(f, o->batch_max_delay_ms = 1u << 30);
  assert_ok(submit(f, 1, "a", &answer, &error));
  with_options(f, o->batch_max_delay_ms = 1);
  assert_int_equal(answer.times, 1);
  assert_int_equal(answer.receipt.status, MTC_BUSY);
  assert_ok(submit(f, 2, "a", &again, &error));
  assert_int_equal(await_index(&again), 0);
}

/* Many keys share a bucket of the table: each keeps its own. */
static void thousands_of_keys(void **state) {
  struct fixture *f = *state;
  enum { NUM = 6000 };
  static struct answer answers[NUM], again[NUM];
  char id[32];
  memset(answers, 0, sizeof answers);
  memset(again, 0, sizeof again);
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = NUM));
  for (unsigned i = 0; i < NUM - 1; i++) {
    (void)snprintf(id, sizeof id, "request-%u", i);
    assert_ok(submit(f, i, id, &answers[i], &error));
  }
  for (unsigned i = 0; i < NUM - 1; i += 7) {
    (void)snprintf(id, sizeof id, "request-%u", i);
    assert_ok(submit(f, i, id, &again[i], &error));
  }
  assert_ok(submit(f, NUM, NULL, &answers[NUM - 1], &error));
  for (unsigned i = 0; i < NUM; i++)
    assert_int_equal(await_index(&answers[i]), i);
  for (unsigned i = 0; i < NUM - 1; i += 7)
    assert_int_equal(await_index(&again[i]), i);
  (void)expect_sound(f);
}

static mtc_status withdraw(struct fixture *f, const char *request_id, struct answer *answer,
                           bool *out_is_known, struct mtc_error *error) {
  return mtc_engine_withdraw(f->engine, request_id, keep_answer, answer, out_is_known, error);
}

/* Who withdraws a request that is queued or in the log learns what becomes of it. */
static void a_known_request_is_not_withdrawn(void **state) {
  struct fixture *f = *state;
  struct answer first = {0}, queued = {0}, logged = {0}, later = {0}, again = {0}, filler = {0};
  bool is_known = false;
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 2));
  assert_ok(submit(f, 1, "a", &first, &error));
  assert_ok(withdraw(f, "a", &queued, &is_known, &error));
  assert_true(is_known);
  assert_ok(submit(f, 2, NULL, &filler, &error));
  assert_int_equal(await_index(&first), 0);
  assert_int_equal(await_index(&queued), 0);
  assert_int_equal(await_index(&filler), 1);
  assert_ok(withdraw(f, "a", &logged, &is_known, &error));
  assert_true(is_known);
  assert_int_equal(await_index(&logged), 0);
  restart(f);
  assert_ok(withdraw(f, "a", &later, &is_known, &error));
  assert_true(is_known);
  assert_int_equal(await_index(&later), 0);
  assert_ok(submit(f, 1, "a", &again, &error));
  assert_int_equal(await_index(&again), 0);
}

/* What comes after its withdrawal is refused, also after a restart, and nothing else is. */
static void a_withdrawn_request_is_refused_for_good(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, other = {0};
  bool is_known = true;
  for (unsigned i = 0; i < 2; i++) {
    assert_ok(withdraw(f, "a", &answer, &is_known, &error));
    assert_false(is_known);
    assert_status(submit(f, 1, "a", &answer, &error), MTC_INPUT);
    restart(f);
    assert_status(submit(f, 1, "a", &answer, &error), MTC_INPUT);
  }
  assert_int_equal(answered(&answer), 0);
  assert_ok(submit(f, 1, "b", &other, &error));
  assert_int_equal(await_index(&other), 0);
  assert_status(withdraw(f, "", &answer, &is_known, &error), MTC_INPUT);
  assert_int_equal(expect_sound(f).tree_size, 1);
}

/* A compromised key: what was accepted before is answered, nothing else is accepted, for good. */
static void a_compromised_key_is_refused(void **state) {
  struct fixture *f = *state;
  struct mtc_revocation revocation = {.serial = {0, LOG_NUMBER}, .serial_len = 8, .reason = 1},
                        kept;
  struct answer first = {0}, again = {0}, refused = {0}, other = {0};
  struct mtc_error text = {""};
  struct mtc_hash key;
  struct entry entry;
  make_entry(f, 1, NULL, &entry);
  mtc_hash_message(entry.submission.public_key, &key);
  free_entry(&entry);
  assert_ok(mtc_store_check_key(f->store, &key, &error));
  assert_ok(submit(f, 1, "a", &first, &error));
  assert_int_equal(await_index(&first), 0);
  assert_ok(mtc_store_revoke(f->store, &revocation, &key, &kept, &error));
  assert_status(mtc_store_check_key(f->store, &key, &error), MTC_INPUT);
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(submit(f, 1, "b", &refused, &text), MTC_INPUT);
    assert_non_null(strstr(text.text, "was revoked for keyCompromise"));
    assert_status(submit(f, 1, NULL, &refused, &error), MTC_INPUT);
    uint64_t index;
    int64_t expires_s;
    assert_ok(mtc_engine_reserve(f->engine, 1, &index, &expires_s, &error));
    assert_status(submit_at(f, 1, index, &refused, &error), MTC_INPUT);
    assert_ok(submit_at(f, 2 + i, index, &other, &error));
    await(&other);
    other = (struct answer){0};
    restart(f);
  }
  assert_ok(submit(f, 1, "a", &again, &error));
  assert_int_equal(await_index(&again), 0);
  assert_int_equal(answered(&refused), 0);
  assert_int_equal(expect_sound(f).tree_size, 3);
}

/* The database's next log, as the first one was made: an empty tree, committed. */
static void begin_next_log(struct fixture *f) {
  static const char sql[] =
      "INSERT INTO logs SELECT log_number + 1, ca_id, wire_version, 0, 0, 0 FROM logs;"
      "INSERT INTO checkpoints SELECT log_number + 1, tree_size, root, timestamp_s, state"
      " FROM checkpoints WHERE tree_size = 0;";
  sqlite3 *db;
  close_engine(f);
  assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  f->options.log_number = LOG_NUMBER + 1;
  assert_ok(
      mtc_store_open(f->store_path, f->wire, &f->ca_id, LOG_NUMBER + 1, false, &f->store, &error));
  f->options.store = f->store;
  assert_ok(mtc_engine_open(&f->options, &f->engine, &error));
}

/* What the log before certified is not certified again, and who asks is told where it is. */
static void after_a_switch_to_the_next_log(void **state) {
  struct fixture *f = *state;
  struct answer first = {0}, again = {0}, other = {0};
  struct mtc_error text = {""};
  bool is_known;
  assert_ok(submit(f, 1, "a", &first, &error));
  assert_int_equal(await_index(&first), 0);
  begin_next_log(f);
  assert_int_equal(submit(f, 1, "a", &again, &text), MTC_INPUT);
  assert_non_null(strstr(text.text, "request ID a has entry 0 of log 3 (serial number "));
  assert_status(withdraw(f, "a", &again, &is_known, &error), MTC_INPUT);
  assert_int_equal(answered(&again), 0);
  assert_ok(submit(f, 2, "b", &other, &error));
  await(&other);
  assert_int_equal(other.receipt.status, MTC_OK);
  assert_int_equal(other.receipt.log_number, LOG_NUMBER + 1);
  assert_int_equal(other.receipt.index, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(while_queued),
      test(while_in_the_batch),
      test(after_commit_and_restart),
      test(another_request_is_refused),
      test(a_key_that_was_never_logged_is_free),
      test(thousands_of_keys),
      test(a_known_request_is_not_withdrawn),
      test(a_withdrawn_request_is_refused_for_good),
      test(after_a_switch_to_the_next_log),
      test(a_compromised_key_is_refused),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
