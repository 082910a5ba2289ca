/* Submissions become batches; what is refused, and what happens to what still waits. */
#include "unit/engine_fixture.h"

static void an_empty_log_is_sound(void **state) {
  struct mtc_log_report report = expect_sound(*state);
  assert_int_equal(report.tree_size, 0);
  assert_int_equal(stats_of(*state).num_batches, 0);
}

static void a_submission_is_logged(void **state) {
  struct fixture *f = *state;
  assert_int_equal(log_entry(f, 1), 0);
  assert_int_equal(log_entry(f, 2), 1);
  struct mtc_engine_stats stats = stats_of(f);
  assert_int_equal(stats.tree_size, 2);
  assert_int_equal(stats.num_batches, 2);
  assert_int_equal(stats.num_entries, 2);
  assert_int_equal(stats.num_null_entries, 0);
  assert_int_equal(expect_sound(f).tree_size, 2);
}

/* A full batch does not wait for its delay; the rest waits for it, and comes in order. */
static void a_batch_is_full_or_due(void **state) {
  struct fixture *f = *state;
  static struct answer answers[700];
  memset(answers, 0, sizeof answers);
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 300));
  for (unsigned i = 0; i < 700; i++)
    assert_ok(submit(f, i, NULL, &answers[i], &error));
  for (unsigned i = 0; i < 600; i++)
    assert_int_equal(await_index(&answers[i]), i);
  until(f, stats.state == MTC_ENGINE_COLLECT);
  assert_int_equal(stats_of(f).num_batches, 2);
  assert_int_equal(stats_of(f).num_waiting, 100);
  assert_int_equal(answered(&answers[600]), 0);
  assert_int_equal(expect_sound(f).tree_size, 600);
  /* Close answers what waits. */
  close_engine(f);
  for (unsigned i = 600; i < 700; i++) {
    assert_int_equal(answers[i].times, 1);
    assert_int_equal(answers[i].receipt.status, MTC_BUSY);
    assert_non_null(strstr(answers[i].receipt.error.text, "stopping"));
  }
  f->options.batch_max_delay_ms = 1;
  assert_ok(open_engine(f, &error));
  assert_int_equal(log_entry(f, 1000), 600);
}

static void batches_grow_past_tiles(void **state) {
  struct fixture *f = *state;
  static struct answer answers[900];
  unsigned sizes[] = {1, 255, 1, 256, 3, 300, 84};
  unsigned serial = 0;
  memset(answers, 0, sizeof answers);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = sizes[i]));
    for (unsigned k = 0; k < sizes[i]; k++, serial++)
      assert_ok(submit(f, serial, NULL, &answers[serial], &error));
    for (unsigned k = serial - sizes[i]; k < serial; k++)
      assert_int_equal(await_index(&answers[k]), k);
    until(f, stats.num_batches == 1);
    assert_int_equal(expect_sound(f).tree_size, serial);
  }
}

static void a_full_queue_is_busy(void **state) {
  struct fixture *f = *state;
  struct answer answers[4] = {0}, more = {0};
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->queue_max_entries = 3));
  for (unsigned i = 0; i < 3; i++)
    assert_ok(submit(f, i, i ? NULL : "first", &answers[i], &error));
  assert_status(submit(f, 3, NULL, &answers[3], &error), MTC_BUSY);
  /* Who asks again takes no room. */
  assert_ok(submit(f, 0, "first", &more, &error));
  close_engine(f);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(answers[i].times, 1);
  assert_int_equal(more.times, 1);
  assert_int_equal(answers[3].times, 0);
  assert_ok(open_engine(f, &error));
}

static void expect_refused(struct fixture *f, struct entry *entry, const char *text) {
  struct mtc_error error = {0};
  struct answer answer = {0};
  mtc_status status =
      mtc_engine_submit(f->engine, &entry->submission, keep_answer, &answer, &error);
  if (status != MTC_INPUT || !strstr(error.text, text))
    fail_msg("%s: \"%s\" (expected \"%s\")", mtc_status_name(status), error.text, text);
  assert_int_equal(answered(&answer), 0);
}

