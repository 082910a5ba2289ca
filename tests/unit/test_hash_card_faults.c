/* The card at its worst, under load: four threads, and every hash of every batch is compared with
 * the CPU's. The known-answer test takes the first frame and 18 records. */
#include "card_load.h"

struct fault_case {
  const char *options; /* of mtc-sim */
  const char *reasons; /* NULL: the card stays in service */
  unsigned timeout_ms;
  enum mtc_card_check check;
};

static void run_case(const struct fault_case *fault_case) {
  struct sim sim;
  start_sim_options(&sim, fault_case->options);
  struct mtc_hasher *card = open_with(&(struct mtc_card_options){
      .path = sim.path,
      .check = fault_case->check,
      .sample_every = 10,
      .timeout_ms = fault_case->timeout_ms,
  });
  uint64_t num_entries = run_load(card, NUM_BATCHES, MAX_ENTRIES);
  struct mtc_hash_stats stats = stats_of(card);
  /* Of 200 batches nothing is lost, nothing counted twice. */
  assert_int_equal(stats.num_card_leaves + stats.num_cpu_entries, num_entries);
  assert_true(stats.num_card_batches > 0);
  assert_int_equal(stats.max_card_batches, 4);
  if (!fault_case->reasons) {
    if (!stats.card_in_service) fail_msg("%s: %s", fault_case->options, stats.card_fault);
    assert_int_equal(stats.num_cpu_entries, 0);
    assert_int_equal(stats.card.num_entries, num_entries + 10);
    assert_int_equal(stats.card.num_leaf_hashes, num_entries + 10);
    assert_true(stats.card.num_leaf_blocks >= num_entries);
    assert_true(stats.card.num_node_blocks == 2 * stats.card.num_node_hashes);
    assert_true(stats.card.num_cycles > stats.card.num_leaf_blocks + stats.card.num_node_blocks);
  } else {
    if (!has_reason(stats.card_fault, fault_case->reasons))
      fail_msg("%s: \"%s\" lacks \"%s\"", fault_case->options, stats.card_fault,
               fault_case->reasons);
    assert_false(stats.card_in_service);
    assert_int_equal(stats.num_card_retirements, 1);
    /* The batches that the card had at the fault were hashed again, and no other went there. */
    assert_in_range(stats.num_card_faults, 1, MAX_IN_FLIGHT);
    assert_true(stats.num_card_batches + stats.num_card_faults < NUM_THREADS * NUM_BATCHES);
    num_entries = run_load(card, 2, MAX_ENTRIES);
    struct mtc_hash_stats after = stats_of(card);
    assert_int_equal(after.num_cpu_entries, stats.num_cpu_entries + num_entries);
    assert_int_equal(after.num_card_batches, stats.num_card_batches);
    assert_int_equal(after.num_card_faults, stats.num_card_faults);
  }
  mtc_hasher_close(card);
  if (strstr(fault_case->options, "die"))
    bury_sim(&sim);
  else
    stop_sim(&sim);
}

static void a_slow_card_stays_in_service(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"", NULL, 0, MTC_CARD_CHECK_FULL},
      {"--fault short", NULL, 0, MTC_CARD_CHECK_SAMPLE},
      {"--idle 60 --stall 60 --seed 7", NULL, 0, MTC_CARD_CHECK_ROOT},
      {"--fold 64 --idle 30 --stall 90 --seed 8 --fault short", NULL, 60000, MTC_CARD_CHECK_FULL},
      {"--fault stall:300", NULL, 0, MTC_CARD_CHECK_FULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i]);
}

static void a_card_that_hangs_or_vanishes(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"--fault hang:60", "not done within 2000 ms", 2000, MTC_CARD_CHECK_FULL},
      {"--fault die:60", "it is gone|Broken pipe|not done within 2000 ms", 2000,
       MTC_CARD_CHECK_ROOT},
      {"--fault stall:5000", "not done within 2000 ms", 2000, MTC_CARD_CHECK_FULL},
      {"--fault vanish:60", "the card is gone (its ID register is 0xffffffff)", 2000,
       MTC_CARD_CHECK_FULL},
      {"--fault reset:60", "the card was reset", 2000, MTC_CARD_CHECK_FULL},
      {"--fault reset:61 --fault short", "the card was reset", 2000, MTC_CARD_CHECK_ROOT},
      {"--fault drop-frame:60", "its number is|not done within 2000 ms", 2000, MTC_CARD_CHECK_FULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i]);
}

