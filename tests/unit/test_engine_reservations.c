/* Reserved indices: filled in any order, kept over restarts, null entries when they expire. */
#include "unit/engine_fixture.h"

#define NOW_MS INT64_C(1800000000000)

static uint64_t reserve(struct fixture *f, uint64_t count, int64_t *out_expires_s) {
  uint64_t first = UINT64_MAX;
  int64_t expires_s = 0;
  assert_ok(mtc_engine_reserve(f->engine, count, &first, &expires_s, &error));
  if (out_expires_s) *out_expires_s = expires_s;
  return first;
}

static void filled_in_order(void **state) {
  struct fixture *f = *state;
  struct answer answers[4] = {0};
  (void)log_entry(f, 100);
  assert_int_equal(reserve(f, 3, NULL), 1);
  for (unsigned i = 0; i < 3; i++) {
    assert_ok(submit_at(f, i, 1 + i, &answers[i], &error));
    assert_int_equal(await_index(&answers[i]), 1 + i);
  }
  assert_ok(submit(f, 101, NULL, &answers[3], &error));
  assert_int_equal(await_index(&answers[3]), 4);
  assert_int_equal(expect_sound(f).num_null_entries, 0);
}

static void filled_out_of_order(void **state) {
  struct fixture *f = *state;
  struct answer answers[4] = {0};
  assert_int_equal(reserve(f, 3, NULL), 0);
  assert_ok(submit(f, 9, NULL, &answers[3], &error)); /* queued behind all three */
  assert_ok(submit_at(f, 2, 2, &answers[2], &error));
  assert_ok(submit_at(f, 1, 1, &answers[1], &error));
  assert_int_equal(stats_of(f).num_waiting, 3);
  assert_ok(submit_at(f, 0, 0, &answers[0], &error));
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(await_index(&answers[i]), i);
  assert_int_equal(stats_of(f).num_null_entries, 0);
  (void)expect_sound(f);
}

/* The batch ends before the unfilled one; what is before it is not held up. */
static void a_batch_ends_before_an_unfilled_one(void **state) {
  struct fixture *f = *state;
  struct answer before = {0}, behind = {0}, fill = {0};
  with_options(f, o->batch_max_delay_ms = 300);
  assert_ok(submit(f, 1, NULL, &before, &error));
  assert_int_equal(reserve(f, 1, NULL), 1);
  assert_ok(submit(f, 2, NULL, &behind, &error));
  assert_int_equal(await_index(&before), 0);
  until(f, stats.state == MTC_ENGINE_COLLECT);
  assert_int_equal(stats_of(f).tree_size, 1);
  assert_int_equal(answered(&behind), 0);
  assert_ok(submit_at(f, 3, 1, &fill, &error));
  assert_int_equal(await_index(&fill), 1);
  assert_int_equal(await_index(&behind), 2);
  (void)expect_sound(f);
}

static void an_expired_one_is_a_null_entry(void **state) {
  struct fixture *f = *state;
  struct answer behind = {0}, late = {0};
  int64_t expires_s;
  mtc_clock_set(NOW_MS);
  with_options(f, o->reservation_ttl_s = 30);
  assert_int_equal(reserve(f, 2, &expires_s), 0);
  assert_int_equal(expires_s, NOW_MS / 1000 + 30);
  mtc_clock_set(NOW_MS + 29999);
  assert_ok(submit_at(f, 1, 0, &late, &error)); /* still in time */
  mtc_clock_set(NOW_MS + 30000);
  assert_status(submit_at(f, 2, 1, &late, &error), MTC_INPUT);
  assert_ok(submit(f, 3, NULL, &behind, &error));
  assert_int_equal(await_index(&behind), 2);
  assert_int_equal(await_index(&late), 0);
  assert_int_equal(stats_of(f).num_null_entries, 1);
  assert_status(submit_at(f, 2, 1, &late, &error), MTC_INPUT); /* logged now */
  assert_int_equal(expect_sound(f).num_null_entries, 1);
  struct mtc_bytes certificate = {0};
  assert_status(mtc_engine_certificate(f->engine, 1, false, &certificate, NULL, &error), MTC_INPUT);
  assert_status(mtc_engine_certificate(f->engine, 1, true, &certificate, NULL, &error), MTC_INPUT);
  assert_int_equal(certificate.len, 0);
}

