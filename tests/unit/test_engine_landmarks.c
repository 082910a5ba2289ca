/* Landmarks, and the certificates of every index, in all three wire versions. */
#include "unit/engine_fixture.h"

static void read_landmarks(struct fixture *f, struct mtc_landmark *out, size_t max,
                           size_t *out_num) {
  struct mtc_bytes file = {0};
  char path[160];
  (void)snprintf(path, sizeof path, "%s/%d/landmarks", f->publish_folder, LOG_NUMBER);
  assert_ok(mtc_file_read(path, 1 << 20, &file, &error));
  assert_ok(mtc_landmarks_parse(f->wire, mtc_span_of_bytes(&file), mtc_clock_now_ms() / 1000, out,
                                max, out_num, &error));
  mtc_bytes_free(&file);
}

static struct mtc_landmark allocate(struct fixture *f) {
  struct mtc_landmark landmark = {0};
  assert_ok(mtc_engine_allocate_landmark(f->engine, &landmark, &error));
  return landmark;
}

static void only_a_tree_that_grew(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark landmark, listed[8];
  size_t num;
  assert_status(mtc_engine_allocate_landmark(f->engine, &landmark, &error), MTC_BUSY);
  read_landmarks(f, listed, 8, &num); /* published from the start, for clients to find */
  assert_int_equal(num, 1);
  assert_int_equal(listed[0].number, 0);
  (void)log_entry(f, 1);
  landmark = allocate(f);
  assert_int_equal(landmark.number, 1);
  assert_int_equal(landmark.tree_size, 1);
  assert_status(mtc_engine_allocate_landmark(f->engine, &landmark, &error), MTC_BUSY);
  restart(f);
  assert_status(mtc_engine_allocate_landmark(f->engine, &landmark, &error), MTC_BUSY);
  (void)log_entry(f, 2);
  landmark = allocate(f);
  assert_int_equal(landmark.number, 2);
  read_landmarks(f, listed, 8, &num);
  assert_int_equal(num, 3);
  assert_int_equal(listed[0].tree_size, 2);
  assert_int_equal(listed[1].tree_size, 1);
  assert_int_equal(listed[2].number, 0);
  (void)expect_sound(f);
}

/*
 * Without expiry a landmark ceases to be active when enough newer ones exist: never while a
 * certificate below it is valid, and afterwards nothing is proved against it.
 */
static void old_ones_end_without_expiry(void **state) {
  free_fixture(state);
  struct fixture *f = make_fixture_of(MTC_WIRE_PLANTS_05);
  *state = f;
  struct mtc_landmark landmark, listed[8];
  struct mtc_bytes certificate = {0};
  size_t num;
  int64_t now_s = 1800000000;
  mtc_clock_set(now_s * 1000);
  with_options(f, (o->max_lifetime_s = 1000, o->landmark_interval_s = 400));
  assert_int_equal(mtc_engine_max_active_landmarks(&f->options), 4); /* ceil(1000 / 400) + 1 */
  for (unsigned i = 0; i < 4; i++) {
    (void)log_entry(f, i);
    (void)allocate(f);
  }
  (void)log_entry(f, 4);
  assert_status(mtc_engine_allocate_landmark(f->engine, &landmark, &error), MTC_BUSY);
  for (unsigned i = 0; i < 4; i++)
    assert_ok(mtc_engine_certificate(f->engine, i, true, &certificate, NULL, &error));
  mtc_clock_set((now_s + 1001) * 1000);
  landmark = allocate(f);
  assert_int_equal(landmark.number, 5);
  read_landmarks(f, listed, 8, &num);
  assert_int_equal(num, 5);
  assert_int_equal(listed[3].number, 2);
  assert_status(mtc_engine_certificate(f->engine, 0, true, &certificate, NULL, &error), MTC_INPUT);
  assert_ok(mtc_engine_certificate(f->engine, 1, true, &certificate, NULL, &error));
  mtc_bytes_free(&certificate);
}

