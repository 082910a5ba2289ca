/* Landmarks and reservations: sequences that the store guards. */
#include "unit/store_fixture.h"

static mtc_status add(struct fixture *f, uint64_t number, uint64_t tree_size, int64_t expiry_s,
                      struct mtc_error *error) {
  const struct mtc_landmark landmark = {number, tree_size, expiry_s};
  return mtc_store_add_landmark(f->store, &landmark, error);
}

static void landmarks_keep_their_sequence(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark found[4];
  size_t num = 9;
  add_batch(f, 100);
  assert_ok(mtc_store_read_landmarks(f->store, found, 4, &num, &error));
  assert_int_equal(num, 0);
  assert_status(add(f, 0, 10, 1000, &error), MTC_INPUT);
  assert_status(add(f, 2, 10, 1000, &error), MTC_INPUT);
  assert_status(add(f, 1, 0, 1000, &error), MTC_INPUT);
  assert_status(add(f, 1, 101, 1000, &error), MTC_INPUT);
  assert_status(add(f, 1, 10, 0, &error), MTC_INPUT);
  assert_status(add(f, 1, 10, -5, &error), MTC_INPUT);
  assert_ok(add(f, 1, 10, 1000, &error));
  assert_status(add(f, 1, 20, 1000, &error), MTC_INPUT);
  assert_status(add(f, 2, 10, 1000, &error), MTC_INPUT);
  assert_status(add(f, 2, 20, 999, &error), MTC_INPUT);
  assert_status(add(f, UINT64_MAX, 20, 1000, &error), MTC_INPUT);
  assert_ok(add(f, 2, 20, 1000, &error));
  assert_ok(add(f, 3, 100, 1001, &error));
  reopen(f);
  assert_ok(mtc_store_read_landmarks(f->store, found, 2, &num, &error));
  assert_int_equal(num, 2);
  assert_int_equal(found[0].number, 3);
  assert_int_equal(found[0].tree_size, 100);
  assert_int_equal(found[0].expiry_s, 1001);
  assert_int_equal(found[1].number, 2);
}

static void a_pending_head_carries_no_landmark(void **state) {
  struct fixture *f = *state;
  struct batch *b = make_batch(f, 10);
  stage(f, b);
  assert_status(add(f, 1, 10, 1000, &error), MTC_INPUT);
  commit(f);
  assert_ok(add(f, 1, 10, 1000, &error));
  free_batch(b);
}

static void an_entry_belongs_to_the_lowest_landmark(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark found;
  uint64_t previous = 9;
  add_batch(f, 50);
  assert_ok(add(f, 1, 10, 1000, &error));
  assert_ok(add(f, 2, 30, 1000, &error));
  assert_ok(mtc_store_find_landmark(f->store, 0, &found, &previous, &error));
  assert_int_equal(found.number, 1);
  assert_int_equal(previous, 0);
  assert_ok(mtc_store_find_landmark(f->store, 9, &found, &previous, &error));
  assert_int_equal(found.number, 1);
  assert_ok(mtc_store_find_landmark(f->store, 10, &found, &previous, &error));
  assert_int_equal(found.number, 2);
  assert_int_equal(found.tree_size, 30);
  assert_int_equal(previous, 10);
  assert_status(mtc_store_find_landmark(f->store, 30, &found, &previous, &error), MTC_BUSY);
  assert_status(mtc_store_find_landmark(f->store, UINT64_MAX, &found, &previous, &error),
                MTC_INPUT);
}

/* A wire version whose landmarks have no expiry wants zero there. */
static void without_expiry_it_is_zero(void **state) {
  struct fixture *f = *state;
  char path[128];
  f->wire = mtc_wire_get(MTC_WIRE_PLANTS_05);
  mtc_store_close(f->store);
  f->store = NULL;
  (void)snprintf(path, sizeof path, "%s/05.db", f->folder);
  memcpy(f->path, path, strlen(path) + 1);
  for (unsigned i = 0; i < 20; i++) {
    mtc_bytes_clear(&f->entries[i]);
    mtc_bytes_clear(&f->public_keys[i]);
    make_entry(f, i);
  }
  assert_ok(mtc_store_create(f->path, f->wire, &f->ca_id, LOG_NUMBER, &error));
  assert_ok(open_store(f, false, &error));
  add_batch(f, 20);
  assert_status(add(f, 1, 10, 1000, &error), MTC_INPUT);
  assert_ok(add(f, 1, 10, 0, &error));
  assert_ok(add(f, 2, 11, 0, &error));
}