/* More of them than a batch takes: the entry behind is not lost. */
static void expired_ones_fill_batches(void **state) {
  struct fixture *f = *state;
  struct answer behind = {0};
  mtc_clock_set(NOW_MS);
  with_options(f, (o->batch_max_entries = 4, o->reservation_ttl_s = 1));
  assert_int_equal(reserve(f, 11, NULL), 0);
  mtc_clock_set(NOW_MS + 2000);
  assert_ok(submit(f, 1, NULL, &behind, &error));
  assert_int_equal(await_index(&behind), 11);
  assert_true(stats_of(f).num_batches >= 3);
  assert_int_equal(expect_sound(f).num_null_entries, 11);
}

/* Nobody asks for anything any more: they become null entries all the same, also after a restart.
 */
static void expired_ones_at_the_end_are_null_entries(void **state) {
  struct fixture *f = *state;
  mtc_clock_set(NOW_MS);
  with_options(f, (o->batch_max_entries = 4, o->reservation_ttl_s = 1));
  assert_int_equal(log_entry(f, 1), 0);
  assert_int_equal(reserve(f, 11, NULL), 1);
  mtc_clock_set(NOW_MS + 2000);
  until(f, stats.tree_size == 12);
  assert_int_equal(reserve(f, 1, NULL), 12);
  mtc_clock_set(NOW_MS + 4000);
  restart(f);
  until(f, stats.tree_size == 13);
  assert_int_equal(expect_sound(f).num_null_entries, 12);
}

static void wrong_indices_are_refused(void **state) {
  struct fixture *f = *state;
  struct answer answer = {0}, refused = {0};
  uint64_t first = 7;
  int64_t expires_s = 7;
  (void)log_entry(f, 1);
  assert_int_equal(reserve(f, 2, NULL), 1);
  assert_ok(submit_at(f, 2, 2, &answer, &error));
  assert_status(submit_at(f, 3, 0, &refused, &error), MTC_INPUT); /* logged */
  assert_status(submit_at(f, 3, 2, &refused, &error), MTC_INPUT); /* filled */
  assert_status(submit_at(f, 3, 3, &refused, &error), MTC_INPUT); /* nobody's */
  assert_status(submit_at(f, 3, UINT64_MAX, &refused, &error), MTC_INPUT);
  assert_int_equal(answered(&refused), 0);
  assert_status(mtc_engine_reserve(f->engine, 0, &first, &expires_s, &error), MTC_INPUT);
  assert_status(mtc_engine_reserve(f->engine, 65537, &first, &expires_s, &error), MTC_INPUT);
  assert_int_equal(first, 7);
  assert_ok(submit_at(f, 3, 1, &refused, &error));
  assert_int_equal(await_index(&answer), 2);
  assert_int_equal(await_index(&refused), 1);
}

/* A client that lost the answer asks again: queued, in the log, after a restart. */
static void the_same_entry_gets_the_same_answer(void **state) {
  struct fixture *f = *state;
  struct answer first = {0}, second = {0}, third = {0}, fourth = {0}, other = {0}, late = {0};
  assert_int_equal(reserve(f, 2, NULL), 0);
  assert_ok(submit_at(f, 1, 1, &first, &error));
  assert_ok(submit_at(f, 1, 1, &second, &error)); /* waits behind index 0 */
  assert_status(submit_at(f, 2, 1, &other, &error), MTC_INPUT);
  assert_ok(submit_at(f, 3, 0, &late, &error));
  assert_int_equal(await_index(&first), 1);
  assert_int_equal(await_index(&second), 1);
  assert_ok(submit_at(f, 1, 1, &third, &error)); /* logged */
  assert_int_equal(await_index(&third), 1);
  assert_status(submit_at(f, 2, 1, &other, &error), MTC_INPUT);
  restart(f);
  assert_ok(submit_at(f, 1, 1, &fourth, &error));
  assert_int_equal(await_index(&fourth), 1);
  assert_int_equal(answered(&other), 0);
  assert_int_equal(stats_of(f).tree_size, 2);
  (void)expect_sound(f);
}

/* A queue that is full behind an unfilled reservation takes the entry that fills it. */
static void a_full_queue_is_unblocked(void **state) {
  struct fixture *f = *state;
  struct answer answers[3] = {0}, refused = {0}, fill = {0};
  with_options(f, o->queue_max_entries = 3);
  assert_int_equal(reserve(f, 1, NULL), 0);
  for (unsigned i = 0; i < 3; i++)
    assert_ok(submit(f, i, NULL, &answers[i], &error));
  assert_status(submit(f, 4, NULL, &refused, &error), MTC_BUSY);
  assert_ok(submit_at(f, 5, 0, &fill, &error));
  assert_int_equal(await_index(&fill), 0);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(await_index(&answers[i]), 1 + i);
}