/* Each refusal has a neighbour in the same batch, which is not harmed. */
static void bad_submissions_harm_nobody(void **state) {
  struct fixture *f = *state;
  struct answer answers[2] = {0};
  struct mtc_bytes null_entry = {0}, odd = {0};
  static uint8_t large[65536];
  struct mtc_hash hash;
  struct entry e;
  with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = 2));
  assert_ok(submit(f, 1, "before", &answers[0], &error));

  make_entry(f, 2, NULL, &e);
  struct mtc_submission good = e.submission;
  mtc_entry_append_null(&null_entry);
  e.submission.entry = mtc_span_of_bytes(&null_entry);
  expect_refused(f, &e, "tbs_cert_entry");
  e.submission = good;
  e.submission.entry.len = 0;
  expect_refused(f, &e, "");
  e.submission = good;
  e.submission.entry.len--;
  expect_refused(f, &e, "");
  e.submission = good;
  mtc_bytes_append_span(&odd, good.entry);
  odd.data[odd.len / 4] ^= 0xff; /* inside the issuer or the validity */
  e.submission.entry = mtc_span_of_bytes(&odd);
  expect_refused(f, &e, "");
  e.submission = good;
  e.submission.public_key.len--;
  expect_refused(f, &e, "public key");
  /* Keys that hash to what the entry says, but that no certificate can carry. */
  memcpy(e.entry.data + e.entry.len - 32, (mtc_hash_message(mtc_span_of(NULL, 0), &hash), &hash),
         32);
  e.submission.public_key.len = 0;
  expect_refused(f, &e, "0 bytes");
  e.submission.public_key = mtc_span_of(large, sizeof large);
  memcpy(e.entry.data + e.entry.len - 32, (mtc_hash_message(e.submission.public_key, &hash), &hash),
         32);
  expect_refused(f, &e, "65536 bytes");
  free_entry(&e);

  make_entry(f, 2, "", &e);
  expect_refused(f, &e, "0 characters");
  e.submission.request_id = "12345678901234567890123456789012345678901234567890123456789012345";
  expect_refused(f, &e, "65 characters");
  e.submission.request_id = "a\nb";
  expect_refused(f, &e, "printable");
  e.submission.request_id = "caf\xc3\xa9";
  expect_refused(f, &e, "printable");
  e.submission.request_id = NULL;
  e.submission.at_reserved = true;
  e.submission.reserved_index = 0; /* the neighbour's */
  expect_refused(f, &e, "not reserved");
  e.submission.reserved_index = UINT64_MAX;
  expect_refused(f, &e, "not reserved");
  free_entry(&e);
  mtc_bytes_free(&null_entry);
  mtc_bytes_free(&odd);

  assert_ok(submit(f, 3, NULL, &answers[1], &error));
  assert_int_equal(await_index(&answers[0]), 0);
  assert_int_equal(await_index(&answers[1]), 1);
  assert_int_equal(expect_sound(f).num_null_entries, 0);
}

static void options_are_checked(void **state) {
  struct fixture *f = *state;
  struct mtc_engine *engine = NULL;
  struct mtc_engine_options options = f->options;
  options.batch_max_entries = (1u << 20) + 1;
  assert_status(mtc_engine_open(&options, &engine, &error), MTC_INPUT);
  options = f->options;
  options.queue_max_entries = (1u << 20) + 1;
  assert_status(mtc_engine_open(&options, &engine, &error), MTC_INPUT);
  options = f->options;
  options.log_number = 0;
  assert_status(mtc_engine_open(&options, &engine, &error), MTC_INPUT);
  options = f->options;
  options.public_key.len--;
  assert_status(mtc_engine_open(&options, &engine, &error), MTC_INPUT);
  assert_null(engine);
}

static void running_out_of_memory_is_survived(void **state) {
  struct fixture *f = *state;
  mtc_status status = MTC_NOMEM;
  struct answer answer = {0};
  struct entry entry;
  with_options(f, o->batch_max_delay_ms = 1u << 30);
  make_entry(f, 1, "key", &entry);
  for (long i = 0; status; i++) {
    struct mtc_error error = {0};
    assert_true(i < 100);
    mtc_alloc_fail_after(i);
    status = mtc_engine_submit(f->engine, &entry.submission, keep_answer, &answer, &error);
    mtc_alloc_fail_after(-1);
    if (!status) break;
    if (status != MTC_NOMEM || !error.text[0])
      fail_msg("%ld: %s: %s", i, mtc_status_name(status), error.text);
    assert_int_equal(answered(&answer), 0);
  }
  free_entry(&entry);
  close_engine(f);
  for (long i = 0; i < 400; i += 7) {
    struct mtc_error error = {0};
    mtc_alloc_fail_after(i);
    status = open_engine(f, &error);
    mtc_alloc_fail_after(-1);
    if (status && status != MTC_NOMEM)
      fail_msg("%ld: %s: %s", i, mtc_status_name(status), error.text);
    close_engine(f);
  }
  assert_ok(open_engine(f, &error));
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(an_empty_log_is_sound),  test(a_submission_is_logged),
      test(a_batch_is_full_or_due), test(batches_grow_past_tiles),
      test(a_full_queue_is_busy),   test(bad_submissions_harm_nobody),
      test(options_are_checked),    test(running_out_of_memory_is_survived),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
