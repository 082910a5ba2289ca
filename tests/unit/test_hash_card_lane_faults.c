/* A card with two lanes under load while one of them, or both, fail. */
#include "card_load.h"

/* Why each lane fails; NULL: it does not. */
struct fault_case {
  const char *options; /* of mtc-sim */
  const char *reasons[2];
};

static void check_lane(const struct fault_case *fault_case, const struct mtc_hash_stats *stats,
                       unsigned number) {
  const struct mtc_lane_stats *lane = &stats->lanes[number];
  const char *reasons = fault_case->reasons[number];
  assert_true(lane->num_batches > 0);
  assert_int_equal(lane->in_service, !reasons);
  assert_int_equal(lane->num_retirements, reasons != NULL);
  if (!reasons) {
    assert_string_equal(lane->fault, "");
    assert_int_equal(lane->num_faults, 0);
    return;
  }
  if (!has_reason(lane->fault, reasons))
    fail_msg("%s: \"%s\" of lane %u lacks \"%s\"", fault_case->options, lane->fault, number,
             reasons);
  assert_in_range(lane->num_faults, 1, MAX_IN_FLIGHT);
}

static void run_case(const struct fault_case *fault_case) {
  struct sim sim;
  start_sim_options(&sim, fault_case->options);
  struct mtc_hasher *card =
      open_with(&(struct mtc_card_options){.path = sim.path, .timeout_ms = 2000});
  assert_int_equal(stats_of(card).num_lanes_in_service, 2);
  uint64_t num_entries = run_load(card, NUM_BATCHES, MAX_ENTRIES);
  struct mtc_hash_stats stats = stats_of(card);
  assert_int_equal(stats.num_lanes, 2);
  assert_int_equal(stats.num_card_leaves + stats.num_cpu_entries, num_entries);
  for (unsigned i = 0; i < 2; i++)
    check_lane(fault_case, &stats, i);
  /* What comes next goes to the lane that is left, and to the CPU only where none is. */
  num_entries = run_load(card, 4, MAX_ENTRIES);
  struct mtc_hash_stats after = stats_of(card);
  assert_int_equal(after.num_card_faults, stats.num_card_faults);
  for (unsigned i = 0; i < 2; i++)
    if (fault_case->reasons[i])
      assert_int_equal(after.lanes[i].num_batches, stats.lanes[i].num_batches);
  assert_int_equal(after.num_cpu_entries - stats.num_cpu_entries,
                   stats.card_in_service ? 0 : num_entries);
  mtc_hasher_close(card);
  if (strstr(fault_case->options, "die"))
    bury_sim(&sim);
  else
    stop_sim(&sim);
}

static void run_cases(const struct fault_case *cases, size_t num_cases) {
  for (size_t i = 0; i < num_cases; i++)
    run_case(&cases[i]);
}

static void both_lanes_work(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"--fold 4 --lanes 2", {NULL, NULL}},
      {"--fold 64 --lanes 2 --fault short --fault short@1", {NULL, NULL}},
      {"--fold 4 --lanes 2 --idle 50 --stall 50 --fault stall:300@1", {NULL, NULL}},
  };
  run_cases(cases, sizeof cases / sizeof cases[0]);
}

static void a_lane_fails_and_the_other_goes_on(void **state) {
  (void)state;
  static const struct fault_case cases[] = {
      {"--fold 4 --lanes 2 --fault hang:30@1", {NULL, "not done within 2000 ms"}},
      {"--fold 4 --lanes 2 --fault hang:30", {"not done within 2000 ms", NULL}},
      {"--fold 4 --lanes 2 --fault stall:5000@1", {NULL, "not done within 2000 ms"}},
      {"--fold 4 --lanes 2 --fault wrong-hash:1000@1", {NULL, "is wrong"}},
      {"--fold 4 --lanes 2 --fault wrong-hash:1000", {"is wrong", NULL}},
      {"--fold 4 --lanes 2 --fault duplicate-record:1001@1",
       {NULL, "came twice|was not asked for"}},
      {"--fold 4 --lanes 2 --fault lose-record:1001@1", {NULL, "padding in the place of a record"}},
      {"--fold 4 --lanes 2 --fault drop-frame:30@1", {NULL, "its number is|not done within"}},
      {"--fold 4 --lanes 2 --fault corrupt:122880@1", {NULL, "its magic is"}},
  };
  run_cases(cases, sizeof cases / sizeof cases[0]);
}

static void both_lanes_fail(void **state) {
  (void)state;
#define GONE "it is gone|Broken pipe|not done within 2000 ms"
  static const struct fault_case cases[] = {
      {"--fold 4 --lanes 2 --fault hang:20 --fault wrong-hash:1000@1",
       {"not done within 2000 ms", "is wrong"}},
      {"--fold 4 --lanes 2 --fault corrupt:122880 --fault hang:25@1",
       {"its magic is", "not done within 2000 ms"}},
      {"--fold 4 --lanes 2 --fault die:30@1", {GONE, GONE}},
      {"--fold 4 --lanes 2 --fault vanish:30@1",
       {"the card is gone (its ID register is 0xffffffff)",
        "the card is gone (its ID register is 0xffffffff)"}},
      {"--fold 4 --lanes 2 --fault reset:30@1", {"the card was reset", "the card was reset"}},
  };
#undef GONE
  run_cases(cases, sizeof cases / sizeof cases[0]);
}

/* A reset takes both lanes; one word of the operator brings both back. */
static void an_operator_takes_both_lanes_back(void **state) {
  (void)state;
  struct sim sim;
  struct mtc_error error = {""};
  start_sim_options(&sim, "--fold 4 --lanes 2 --fault reset:30@1");
  struct mtc_hasher *card =
      open_with(&(struct mtc_card_options){.path = sim.path, .timeout_ms = 3000});
  (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
  assert_int_equal(stats_of(card).num_lanes_in_service, 0);
  assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK);
  struct mtc_hash_stats before = wait_for_card(card, false);
  if (before.num_lanes_in_service != 2) fail_msg("not taken back: %s", before.card_test_fault);
  (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
  struct mtc_hash_stats after = stats_of(card);
  assert_int_equal(after.num_lanes_in_service, 2);
  assert_int_equal(after.num_card_readmissions, 2);
  assert_int_equal(after.num_cpu_entries, before.num_cpu_entries);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

int main(void) {
  if (!has_sim()) return SKIPPED;
  mtc_log_init("test_hash_card_lane_faults", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_lanes_work),
      cmocka_unit_test(a_lane_fails_and_the_other_goes_on),
      cmocka_unit_test(both_lanes_fail),
      cmocka_unit_test(an_operator_takes_both_lanes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
