/* A retired card comes back: an operator asks for it, or it does so by itself. */
#include "card_load.h"

/* A core that was reset needs no new files, only a new session. */
static void an_operator_takes_the_card_back(void **state) {
  (void)state;
  struct sim sim;
  struct mtc_error error = {""};
  start_sim(&sim, "reset:30");
  struct mtc_hasher *card =
      open_with(&(struct mtc_card_options){.path = sim.path, .timeout_ms = 3000});
  assert_int_equal(mtc_hasher_readmit(card, &error), MTC_INPUT);
  (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
  assert_false(stats_of(card).card_in_service);
  for (unsigned round = 0; round < 2; round++) {
    uint64_t num_cpu_entries = stats_of(card).num_cpu_entries;
    assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK);
    struct mtc_hash_stats stats = wait_for_card(card, false);
    if (!stats.card_in_service) fail_msg("not taken back: %s", stats.card_test_fault);
    assert_int_equal(stats.num_card_readmissions, 1 + round);
    assert_string_equal(stats.card_fault, "");
    (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
    stats = stats_of(card);
    assert_true(stats.card_in_service);
    assert_int_equal(stats.num_cpu_entries, num_cpu_entries);
    if (round) break;
    /* It dies for good; another takes its place. */
    assert_int_equal(kill(sim.pid, SIGKILL), 0);
    assert_int_equal(waitpid(sim.pid, NULL, 0), sim.pid);
    (void)run_load(card, 2, MAX_ENTRIES);
    assert_false(stats_of(card).card_in_service);
    char path[sizeof sim.path];
    memcpy(path, sim.path, sizeof path);
    start_sim_in(&sim, path, NULL);
  }
  mtc_hasher_close(card);
  stop_sim(&sim);
}

/* An attempt on a card that hangs takes its time, and no batch waits for it. */
static void batches_do_not_wait_for_an_attempt(void **state) {
  (void)state;
  struct sim sim;
  struct mtc_error error = {""};
  start_sim(&sim, "hang:10");
  struct mtc_hasher *card =
      open_with(&(struct mtc_card_options){.path = sim.path, .timeout_ms = 2000});
  (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
  assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK);
  (void)run_load(card, 4, MAX_ENTRIES);
  assert_true(stats_of(card).card_in_test);
  assert_int_equal(mtc_hasher_readmit(card, &error), MTC_OK); /* again: the same attempt */
  struct mtc_hash_stats stats = wait_for_card(card, false);
  assert_false(stats.card_in_service);
  assert_non_null(strstr(stats.card_fault, "not done within"));
  assert_non_null(strstr(stats.card_test_fault, "did not acknowledge"));
  assert_int_equal(stats.num_card_retirements, 1);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void a_card_comes_back_by_itself(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, "reset:30");
  struct mtc_hasher *card = open_with(&(struct mtc_card_options){
      .path = sim.path, .timeout_ms = 3000, .readmit_after = 3, .readmit_interval_ms = 10});
  (void)run_load(card, 4 * NUM_BATCHES, MAX_ENTRIES);
  struct mtc_hash_stats stats = wait_for_card(card, true);
  assert_int_equal(stats.num_card_retirements, 1);
  assert_int_equal(stats.num_card_readmissions, 1);
  uint64_t num_card_batches = stats.num_card_batches;
  (void)run_load(card, NUM_BATCHES, MAX_ENTRIES);
  stats = stats_of(card);
  if (!stats.card_in_service) fail_msg("it went again: %s", stats.card_fault);
  assert_int_equal(stats.num_card_batches, num_card_batches + NUM_THREADS * NUM_BATCHES);
  assert_true(stats.card.num_entries >= 30); /* three tests since its reset */
  mtc_hasher_close(card);
  stop_sim(&sim);
}

int main(void) {
  if (!has_sim()) return SKIPPED;
  mtc_log_init("test_hash_card_readmit", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_operator_takes_the_card_back),
      cmocka_unit_test(batches_do_not_wait_for_an_attempt),
      cmocka_unit_test(a_card_comes_back_by_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