/* Not below any certificate's end, never below the last one, whatever the clock does. */
static void expiries_never_decrease(void **state) {
  struct fixture *f = *state;
  mtc_clock_set(INT64_C(1000) * 1780000000);
  restart(f);
  (void)log_entry(f, 1);
  assert_int_equal(allocate(f).expiry_s, NOT_AFTER);
  mtc_clock_set(INT64_C(1000) * NOT_AFTER);
  restart(f);
  (void)log_entry(f, 2);
  assert_int_equal(allocate(f).expiry_s, NOT_AFTER + 7 * 86400);
  mtc_clock_set(INT64_C(1000) * 1780000000);
  (void)log_entry(f, 3);
  assert_int_equal(allocate(f).expiry_s, NOT_AFTER + 7 * 86400);
  (void)expect_sound(f);
}

/* The file ends at the first that has expired. */
static void expired_landmarks_leave_the_file(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark listed[8];
  size_t num;
  (void)log_entry(f, 1);
  (void)allocate(f);
  (void)log_entry(f, 2);
  (void)allocate(f);
  mtc_clock_set(INT64_C(1000) * (NOT_AFTER + 1));
  (void)log_entry(f, 3);
  (void)allocate(f);
  read_landmarks(f, listed, 8, &num);
  assert_int_equal(num, 2);
  assert_int_equal(listed[0].number, 3);
  assert_int_equal(listed[1].number, 2);
  (void)expect_sound(f);
}

static void due_ones_come_by_themselves(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark landmark[2];
  size_t num = 0;
  with_options(f, o->landmark_interval_s = 1);
  (void)log_entry(f, 1);
  int64_t deadline_ms = mtc_clock_monotonic_ms() + LONG_MS;
  while (num == 0 && mtc_clock_monotonic_ms() < deadline_ms) {
    (void)sched_yield();
    assert_ok(mtc_store_read_landmarks(f->store, landmark, 1, &num, &error));
  }
  assert_int_equal(num, 1);
  assert_int_equal(landmark[0].tree_size, 1);
}

/* However often the daemon starts, an hour after the last checkpoint the next one is due. */
static void restarts_do_not_put_them_off(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark landmark[2];
  size_t num = 0;
  int64_t now_ms = INT64_C(1000) * VERIFY_TIME;
  mtc_clock_set(now_ms);
  (void)log_entry(f, 1);
  (void)allocate(f);
  mtc_clock_set(now_ms + 3600 * 1000 - 5000); /* 5 s are left */
  (void)log_entry(f, 2);
  with_options(f, o->landmark_interval_s = 3600);
  assert_ok(mtc_store_read_landmarks(f->store, landmark, 2, &num, &error));
  assert_int_equal(num, 1);
  mtc_clock_set(now_ms + 3600 * 1000);
  restart(f);
  int64_t deadline_ms = mtc_clock_monotonic_ms() + LONG_MS;
  while (num == 1 && mtc_clock_monotonic_ms() < deadline_ms) {
    (void)sched_yield();
    assert_ok(mtc_store_read_landmarks(f->store, landmark, 2, &num, &error));
  }
  assert_int_equal(num, 2);
}

/* What could not be written is written at the next attempt. */
static void a_failed_publication_is_repeated(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark landmark, listed[4];
  struct mtc_error why = {0};
  char command[256];
  size_t num;
  (void)log_entry(f, 1);
  (void)snprintf(command, sizeof command, "cd %s/%d && rm landmarks && mkdir landmarks",
                 f->publish_folder, LOG_NUMBER);
  assert_int_equal(system(command), 0);
  assert_int_not_equal(mtc_engine_allocate_landmark(f->engine, &landmark, &why), MTC_OK);
  (void)snprintf(command, sizeof command, "rmdir %s/%d/landmarks", f->publish_folder, LOG_NUMBER);
  assert_int_equal(system(command), 0);
  landmark = allocate(f);
  assert_int_equal(landmark.number, 1);
  read_landmarks(f, listed, 4, &num);
  assert_int_equal(num, 2);
  assert_status(mtc_engine_allocate_landmark(f->engine, &landmark, &error), MTC_BUSY);
  (void)expect_sound(f);
}

static void log_batch(struct fixture *f, unsigned serial, unsigned count) {
  static struct answer answers[300];
  memset(answers, 0, sizeof answers);
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = count));
  for (unsigned i = 0; i < count; i++)
    assert_ok(submit(f, serial + i, NULL, &answers[i], &error));
  for (unsigned i = 0; i < count; i++)
    assert_int_equal(await_index(&answers[i]), serial + i);
}

