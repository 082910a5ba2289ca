/* Reserved indices that are one subject's alone. */
#include "unit/engine_fixture.h"

#define NOW_MS INT64_C(1800000000000)

static const uint8_t www_utf8[] = {0x30, 14, 0x31, 12,   0x30, 10,  6,   3,
                                   0x55, 4,  3,    0x0c, 3,    'w', 'w', 'w'};
static const uint8_t www_printable[] = {0x30, 14, 0x31, 12,   0x30, 10,  6,   3,
                                        0x55, 4,  3,    0x13, 3,    'w', 'w', 'w'};
static const uint8_t other_utf8[] = {0x30, 14, 0x31, 12,   0x30, 10,  6,   3,
                                     0x55, 4,  3,    0x0c, 3,    'f', 't', 'p'};

static uint64_t reserve_for(struct fixture *f, uint64_t count, struct mtc_span subject) {
  uint64_t first = UINT64_MAX;
  int64_t expires_s = 0;
  assert_ok(mtc_engine_reserve_for(f->engine, count, subject, &first, &expires_s, &error));
  return first;
}

static mtc_status fill_for(struct fixture *f, unsigned serial, uint64_t index,
                           struct mtc_span subject, struct answer *answer,
                           struct mtc_error *error) {
  struct entry entry;
  make_entry_for(f, serial, NULL, subject, &entry);
  entry.submission.at_reserved = true;
  entry.submission.reserved_index = index;
  mtc_status status = mtc_engine_submit(f->engine, &entry.submission, keep_answer, answer, error);
  free_entry(&entry);
  return status;
}

static void expect_other(struct fixture *f, uint64_t index, struct mtc_span subject,
                         const char *text) {
  struct mtc_error error = {""};
  struct answer answer = {0};
  assert_int_equal(fill_for(f, 50, index, subject, &answer, &error), MTC_INPUT);
  if (!strstr(error.text, text)) fail_msg("%s", error.text);
  assert_int_equal(answered(&answer), 0);
}

/* Whoever has another subject is refused, and takes nothing from whom the place is for. */
static void a_subject_has_its_places_alone(void **state) {
  struct fixture *f = *state;
  struct mtc_span www = {www_utf8, sizeof www_utf8}, other = {other_utf8, sizeof other_utf8};
  struct mtc_span alike = {www_printable, sizeof www_printable};
  struct answer fill[4] = {0};
  assert_int_equal(reserve_for(f, 2, www), 0);
  assert_int_equal(reserve_for(f, 1, other), 2);
  assert_int_equal(reserve_for(f, 1, mtc_span_of(NULL, 0)), 3);
  expect_other(f, 0, other, "index 0: it is reserved for the subject CN=www, not for CN=ftp");
  expect_other(f, 1, alike, "CN=www, not for CN=www (in another encoding)");
  expect_other(f, 2, www, "index 2: it is reserved for the subject CN=ftp, not for CN=www");
  expect_other(f, 2, mtc_span_of((const uint8_t[]){0x30, 0}, 2), "not for (empty)");
  assert_ok(fill_for(f, 1, 1, www, &fill[1], &error));
  assert_ok(fill_for(f, 0, 0, www, &fill[0], &error));
  assert_ok(fill_for(f, 2, 2, other, &fill[2], &error));
  assert_ok(fill_for(f, 3, 3, www, &fill[3], &error)); /* anybody's */
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(await_index(&fill[i]), i);
  expect_other(f, 0, other, "is already used by another entry");
  assert_int_equal(expect_sound(f).num_null_entries, 0);
}