/* Reserved ones keep their places; what was only queued before them is a null entry. */
static void restart_keeps_reservations(void **state) {
  struct fixture *f = *state;
  struct answer lost[2] = {0}, filled = {0}, refused = {0}, fill[3] = {0}, behind = {0};
  (void)log_entry(f, 1);
  with_options(f, o->batch_max_delay_ms = 1u << 30);
  assert_ok(submit(f, 2, NULL, &lost[0], &error));
  assert_int_equal(reserve(f, 2, NULL), 2);
  assert_ok(submit(f, 3, NULL, &lost[1], &error));
  assert_int_equal(reserve(f, 1, NULL), 5);
  assert_ok(submit_at(f, 4, 5, &filled, &error)); /* not staged: may be filled again */
  with_options(f, o->batch_max_delay_ms = 1);
  assert_int_equal(filled.receipt.status, MTC_BUSY);
  assert_status(submit_at(f, 5, 1, &refused, &error), MTC_INPUT);
  assert_status(submit_at(f, 5, 4, &refused, &error), MTC_INPUT);
  assert_ok(submit(f, 6, NULL, &behind, &error));
  assert_ok(submit_at(f, 7, 5, &fill[2], &error));
  assert_ok(submit_at(f, 8, 3, &fill[1], &error));
  assert_ok(submit_at(f, 9, 2, &fill[0], &error));
  assert_int_equal(await_index(&fill[0]), 2);
  assert_int_equal(await_index(&fill[1]), 3);
  assert_int_equal(await_index(&fill[2]), 5);
  assert_int_equal(await_index(&behind), 6);
  assert_int_equal(expect_sound(f).num_null_entries, 2);
}

/* More rows than one read brings. */
static void restart_keeps_thousands(void **state) {
  struct fixture *f = *state;
  struct answer fill = {0};
  mtc_clock_set(NOW_MS);
  restart(f);
  assert_int_equal(reserve(f, 9000, NULL), 0);
  restart(f);
  assert_int_equal(reserve(f, 1, NULL), 9000);
  assert_ok(submit_at(f, 1, 8999, &fill, &error));
  mtc_clock_set(NOW_MS + 61000);
  struct answer behind = {0};
  assert_ok(submit(f, 2, NULL, &behind, &error));
  assert_int_equal(await_index(&fill), 8999);
  assert_int_equal(await_index(&behind), 9001);
  assert_int_equal(expect_sound(f).num_null_entries, 9000);
}

static void too_many_are_busy(void **state) {
  struct fixture *f = *state;
  uint64_t first;
  int64_t expires_s;
  for (unsigned i = 0; i < 4; i++)
    (void)reserve(f, 65536, NULL);
  assert_status(mtc_engine_reserve(f->engine, 1, &first, &expires_s, &error), MTC_BUSY);
  restart(f);
  assert_status(mtc_engine_reserve(f->engine, 1, &first, &expires_s, &error), MTC_BUSY);
}

/* Without memory nothing is reserved, neither here nor in the store. */
static void out_of_memory_reserves_nothing(void **state) {
  struct fixture *f = *state;
  uint64_t first;
  int64_t expires_s;
  mtc_status status = MTC_NOMEM;
  for (long i = 0; status; i++) {
    struct mtc_error error = {0};
    mtc_alloc_fail_after(i);
    status = mtc_engine_reserve(f->engine, 3000, &first, &expires_s, &error);
    mtc_alloc_fail_after(-1);
    if (status && status != MTC_NOMEM) fail_msg("%s: %s", mtc_status_name(status), error.text);
  }
  assert_int_equal(first, 0);
  assert_int_equal(reserve(f, 1, NULL), 3000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(filled_in_order),
      test(filled_out_of_order),
      test(a_batch_ends_before_an_unfilled_one),
      test(an_expired_one_is_a_null_entry),
      test(expired_ones_fill_batches),
      test(expired_ones_at_the_end_are_null_entries),
      test(the_same_entry_gets_the_same_answer),
      test(wrong_indices_are_refused),
      test(a_full_queue_is_unblocked),
      test(restart_keeps_reservations),
      test(restart_keeps_thousands),
      test(too_many_are_busy),
      test(out_of_memory_reserves_nothing),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
