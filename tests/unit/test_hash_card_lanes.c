/* A card with many lanes: batches on all of them, and the health of each its own. */
#include "card_load.h"
#include "fake_card.h"

static struct mtc_hasher *open_fake(const struct fake_card *fake, bool is_optional) {
  return open_with(&(struct mtc_card_options){.path = fake->path,
                                              .check = MTC_CARD_CHECK_FULL,
                                              .timeout_ms = 1000,
                                              .is_optional = is_optional});
}

static void batches_go_to_every_lane(void **state) {
  (void)state;
  static const unsigned counts[] = {1, 2, 3, 16};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    struct fake_card fake;
    fake_make(&fake, NULL, counts[i], counts[i]);
    fake_start(&fake);
    struct mtc_hasher *card = open_fake(&fake, false);
    uint64_t num_entries = run_load(card, NUM_BATCHES, MAX_ENTRIES);
    struct mtc_hash_stats stats = stats_of(card);
    assert_int_equal(stats.num_lanes, counts[i]);
    assert_int_equal(stats.num_lanes_in_service, counts[i]);
    assert_int_equal(stats.max_card_batches, 4 * counts[i]);
    assert_int_equal(stats.num_card_leaves, num_entries);
    assert_int_equal(stats.num_cpu_entries, 0);
    assert_int_equal(stats.num_card_batches, NUM_THREADS * NUM_BATCHES);
    for (unsigned lane = 0; lane < counts[i]; lane++)
      assert_true(stats.lanes[lane].num_batches > 0);
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

/* Tickets that nobody waits for yet are on their way; each goes where there is least. */
static void the_lane_with_the_least_to_do_is_next(void **state) {
  (void)state;
  static const size_t sizes[] = {100, 10, 10, 10, 10, 10, 100};
  static const unsigned lanes[] = {0, 1, 1, 1, 1, 1, 1};
  struct fake_card fake;
  fake_make(&fake, NULL, 2, 2);
  /* Neither lane finishes anything, so the loads are known. */
  for (unsigned i = 0; i < 2; i++)
    fake_set_mood(&fake, i, FAKE_HANGS, 1);
  fake_start(&fake);
  struct mtc_hasher *card = open_fake(&fake, false);
  const struct mtc_frontier frontier = {0};
  struct mtc_span entries[100];
  for (size_t i = 0; i < 100; i++)
    entries[i] = mtc_span_of_text("entry");
  struct mtc_hash_ticket *tickets[7];
  size_t num_faults[2] = {0};
  for (size_t i = 0; i < 7; i++) {
    const struct mtc_hash_job job = {&frontier, entries, sizes[i]};
    assert_int_equal(mtc_hasher_submit(card, &job, &tickets[i], NULL), MTC_OK);
    num_faults[lanes[i]]++;
  }
  for (size_t i = 0; i < 7; i++) {
    struct mtc_hash_result result;
    mtc_hasher_wait(card, tickets[i], &result);
    mtc_hash_result_free(&result);
  }
  struct mtc_hash_stats stats = stats_of(card);
  for (unsigned i = 0; i < 2; i++)
    assert_int_equal(stats.lanes[i].num_faults, num_faults[i]);
  assert_int_equal(stats.num_cpu_entries, 250);
  mtc_hasher_close(card);
  fake_stop(&fake, false);
}

static const struct {
  enum fake_mood mood;
  const char *reason;
} moods[] = {
    {FAKE_HANGS, "not done within 1000 ms"},
    {FAKE_GONE, "the card is gone (its ID register is 0xffffffff)"},
    {FAKE_RESETS, "the card was reset"},
    {FAKE_LIES, "is wrong"},
};

/* Lane 1 fails after 20 batches; lane 0 loses none, and has all that come afterwards. */
static void a_lane_fails_and_the_other_goes_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++) {
    struct fake_card fake;
    fake_make(&fake, NULL, 2, 2);
    fake_set_mood(&fake, 1, moods[i].mood, 21);
    fake_start(&fake);
    struct mtc_hasher *card = open_fake(&fake, false);
    uint64_t num_entries = run_load(card, NUM_BATCHES, MAX_ENTRIES);
    struct mtc_hash_stats before = stats_of(card);
    assert_non_null(strstr(before.lanes[1].fault, moods[i].reason));
    assert_int_equal(before.lanes[1].num_retirements, 1);
    assert_in_range(before.lanes[1].num_faults, 1, 2 * NUM_THREADS);
    assert_true(before.lanes[1].num_batches <= 20);
    assert_true(before.lanes[0].in_service && before.card_in_service);
    assert_string_equal(before.lanes[0].fault, "");
    assert_int_equal(before.lanes[0].num_faults, 0);
    assert_int_equal(strncmp(before.card_fault, "lane 1: ", 8), 0);
    assert_int_equal(before.num_lanes_in_service, 1);
    assert_int_equal(before.num_card_leaves + before.num_cpu_entries, num_entries);
    assert_int_equal(
        before.lanes[0].num_batches + before.lanes[1].num_batches + before.num_card_faults,
        NUM_THREADS * NUM_BATCHES);
    (void)run_load(card, 10, MAX_ENTRIES);
    struct mtc_hash_stats after = stats_of(card);
    assert_int_equal(after.lanes[0].num_batches, before.lanes[0].num_batches + NUM_THREADS * 10);
    assert_int_equal(after.lanes[1].num_faults, before.lanes[1].num_faults);
    assert_int_equal(after.num_cpu_entries, before.num_cpu_entries);
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

static void both_lanes_fail_and_the_cpu_goes_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++) {
    struct fake_card fake;
    fake_make(&fake, NULL, 2, 2);
    fake_set_mood(&fake, 0, moods[i].mood, 12);
    fake_set_mood(&fake, 1, moods[(i + 1) % 4].mood, 25);
    fake_start(&fake);
    struct mtc_hasher *card = open_fake(&fake, false);
    uint64_t num_entries = run_load(card, NUM_BATCHES, MAX_ENTRIES);
    struct mtc_hash_stats before = stats_of(card);
    assert_non_null(strstr(before.lanes[0].fault, moods[i].reason));
    assert_non_null(strstr(before.lanes[1].fault, moods[(i + 1) % 4].reason));
    assert_false(before.card_in_service);
    assert_int_equal(before.num_card_retirements, 2);
    assert_in_range(before.num_card_faults, 2, 4 * NUM_THREADS);
    assert_int_equal(before.num_card_leaves + before.num_cpu_entries, num_entries);
    num_entries = run_load(card, 10, MAX_ENTRIES);
    struct mtc_hash_stats after = stats_of(card);
    assert_int_equal(after.num_cpu_entries, before.num_cpu_entries + num_entries);
    assert_int_equal(after.num_card_faults, before.num_card_faults);
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

static void a_bad_lane_is_no_reason_to_do_without_the_others(void **state) {
  (void)state;
  for (unsigned bad = 0; bad < 3; bad++) {
    struct fake_card fake;
    struct mtc_hasher *card = NULL;
    struct mtc_error error = {""};
    fake_make(&fake, NULL, 3, 3);
    fake_set_mood(&fake, bad, FAKE_LIES, 0);
    fake_start(&fake);
    const struct mtc_card_options options = {.path = fake.path, .timeout_ms = 3000};
    assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
    assert_null(card);
    char expected[16];
    (void)snprintf(expected, sizeof expected, "lane %u: ", bad);
    assert_non_null(strstr(error.text, expected));
    assert_non_null(strstr(error.text, "known-answer"));
    card = open_fake(&fake, true);
    struct mtc_hash_stats stats = stats_of(card);
    assert_int_equal(stats.num_lanes_in_service, 2);
    assert_false(stats.lanes[bad].in_service);
    assert_non_null(strstr(stats.lanes[bad].fault, "known-answer"));
    (void)run_load(card, 10, MAX_ENTRIES);
    stats = stats_of(card);
    assert_int_equal(stats.num_card_batches, NUM_THREADS * 10);
    assert_int_equal(stats.lanes[bad].num_batches, 0);
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

/* Lane 1 is reset twice and comes back by word of the operator, then by itself; lane 0 stays. */
static void a_lane_comes_back_alone(void **state) {
  (void)state;
  for (unsigned is_automatic = 0; is_automatic < 2; is_automatic++) {
    struct fake_card fake;
    struct mtc_error error = {""};
    fake_make(&fake, NULL, 2, 2);
    fake_set_mood(&fake, 1, FAKE_RESETS, 10);
    fake_start(&fake);
    struct mtc_hasher *card =
        open_with(&(struct mtc_card_options){.path = fake.path,
                                             .timeout_ms = 2000,
                                             .readmit_after = is_automatic ? 3 : 0,
                                             .readmit_interval_ms = 5});
    assert_int_equal(mtc_hasher_readmit(card, &error), MTC_INPUT);
    (void)run_load(card, 4 * NUM_BATCHES, MAX_ENTRIES);
    if (!is_automatic) {
      assert_int_equal(stats_of(card).num_lanes_in_service, 1);
      assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK);
    }
    struct mtc_hash_stats before = wait_for_card(card, is_automatic);
    assert_int_equal(before.num_lanes_in_service, 2);
    assert_string_equal(before.card_fault, "");
    assert_int_equal(before.lanes[0].num_retirements, 0);
    assert_int_equal(before.lanes[0].num_readmissions, 0);
    assert_int_equal(before.lanes[1].num_retirements, 1);
    assert_int_equal(before.lanes[1].num_readmissions, 1);
    (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
    struct mtc_hash_stats after = stats_of(card);
    assert_true(after.lanes[1].num_batches > before.lanes[1].num_batches);
    assert_int_equal(after.num_cpu_entries, before.num_cpu_entries);
    assert_int_equal(mtc_hasher_readmit(card, &error), MTC_INPUT);
    mtc_hasher_close(card);
    fake_stop(&fake, false);
  }
}

static void lanes_without_registers_are_refused(void **state) {
  (void)state;
  struct fake_card fake;
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {""};
  fake_make(&fake, NULL, 2, 1);
  fake_start(&fake);
  const struct mtc_card_options options = {.path = fake.path};
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "says it has 2 lanes, but has registers for only 1"));
  fake_stop(&fake, false);
}

static void more_lanes_than_are_used(void **state) {
  (void)state;
  struct fake_card fake;
  fake_make(&fake, NULL, FAKE_MAX_LANES, FAKE_MAX_LANES);
  fake_start(&fake);
  struct mtc_hasher *card = open_fake(&fake, false);
  assert_int_equal(stats_of(card).num_lanes, MTC_MAX_LANES);
  (void)run_load(card, 10, MAX_ENTRIES);
  assert_int_equal(stats_of(card).num_card_batches, NUM_THREADS * 10);
  mtc_hasher_close(card);
  fake_stop(&fake, false);
}

/* The card is exchanged for one with more lanes, then for one with fewer. */
static void another_card_has_other_lanes(void **state) {
  (void)state;
  static const unsigned counts[] = {1, 3, 2};
  struct fake_card fake;
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {""};
  char path[64] = "/tmp/mtc-fake-XXXXXX";
  assert_non_null(mkdtemp(path));
  for (size_t i = 0; i < 3; i++) {
    fake_make(&fake, path, counts[i], counts[i]);
    for (unsigned lane = 0; lane < counts[i]; lane++)
      fake_set_mood(&fake, lane, FAKE_GONE, 5);
    fake_start(&fake);
    if (!card)
      card = open_fake(&fake, false);
    else
      assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK);
    struct mtc_hash_stats stats = wait_for_card(card, false);
    assert_int_equal(stats.num_lanes, i ? 3 : 1);
    assert_int_equal(stats.num_lanes_in_service, counts[i]);
    if (i == 2) assert_non_null(strstr(stats.lanes[2].test_fault, "too short for lane 2"));
    (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
    assert_int_equal(stats_of(card).num_lanes_in_service, 0);
    fake_stop(&fake, true);
  }
  mtc_hasher_close(card);
  assert_int_equal(rmdir(path), 0);
}

int main(void) {
  mtc_log_init("test_hash_card_lanes", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(batches_go_to_every_lane),
      cmocka_unit_test(the_lane_with_the_least_to_do_is_next),
      cmocka_unit_test(a_lane_fails_and_the_other_goes_on),
      cmocka_unit_test(both_lanes_fail_and_the_cpu_goes_on),
      cmocka_unit_test(a_bad_lane_is_no_reason_to_do_without_the_others),
      cmocka_unit_test(a_lane_comes_back_alone),
      cmocka_unit_test(lanes_without_registers_are_refused),
      cmocka_unit_test(more_lanes_than_are_used),
      cmocka_unit_test(another_card_has_other_lanes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