static void restart_keeps_subjects(void **state) {
  struct fixture *f = *state;
  struct mtc_span www = {www_utf8, sizeof www_utf8}, other = {other_utf8, sizeof other_utf8};
  struct answer fill[5] = {0};
  assert_int_equal(reserve_for(f, 2, www), 0);
  assert_int_equal(reserve_for(f, 1, mtc_span_of(NULL, 0)), 2);
  assert_int_equal(reserve_for(f, 2, other), 3);
  assert_ok(fill_for(f, 1, 0, www, &fill[0], &error)); /* its row stays, as index 1 needs it */
  assert_int_equal(await_index(&fill[0]), 0);
  restart(f);
  for (uint64_t i = 3; i < 5; i++)
    expect_other(f, i, www, "is reserved for the subject CN=ftp, not for CN=www");
  expect_other(f, 1, other, "is reserved for the subject CN=www, not for CN=ftp");
  assert_ok(fill_for(f, 2, 1, www, &fill[1], &error));
  assert_ok(fill_for(f, 3, 2, www, &fill[2], &error));
  assert_ok(fill_for(f, 4, 3, other, &fill[3], &error));
  assert_ok(fill_for(f, 5, 4, other, &fill[4], &error));
  for (unsigned i = 0; i < 5; i++)
    assert_int_equal(await_index(&fill[i]), i);
  (void)expect_sound(f);
}

/* What is kept for subjects is bounded, and given back when their places are in the log. */
static void subjects_are_bounded(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes name = {0};
  uint64_t first, num = 0;
  int64_t expires_s;
  struct mtc_error text = {""};
  mtc_clock_set(NOW_MS);
  with_options(f, o->reservation_ttl_s = 30);
  /* One attribute, which fills the name to its largest size. */
  static const uint8_t head[] = {0x30, 0x82, 0x0f, 0xfc, 0x31, 0x82, 0x0f, 0xf8, 0x30, 0x82, 0x0f,
                                 0xf4, 6,    3,    0x55, 4,    3,    0x0c, 0x82, 0x0f, 0xeb};
  mtc_bytes_append(&name, head, sizeof head);
  while (name.len < MTC_MAX_SUBJECT_LEN)
    mtc_bytes_append(&name, "a", 1);
  mtc_status status = MTC_OK;
  for (; !status; num++)
    status =
        mtc_engine_reserve_for(f->engine, 1, mtc_span_of_bytes(&name), &first, &expires_s, &text);
  assert_int_equal(status, MTC_BUSY);
  assert_non_null(strstr(text.text, "too many subjects"));
  assert_int_equal(num - 1, (16u << 20) / MTC_MAX_SUBJECT_LEN);
  assert_int_equal(reserve_for(f, 1, mtc_span_of(NULL, 0)),
                   num - 1); /* anybody's needs no room for a subject */
  mtc_bytes_append(&name, "a", 1);
  assert_status(
      mtc_engine_reserve_for(f->engine, 1, mtc_span_of_bytes(&name), &first, &expires_s, &error),
      MTC_INPUT);
  mtc_bytes_free(&name);
  mtc_clock_set(NOW_MS + 31000);
  (void)log_entry(f, 1); /* behind null entries for all of them */
  (void)reserve_for(f, 1, mtc_span_of(www_utf8, sizeof www_utf8));
}

static void what_is_no_name_reserves_nothing(void **state) {
  struct fixture *f = *state;
  static const uint8_t wrong[] = {0x30, 1};
  uint64_t first;
  int64_t expires_s;
  assert_status(mtc_engine_reserve_for(f->engine, 1, mtc_span_of(wrong, sizeof wrong), &first,
                                       &expires_s, &error),
                MTC_INPUT);
  assert_int_equal(reserve_for(f, 1, mtc_span_of(NULL, 0)), 0);
}

/* Without memory neither a place nor a subject stays. */
static void out_of_memory_keeps_no_subject(void **state) {
  struct fixture *f = *state;
  struct mtc_span www = {www_utf8, sizeof www_utf8};
  uint64_t first;
  int64_t expires_s;
  mtc_status status = MTC_NOMEM;
  for (long i = 0; status; i++) {
    struct mtc_error error = {0};
    mtc_alloc_fail_after(i);
    status = mtc_engine_reserve_for(f->engine, 3000, www, &first, &expires_s, &error);
    mtc_alloc_fail_after(-1);
    if (status && status != MTC_NOMEM) fail_msg("%s: %s", mtc_status_name(status), error.text);
  }
  assert_int_equal(first, 0);
  restart(f);
  assert_int_equal(reserve_for(f, 1, mtc_span_of(NULL, 0)), 3000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_subject_has_its_places_alone), test(restart_keeps_subjects),
      test(subjects_are_bounded),           test(what_is_no_name_reserves_nothing),
      test(out_of_memory_keeps_no_subject),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
