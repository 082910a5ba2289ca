/* What no right card does and a broken one might: credits, counts and frames out of the blue. */
#include "card_load.h"
#include "fake_card.h"

#define NUM_TICKETS 4u
#define MOST_ENTRIES 400u

/* Batches of entries of 300 bytes at index 0; all are submitted before one is waited for. */
static void run_batches(struct mtc_hasher *card, size_t num_entries) {
  static uint8_t bytes[300];
  const struct mtc_frontier frontier = {0};
  struct mtc_span entries[MOST_ENTRIES];
  for (size_t i = 0; i < num_entries; i++)
    entries[i] = mtc_span_of(bytes, sizeof bytes - i % 7);
  const struct mtc_hash_job job = {&frontier, entries, num_entries};
  struct mtc_hash_ticket *tickets[NUM_TICKETS];
  struct mtc_hash_result expected;
  assert_int_equal(mtc_hash_result_alloc(&expected, 0, num_entries), MTC_OK);
  mtc_hash_on_cpu(&job, &expected);
  size_t total = 0;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    total += expected.num_nodes[level];
  for (unsigned i = 0; i < NUM_TICKETS; i++)
    assert_int_equal(mtc_hasher_submit(card, &job, &tickets[i], NULL), MTC_OK);
  for (unsigned i = 0; i < NUM_TICKETS; i++) {
    struct mtc_hash_result found;
    mtc_hasher_wait(card, tickets[i], &found);
    assert_memory_equal(found.storage, expected.storage, total * sizeof *found.storage);
    mtc_hash_result_free(&found);
  }
  mtc_hash_result_free(&expected);
}

/* The card goes wrong at its second batch after the known-answer test. */
static void expect_retired(enum fake_mood mood, size_t num_entries, const char *reasons) {
  struct fake_card fake;
  fake_make(&fake, NULL, 1, 1);
  fake_set_mood(&fake, 0, mood, 2);
  fake_start(&fake);
  struct mtc_hasher *card = open_with(&(struct mtc_card_options){
      .path = fake.path, .check = MTC_CARD_CHECK_FULL, .timeout_ms = 1000});
  run_batches(card, num_entries);
  struct mtc_hash_stats stats = stats_of(card);
  if (!has_reason(stats.card_fault, reasons))
    fail_msg("mood %d: \"%s\" lacks \"%s\"", mood, stats.card_fault, reasons);
  /* A count that went back is said as it is, not as the difference that it makes modulo 2^32. */
  assert_null(strstr(stats.card_fault, "42949"));
  assert_int_equal(stats.num_card_retirements, 1);
  /* It may go wrong before the last batch was submitted. */
  assert_in_range(stats.num_card_faults, 1, NUM_TICKETS);
  assert_in_range(stats.num_card_batches, 0, 1); /* it may go wrong before that was waited for */
  run_batches(card, num_entries);
  assert_int_equal(stats_of(card).num_card_faults, stats.num_card_faults);
  assert_int_equal(stats_of(card).num_cpu_entries,
                   stats.num_cpu_entries + NUM_TICKETS * num_entries);
  mtc_hasher_close(card);
  fake_stop(&fake, false);
}

/* 400 entries are more than goes into FIFO and buffers: the writer is still at it. */
static void credits_that_jump(void **state) {
  (void)state;
  expect_retired(FAKE_CREDIT_BACK, 400, "the card grants");
  expect_retired(FAKE_CREDIT_LEAPS, 400, "the card grants");
}

static void a_write_that_is_not_taken(void **state) {
  (void)state;
  expect_retired(FAKE_STOPS_READING, 400, "not done within 1000 ms");
}

static void frames_that_are_not_to_come(void **state) {
  (void)state;
  expect_retired(FAKE_AVAIL_LEAPS, 20, "the card offers");
  expect_retired(FAKE_AVAIL_MORE, 20, "the card offers");
  /* Where the frame before was not read yet, none is there to be read, then. */
  expect_retired(FAKE_AVAIL_BACK, 20, "the card offers|not done within 1000 ms");
  expect_retired(FAKE_CLOSED_BATCH, 20, "which is not open");
}

/*
 * The card answers a batch of which it has the header alone: only the leaves say that it is wrong,
 * so `root` takes it, as documented. The writer waits for ever with no batch open; the next batch
 * has its time all the same.
 */
static void an_answer_before_the_question(void **state) {
  (void)state;
  struct fake_card fake;
  fake_make(&fake, NULL, 1, 1);
  fake_set_mood(&fake, 0, FAKE_ANSWERS_EARLY, 1);
  fake_start(&fake);
  struct mtc_hasher *card = open_with(&(struct mtc_card_options){
      .path = fake.path, .check = MTC_CARD_CHECK_ROOT, .timeout_ms = 1000});
  const struct mtc_frontier frontier = {0};
  const struct mtc_span entry = mtc_span_of_text("entry");
  const struct mtc_hash_job job = {&frontier, &entry, 1};
  struct mtc_hash_result first, second;
  struct mtc_hash expected;
  mtc_hash_leaf(entry, &expected);
  assert_int_equal(mtc_hasher_run(card, &job, &first, NULL), MTC_OK);
  assert_int_equal(stats_of(card).num_card_batches, 1);
  assert_int_equal(mtc_hasher_run(card, &job, &second, NULL), MTC_OK);
  assert_true(mtc_hash_equal(&second.nodes[0][0], &expected));
  assert_non_null(strstr(stats_of(card).card_fault, "not done within 1000 ms (batch 3)"));
  mtc_hash_result_free(&first);
  mtc_hash_result_free(&second);
  mtc_hasher_close(card);
  fake_stop(&fake, false);
}

/* An operator's word and the end of the daemon at the same time: the attempt ends, nothing is left.
 */
static void closing_while_a_lane_is_tried(void **state) {
  (void)state;
  for (unsigned round = 0; round < 20; round++) {
    struct fake_card fake;
    struct mtc_error error = {""};
    fake_make(&fake, NULL, 2, 2);
    fake_set_mood(&fake, 0, FAKE_RESETS, 1);
    fake_set_mood(&fake, 1, FAKE_RESETS, 1 + round % 3);
    fake_start(&fake);
    struct mtc_hasher *card = open_with(&(struct mtc_card_options){
        .path = fake.path, .timeout_ms = 200, .readmit_after = 2, .readmit_interval_ms = 1});
    (void)run_load(card, 4, MAX_ENTRIES);
    if (mtc_hasher_readmit(card, &error)) assert_int_equal(stats_of(card).num_lanes_in_service, 2);
    mtc_hasher_close(card);
    /* Its locks are free. */
    card = open_with(&(struct mtc_card_options){.path = fake.path, .is_optional = true});
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

int main(void) {
  mtc_log_init("test_hash_card_hostile", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(credits_that_jump),
      cmocka_unit_test(a_write_that_is_not_taken),
      cmocka_unit_test(frames_that_are_not_to_come),
      cmocka_unit_test(an_answer_before_the_question),
      cmocka_unit_test(closing_while_a_lane_is_tried),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