static void a_card_that_lies(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"--fault wrong-hash:2000", "is wrong", 0, MTC_CARD_CHECK_FULL},
      {"--fault wrong-hash:2001 --idle 20", "is wrong", 0, MTC_CARD_CHECK_FULL},
      {"--fault duplicate-record:2000", "came twice|was not asked for", 0, MTC_CARD_CHECK_ROOT},
      {"--fault duplicate-record:2001", "came twice|was not asked for", 0, MTC_CARD_CHECK_FULL},
      {"--fault lose-record:2000", "padding in the place of a record", 0, MTC_CARD_CHECK_ROOT},
      {"--fault lose-record:2001 --stall 20", "padding in the place of a record", 0,
       MTC_CARD_CHECK_FULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i]);
  /* A byte of each field of a frame in the midst of many; most frames of small batches are the only
   * ones of theirs. */
  static const struct {
    unsigned offset;
    const char *reasons;
  } bytes[] = {
      {0, "its magic is"},        {6, "its version and kind is"}, {9, "its nonce is"},
      {13, "which is not open"},  {16, "its number is"},          {20, "its promise is"},
      {24, "its records is"},     {28, "its end mark is"},        {32, "its error code is|refused"},
      {64, "is wrong"},           {96, "was not asked for"},      {104, "was not asked for"},
      {108, "was not asked for"},
  };
  for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    char options[64];
    (void)snprintf(options, sizeof options, "--fault corrupt:%u", 60 * 4096 + bytes[i].offset);
    run_case(&(struct fault_case){options, bytes[i].reasons, 0, MTC_CARD_CHECK_FULL});
  }
}

/* No card, a wrong one, one that another process has: all start on the CPU where they may. */
static void an_optional_card_is_retired_at_once(void **state) {
  (void)state;
  static const struct {
    const char *fault, *reason;
  } cases[] = {{"bad-id", "ID register"}, {"busy", "in use"}, {"wrong-hash:3", "known-answer"}};
  struct mtc_error error = {""};
  struct sim sim;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_hasher *card = NULL;
    start_sim(&sim, cases[i].fault);
    struct mtc_card_options options = {.path = sim.path, .timeout_ms = 3000};
    assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
    assert_non_null(strstr(error.text, cases[i].reason));
    stop_sim(&sim);
    start_sim(&sim, cases[i].fault);
    options.path = sim.path;
    options.is_optional = true;
    card = open_with(&options);
    assert_false(stats_of(card).card_in_service);
    assert_non_null(strstr(stats_of(card).card_fault, cases[i].reason));
    uint64_t num_entries = run_load(card, 2, MAX_ENTRIES);
    assert_int_equal(stats_of(card).num_cpu_entries, num_entries);
    mtc_hasher_close(card);
    stop_sim(&sim);
  }
}

/* Every Nth leaf of small batches, too: the first is drawn for each batch. */
static void samples_reach_small_batches(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, NULL);
  struct mtc_hasher *card = open_with(&(struct mtc_card_options){
      .path = sim.path, .check = MTC_CARD_CHECK_SAMPLE, .sample_every = 10});
  (void)run_load(card, 100, 1);
  struct mtc_hash_stats stats = stats_of(card);
  uint64_t num_samples = stats.num_checked_hashes - stats.num_card_nodes;
  /* 400 leaves, each with a chance of one in ten: seven standard deviations each way. */
  assert_in_range(num_samples, 1, 82);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

int main(void) {
  if (!has_sim()) return SKIPPED;
  mtc_log_init("test_hash_card_faults", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_card_stays_in_service),
      cmocka_unit_test(a_card_that_hangs_or_vanishes),
      cmocka_unit_test(a_card_that_lies),
      cmocka_unit_test(an_optional_card_is_retired_at_once),
      cmocka_unit_test(samples_reach_small_batches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