static void reservations_are_unique_and_ahead(void **state) {
  struct fixture *f = *state;
  struct mtc_reservation found[8];
  struct mtc_log_state log;
  size_t num = 9;
  add_batch(f, 10);
  struct batch *b = make_batch(f, 5);
  stage(f, b);
  assert_status(mtc_store_reserve(f->store, 9, 1, 77, &error), MTC_INPUT);
  assert_status(mtc_store_reserve(f->store, 14, 1, 77, &error), MTC_INPUT); /* pending */
  assert_status(mtc_store_reserve(f->store, 20, 0, 77, &error), MTC_INPUT);
  assert_status(mtc_store_reserve(f->store, 20, UINT64_MAX, 77, &error), MTC_INPUT);
  assert_status(mtc_store_reserve(f->store, MTC_MAX_INDEX, 2, 77, &error), MTC_INPUT);
  assert_status(mtc_store_reserve(f->store, UINT64_MAX, 2, 77, &error), MTC_INPUT);
  assert_ok(mtc_store_reserve(f->store, 20, 3, 77, &error));
  assert_ok(mtc_store_reserve(f->store, 15, 2, 88, &error));
  assert_status(mtc_store_reserve(f->store, 18, 3, 77, &error), MTC_INPUT); /* 20 is taken */
  assert_ok(mtc_store_reserve(f->store, 18, 2, 99, &error)); /* and nothing of that stayed */
  assert_ok(mtc_store_read_reservations(f->store, found, 8, &num, &error));
  static const uint64_t expected[] = {15, 16, 18, 19, 20, 21, 22};
  assert_int_equal(num, 7);
  for (unsigned i = 0; i < 7; i++)
    assert_int_equal(found[i].index, expected[i]);
  assert_int_equal(found[0].expires_s, 88);
  assert_int_equal(found[6].expires_s, 77);
  assert_ok(mtc_store_read_reservations(f->store, found, 2, &num, &error));
  assert_int_equal(num, 2);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_true(log.next_reserved == 15);
  commit(f);
  free_batch(b);
}

static void a_batch_fills_its_reservations(void **state) {
  struct fixture *f = *state;
  struct mtc_reservation found[8];
  struct mtc_log_state log;
  size_t num;
  assert_ok(mtc_store_reserve(f->store, 2, 5, 77, &error));
  struct batch *b = make_batch(f, 4);
  stage(f, b);
  reopen(f);
  assert_ok(mtc_store_read_reservations(f->store, found, 8, &num, &error));
  assert_int_equal(num, 3);
  assert_int_equal(found[0].index, 4);
  commit(f);
  free_batch(b);
  add_batch(f, 3);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_true(log.next_reserved == UINT64_MAX);
}

/* One row for all indices of a call; it goes when the last of them is in the log. */
static void reservations_have_subjects(void **state) {
  struct fixture *f = *state;
  static const uint8_t name[] = {0x30, 14, 0x31, 12,   0x30, 10,  6,   3,
                                 0x55, 4,  3,    0x0c, 3,    'w', 'w', 'w'};
  struct mtc_reservation found[8];
  struct mtc_bytes subject = {0}, too_long = {0};
  size_t num;
  (void)mtc_bytes_reserve(&too_long, MTC_MAX_SUBJECT_LEN + 1);
  assert_status(mtc_store_reserve_for(f->store, 1, 1, 77,
                                      mtc_span_of(too_long.data, MTC_MAX_SUBJECT_LEN + 1), &error),
                MTC_INPUT);
  assert_ok(mtc_store_reserve(f->store, 1, 1, 77, &error));
  assert_ok(mtc_store_reserve_for(f->store, 2, 3, 77, mtc_span_of(name, sizeof name), &error));
  assert_ok(mtc_store_reserve(f->store, 5, 1, 77, &error));
  struct batch *b = make_batch(f, 4);
  stage(f, b);
  commit(f);
  free_batch(b);
  reopen(f);
  assert_ok(mtc_store_read_reservations(f->store, found, 8, &num, &error));
  assert_int_equal(num, 2);
  assert_int_equal(found[0].index, 4);
  assert_int_equal(found[0].subject_start, 2);
  assert_true(found[1].subject_start == UINT64_MAX);
  assert_ok(mtc_store_read_subject(f->store, 2, &subject, &error));
  assert_true(mtc_span_equal(mtc_span_of_bytes(&subject), mtc_span_of(name, sizeof name)));
  assert_status(mtc_store_read_subject(f->store, 4, &subject, &error), MTC_CORRUPT);
  add_batch(f, 1);
  assert_status(mtc_store_read_subject(f->store, 2, &subject, &error), MTC_CORRUPT);
  mtc_bytes_free(&subject);
  mtc_bytes_free(&too_long);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(landmarks_keep_their_sequence, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_pending_head_carries_no_landmark, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(an_entry_belongs_to_the_lowest_landmark, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(without_expiry_it_is_zero, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(reservations_are_unique_and_ahead, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(a_batch_fills_its_reservations, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(reservations_have_subjects, make_fixture, free_fixture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