static void certificates(enum mtc_wire_version version) {
  static const unsigned sizes[] = {1, 4, 3, 250, 30, 7};
  struct fixture *f = make_fixture_of(version);
  struct mtc_verifier *verifier = make_verifier(f), *trusting = make_verifier(f);
  struct mtc_bytes certificate = {0};
  unsigned serial = 0;
  assert_status(mtc_engine_certificate(f->engine, 0, false, &certificate, NULL, &error), MTC_INPUT);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    uint64_t previous_size = i >= 2 ? 5 : 0;
    log_batch(f, serial, sizes[i]);
    serial += sizes[i];
    if (i != 1 && i != 4) continue;
    struct mtc_landmark landmark = allocate(f);
    assert_int_equal(landmark.tree_size, serial);
    /* What a client would take from the log: the hashes of the landmark's subtrees. */
    struct mtc_subtree cover[2];
    mtc_subtree_cover((struct mtc_subtree){previous_size, serial}, cover);
    for (unsigned k = 0; k < 2; k++) {
      struct mtc_tile_source tiles = mtc_store_tile_source(f->store, serial);
      const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
      struct mtc_hash hash;
      if (cover[k].start == cover[k].end) continue;
      assert_int_equal(mtc_tree_hash(&nodes, cover[k], &hash), MTC_OK);
      assert_ok(mtc_verifier_add_trusted_subtree(trusting, &f->ca_id, LOG_NUMBER, cover[k], &hash,
                                                 &error));
    }
  }
  for (uint64_t i = 0; i < serial; i++) {
    uint64_t number = 77;
    struct mtc_verification v = verify(f, verifier, i, false);
    assert_int_equal(v.verdict, MTC_VERDICT_OK_COSIGNATURES);
    assert_int_equal(v.num_valid_cosignatures, 1);
    mtc_status expected = i < 288 ? MTC_OK : MTC_BUSY;
    assert_status(mtc_engine_certificate(f->engine, i, true, &certificate, &number, &error),
                  expected);
    if (expected) continue;
    assert_int_equal(number, i < 5 ? 1 : 2);
    assert_int_equal(verify(f, trusting, i, true).verdict, MTC_VERDICT_OK_TRUSTED_SUBTREE);
    /* Without the subtree, it proves nothing. */
    struct mtc_verification refused;
    assert_int_equal(
        mtc_verifier_check(verifier, mtc_span_of_bytes(&certificate), VERIFY_TIME, &refused),
        MTC_OK);
    assert_false(mtc_verdict_is_ok(refused.verdict));
    mtc_bytes_clear(&certificate);
  }
  assert_status(mtc_engine_certificate(f->engine, serial, false, &certificate, NULL, &error),
                MTC_INPUT);
  assert_status(mtc_engine_certificate(f->engine, UINT64_MAX, false, &certificate, NULL, &error),
                MTC_INPUT);
  struct answer waiting = {0};
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 9));
  assert_ok(submit(f, serial, NULL, &waiting, &error));
  assert_status(mtc_engine_certificate(f->engine, serial, false, &certificate, NULL, &error),
                MTC_BUSY);
  struct mtc_landmark listed[8];
  size_t num;
  read_landmarks(f, listed, 8, &num);
  assert_int_equal(num, 3);
  (void)expect_sound(f);
  mtc_bytes_free(&certificate);
  mtc_verifier_close(verifier);
  mtc_verifier_close(trusting);
  void *state = f;
  assert_int_equal(free_fixture(&state), 0);
}

static void certificates_of_plants_05(void **state) {
  (void)state;
  certificates(MTC_WIRE_PLANTS_05);
}

static void certificates_of_plants_06(void **state) {
  (void)state;
  certificates(MTC_WIRE_PLANTS_06);
}

static void certificates_of_plants_07(void **state) {
  (void)state;
  certificates(MTC_WIRE_PLANTS_07);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(only_a_tree_that_grew),
      test(old_ones_end_without_expiry),
      test(expiries_never_decrease),
      test(expired_landmarks_leave_the_file),
      test(due_ones_come_by_themselves),
      test(restarts_do_not_put_them_off),
      test(a_failed_publication_is_repeated),
      cmocka_unit_test(certificates_of_plants_05),
      cmocka_unit_test(certificates_of_plants_06),
      cmocka_unit_test(certificates_of_plants_07),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
