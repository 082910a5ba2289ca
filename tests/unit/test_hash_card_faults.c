/* The card at its worst, under load: four threads, and every hash of every batch is compared with
 * the CPU's. The known-answer test takes the first frame and 18 records. */
#include <pthread.h>

#include "card_fixture.h"
#include "mtc/runtime.h"

#define NUM_THREADS 4u
#define NUM_BATCHES 50u /* of each thread */
#define MAX_ENTRIES 40u
#define MAX_LEN 300u

/* A job of random entries at any start, appended to arbitrary peaks. */
struct job {
  struct mtc_hash_job job;
  struct mtc_frontier frontier;
  struct mtc_span entries[MAX_ENTRIES];
  uint8_t bytes[4096];
};

static uint64_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static void make_job(struct job *job, uint64_t *random, size_t max_entries) {
  memset(&job->frontier, 0, sizeof job->frontier);
  for (size_t i = 0; i < sizeof job->bytes; i++)
    job->bytes[i] = (uint8_t)next_random(random);
  uint64_t start = next_random(random) << (next_random(random) % 16);
  job->frontier.tree_size = start;
  for (unsigned level = 0; level < 48; level++)
    if (start >> level & 1)
      memcpy(job->frontier.peaks[level].bytes, job->bytes + (size_t)level * 50, MTC_HASH_LEN);
  size_t num_entries = 1 + next_random(random) % max_entries;
  for (size_t i = 0; i < num_entries; i++) {
    size_t len = 1 + next_random(random) % MAX_LEN;
    job->entries[i] =
        mtc_span_of(job->bytes + next_random(random) % (sizeof job->bytes - len), len);
  }
  job->job = (struct mtc_hash_job){&job->frontier, job->entries, num_entries};
}

static bool is_right(struct mtc_hasher *cpu, const struct job *job,
                     const struct mtc_hash_result *found) {
  struct mtc_hash_result expected;
  size_t total = 0;
  if (mtc_hasher_run(cpu, &job->job, &expected, NULL)) return false;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    total += expected.num_nodes[level];
  bool right = found->start == expected.start && found->end == expected.end &&
               memcmp(found->storage, expected.storage, total * sizeof *found->storage) == 0;
  mtc_hash_result_free(&expected);
  return right;
}

/* What one thread does; assertions are the main thread's. */
struct worker {
  struct mtc_hasher *card, *cpu;
  uint64_t random;
  unsigned num_batches;
  size_t max_entries;
  unsigned num_wrong;
  uint64_t num_entries;
  pthread_t thread;
};

/* Two batches at a time, which end in the other order. */
static void *work(void *context) {
  struct worker *worker = context;
  struct job *jobs = mtc_alloc(2, sizeof *jobs);
  for (unsigned done = 0; done < worker->num_batches; done += 2) {
    struct mtc_hash_ticket *tickets[2];
    for (unsigned i = 0; i < 2; i++) {
      make_job(&jobs[i], &worker->random, worker->max_entries);
      worker->num_entries += jobs[i].job.num_entries;
      if (mtc_hasher_submit(worker->card, &jobs[i].job, &tickets[i], NULL)) abort();
    }
    for (unsigned i = 2; i-- > 0;) {
      struct mtc_hash_result found;
      mtc_hasher_wait(worker->card, tickets[i], &found);
      if (!is_right(worker->cpu, &jobs[i], &found)) worker->num_wrong++;
      mtc_hash_result_free(&found);
    }
  }
  mtc_free(jobs);
  return NULL;
}

/* Four threads of batches, all of them right; returns how many entries those had. */
static uint64_t run_load(struct mtc_hasher *card, unsigned num_batches, size_t max_entries) {
  static uint64_t seed = 1;
  struct worker workers[NUM_THREADS] = {0};
  struct mtc_hasher *cpu;
  uint64_t num_before = stats_of(card).num_batches, num_entries = 0;
  assert_int_equal(mtc_hasher_open_cpu(&cpu), MTC_OK);
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    workers[i] = (struct worker){.card = card,
                                 .cpu = cpu,
                                 .random = seed++,
                                 .num_batches = num_batches,
                                 .max_entries = max_entries};
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(workers[i].num_wrong, 0);
    num_entries += workers[i].num_entries;
  }
  assert_int_equal(stats_of(card).num_batches - num_before, NUM_THREADS * num_batches);
  assert_int_equal(stats_of(cpu).num_batches, NUM_THREADS * num_batches);
  mtc_hasher_close(cpu);
  return num_entries;
}

static struct mtc_hasher *open_with(const struct mtc_card_options *options) {
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {0};
  if (mtc_hasher_open_card(options, &card, &error)) fail_msg("opening the card: %s", error.text);
  return card;
}

static void start_sim_options(struct sim *sim, const char *options) {
  char path[] = "/tmp/mtc-card-XXXXXX";
  assert_non_null(mkdtemp(path));
  start_sim_with(sim, path, options);
}

/* Whether `text` has one of the reasons, which are separated by bars. */
static bool has_reason(const char *text, const char *reasons) {
  char copy[256], *rest = copy;
  (void)snprintf(copy, sizeof copy, "%s", reasons);
  for (char *reason; (reason = strsep(&rest, "|")) != NULL;)
    if (strstr(text, reason)) return true;
  return false;
}

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
  /* Nothing is lost, nothing counted twice. */
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
    assert_true(stats.num_card_faults >= 1);
    assert_int_equal(stats.num_card_retirements, 1);
    assert_true(stats.num_cpu_entries > 0);
    num_entries = run_load(card, 2, MAX_ENTRIES);
    assert_int_equal(stats_of(card).num_cpu_entries, stats.num_cpu_entries + num_entries);
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

/* Waits for the end of an attempt, or (automatic ones) for the card to be back. */
static struct mtc_hash_stats wait_for_card(struct mtc_hasher *card, bool is_automatic) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + 60000;
  struct mtc_hash_stats stats = stats_of(card);
  while (is_automatic ? !stats.card_in_service : stats.card_in_test) {
    assert_true(mtc_clock_monotonic_ms() < deadline_ms);
    (void)usleep(5000);
    stats = stats_of(card);
  }
  return stats;
}

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
  if (access(sim_program(), X_OK) != 0) {
    (void)fprintf(stderr, "skipped: this preset builds no mtc-sim (%s)\n", sim_program());
    return 77;
  }
  mtc_log_init("test_hash_card_faults", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_card_stays_in_service),
      cmocka_unit_test(a_card_that_hangs_or_vanishes),
      cmocka_unit_test(a_card_that_lies),
      cmocka_unit_test(an_operator_takes_the_card_back),
      cmocka_unit_test(batches_do_not_wait_for_an_attempt),
      cmocka_unit_test(a_card_comes_back_by_itself),
      cmocka_unit_test(an_optional_card_is_retired_at_once),
      cmocka_unit_test(samples_reach_small_batches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
