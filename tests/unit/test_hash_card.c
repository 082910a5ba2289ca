/* The card backend against mtc-sim: right results, lost sessions, every fault of the card. */
#include <fcntl.h>

#include "card_fixture.h"
#include "mtc/runtime.h"

#define MAX_ENTRIES 1500

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t bound) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (random_state >> 33) % bound;
}

/* A job of random entries at any start; the frontier's hashes are arbitrary. */
struct job {
  struct mtc_hash_job job;
  struct mtc_frontier frontier;
  struct mtc_span entries[MAX_ENTRIES];
  uint8_t bytes[70000];
};

static struct job *make_job(uint64_t start, size_t num_entries, size_t max_len) {
  static struct job job;
  memset(&job.frontier, 0, sizeof job.frontier);
  job.frontier.tree_size = start;
  for (size_t i = 0; i < sizeof job.bytes; i++)
    job.bytes[i] = (uint8_t)random_below(256);
  for (unsigned level = 0; level < 48; level++)
    if (start >> level & 1)
      memcpy(job.frontier.peaks[level].bytes, job.bytes + level * 50, MTC_HASH_LEN);
  for (size_t i = 0; i < num_entries; i++) {
    size_t len = 1 + random_below(max_len);
    job.entries[i] = mtc_span_of(job.bytes + random_below(sizeof job.bytes - len), len);
  }
  job.job = (struct mtc_hash_job){&job.frontier, job.entries, num_entries};
  return &job;
}

static size_t count_records(const struct mtc_hash_result *result) {
  size_t total = 0;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    total += result->num_nodes[level];
  return total;
}

/* Runs a job and compares every hash with the CPU's; returns how many hashes there were. */
static size_t expect_right(struct mtc_hasher *card, const struct job *job) {
  struct mtc_error error = {0};
  struct mtc_hasher *cpu;
  struct mtc_hash_result expected, found;
  assert_int_equal(mtc_hasher_open_cpu(&cpu), MTC_OK);
  assert_int_equal(mtc_hasher_run(cpu, &job->job, &expected, &error), MTC_OK);
  assert_int_equal(mtc_hasher_run(card, &job->job, &found, &error), MTC_OK);
  size_t total = count_records(&expected);
  assert_int_equal(count_records(&found), total);
  assert_memory_equal(found.storage, expected.storage, total * sizeof *expected.storage);
  mtc_hash_result_free(&expected);
  mtc_hash_result_free(&found);
  mtc_hasher_close(cpu);
  return total;
}

static struct mtc_hasher *open_card(const struct sim *sim, enum mtc_card_check check,
                                    unsigned timeout_ms) {
  const struct mtc_card_options options = {
      .path = sim->path, .check = check, .sample_every = 10, .timeout_ms = timeout_ms};
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {0};
  mtc_status status = mtc_hasher_open_card(&options, &card, &error);
  if (status) fail_msg("opening the card: %s", error.text);
  return card;
}

static void batches_at_any_start_match_the_cpu(void **state) {
  (void)state;
  static const struct {
    uint64_t start;
    size_t num_entries;
    size_t max_len;
  } cases[] = {
      {0, 1, 300},
      {0, 64, 600},
      {1, 1, 64},
      {7, 200, 300},
      {255, 63, 128},
      {(UINT64_C(1) << 40) - 1, 3, 8192},
      {UINT64_C(0xFFFFFFFFFFF0), 15, 400},
      {UINT64_C(0x5555AAAA5555), 300, 500},
      {0, 1000, 500},
  };
  struct sim sim;
  start_sim(&sim, NULL);
  struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_FULL, 0);
  uint64_t num_hashes = 0, num_leaves = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    num_hashes +=
        expect_right(card, make_job(cases[i].start, cases[i].num_entries, cases[i].max_len));
    num_leaves += cases[i].num_entries;
  }
  struct mtc_hash_stats stats = stats_of(card);
  assert_true(stats.card_in_service);
  assert_int_equal(stats.num_card_batches, sizeof cases / sizeof cases[0]);
  assert_int_equal(stats.num_batches, stats.num_card_batches);
  assert_int_equal(stats.num_card_leaves, num_leaves);
  assert_int_equal(stats.num_card_leaves + stats.num_card_nodes, num_hashes);
  assert_int_equal(stats.num_checked_hashes, num_hashes);
  assert_int_equal(stats.num_cpu_entries, 0);
  assert_int_equal(stats.num_card_faults, 0);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

/* The same entries through the smallest and the deepest build of the core and through the CPU. */
static void every_build_gives_the_same_hashes(void **state) {
  (void)state;
  static const char *const builds[] = {"--fold 64", "--fold 1 --stages 2"};
  for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
    struct sim sim;
    char path[] = "/tmp/mtc-card-XXXXXX";
    assert_non_null(mkdtemp(path));
    start_sim_with(&sim, path, builds[i]);
    struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_ROOT, 0);
    random_state = 60; /* both get the same job */
    struct job *job = make_job(UINT64_C(0x123456789), 60, 600);
    size_t num_hashes = expect_right(card, job);
    struct mtc_hash_stats stats = stats_of(card);
    assert_int_equal(stats.num_card_batches, 1);
    assert_int_equal(stats.num_card_leaves + stats.num_card_nodes, num_hashes);
    mtc_hasher_close(card);
    stop_sim(&sim);
  }
}

/* One frame of records, its input all in the card's buffer: 20,000 cycles in which no beat moves.
 */
static void long_work_behind_the_last_beat_is_finished(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, NULL);
  struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_FULL, 3000);
  struct job *job = make_job(0, 32, 500);
  for (size_t i = 0; i < 32; i++)
    job->entries[i] = mtc_span_of(job->bytes + i, 500);
  assert_int_equal(expect_right(card, job), 63);
  assert_int_equal(stats_of(card).num_card_batches, 1);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void entries_above_the_cap_run_on_the_cpu(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, NULL);
  struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_ROOT, 0);
  struct job *job = make_job(3, 4, 100);
  job->entries[2] = mtc_span_of(job->bytes, 8193);
  expect_right(card, job);
  struct mtc_hash_stats stats = stats_of(card);
  assert_int_equal(stats.num_cpu_entries, 4);
  assert_int_equal(stats.num_card_batches, 0);
  assert_true(stats.card_in_service);
  job->entries[2] = mtc_span_of(job->bytes, 8192);
  expect_right(card, job);
  stats = stats_of(card);
  assert_int_equal(stats.num_card_batches, 1);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void checks_cost_what_they_say(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, "short"); /* and odd transfers disturb nobody */
  struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_ROOT, 0);
  size_t num_hashes = expect_right(card, make_job(6, 100, 300));
  assert_int_equal(stats_of(card).num_checked_hashes, num_hashes - 100);
  assert_int_equal(stats_of(card).num_card_batches, 1);
  mtc_hasher_close(card);
  card = open_card(&sim, MTC_CARD_CHECK_SAMPLE, 0);
  num_hashes = expect_right(card, make_job(6, 100, 300));
  assert_int_equal(stats_of(card).num_checked_hashes, num_hashes - 100 + 10);
  assert_int_equal(stats_of(card).num_card_batches, 1);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

/* Opens one of the card's streams behind the driver's back. */
static int open_stream(const struct sim *sim, const char *name, int flags) {
  char path[80];
  (void)snprintf(path, sizeof path, "%s/%s", sim->path, name);
  int fd = open(path, flags);
  assert_true(fd >= 0);
  return fd;
}

/* A process that hashes batches until it is killed; returns when it has the card. */
static pid_t start_driver(const struct sim *sim, const struct job *job) {
  int begun[2];
  char byte;
  assert_int_equal(pipe(begun), 0);
  pid_t driver = fork();
  assert_true(driver >= 0);
  if (driver == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct mtc_hasher *card = open_card(sim, MTC_CARD_CHECK_ROOT, 0);
    struct mtc_hash_result result;
    struct mtc_error error;
    if (write(begun[1], "x", 1) != 1) _exit(1);
    for (;;) {
      if (mtc_hasher_run(card, &job->job, &result, &error)) _exit(1);
      mtc_hash_result_free(&result);
    }
  }
  (void)close(begun[1]);
  assert_int_equal(read(begun[0], &byte, 1), 1);
  (void)close(begun[0]);
  return driver;
}

/*
 * A driver process dies in mid-batch, several times; the next one starts anew. It may die in the
 * middle of a write or read: a beat cut off in the input, and a frame without its first bytes in
 * the output, stand for that.
 */
static void a_killed_driver_leaves_no_trace(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, NULL);
  for (int round = 0; round < 6; round++) {
    uint8_t bytes[100] = {0};
    pid_t driver = start_driver(&sim, make_job(9, 1500, 500));
    int c2h = open_stream(&sim, "c2h_0", O_RDONLY);
    if (round % 2) {
      assert_true(read(c2h, bytes, 1 + random_below(99)) > 0);
    } else {
      /* Not synchronisation: where in the batch the driver dies shall differ. */
      (void)usleep((useconds_t)(20000 + random_below(60000)));
    }
    assert_int_equal(kill(driver, SIGKILL), 0);
    assert_int_equal(waitpid(driver, NULL, 0), driver);
    (void)close(c2h);
    int h2c = open_stream(&sim, "h2c_0", O_WRONLY);
    assert_int_equal(write(h2c, bytes, 1 + (size_t)round * 11), 1 + round * 11);
    (void)close(h2c);

    struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_FULL, 0);
    expect_right(card, make_job(31, 130, 400));
    struct mtc_hash_stats stats = stats_of(card);
    assert_true(stats.card_in_service);
    assert_int_equal(stats.num_card_batches, 1);
    mtc_hasher_close(card);
  }
  stop_sim(&sim);
}

/* A new mtc-sim takes over the folder of a killed one. */
static void a_killed_model_can_be_replaced(void **state) {
  (void)state;
  struct sim first, second;
  start_sim(&first, NULL);
  struct mtc_hasher *card = open_card(&first, MTC_CARD_CHECK_FULL, 3000);
  assert_int_equal(kill(first.pid, SIGKILL), 0);
  assert_int_equal(waitpid(first.pid, NULL, 0), first.pid);
  expect_right(card, make_job(0, 10, 100));
  assert_false(stats_of(card).card_in_service);
  mtc_hasher_close(card);
  start_sim_in(&second, first.path, NULL);
  card = open_card(&second, MTC_CARD_CHECK_FULL, 0);
  expect_right(card, make_job(0, 10, 100));
  assert_int_equal(stats_of(card).num_card_batches, 1);
  mtc_hasher_close(card);
  stop_sim(&second);
}

static void one_driver_at_a_time(void **state) {
  (void)state;
  struct sim sim;
  start_sim(&sim, NULL);
  struct mtc_hasher *card = open_card(&sim, MTC_CARD_CHECK_FULL, 0), *second = NULL;
  const struct mtc_card_options options = {.path = sim.path};
  struct mtc_error error = {0};
  assert_int_equal(mtc_hasher_open_card(&options, &second, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "in use"));
  assert_null(second);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void a_card_that_is_none_is_refused(void **state) {
  (void)state;
  struct mtc_card_options options = {.path = "/tmp/mtc-no-card"};
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {0};
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "/tmp/mtc-no-card_user"));
  struct sim sim;
  start_sim(&sim, "bad-id");
  options.path = sim.path;
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "ID register"));
  stop_sim(&sim);
  start_sim(&sim, "wrong-hash:18");
  options.path = sim.path;
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "known-answer"));
  assert_null(card);
  stop_sim(&sim);
}

/* Runs three batches on a card with a fault in the second: all right, and the card is retired. */
static void expect_retired(const char *fault, enum mtc_card_check check, const char *reason) {
  struct sim sim;
  start_sim(&sim, fault);
  struct mtc_hasher *card = open_card(&sim, check, 3000);
  expect_right(card, make_job(0, 20, 200)); /* 38 records, 1 frame */
  assert_true(stats_of(card).card_in_service);
  expect_right(card, make_job(0, 100, 200)); /* 197 records, 4 frames */
  struct mtc_hash_stats stats = stats_of(card);
  if (!strstr(stats.card_fault, reason))
    fail_msg("%s: \"%s\" lacks \"%s\"", fault, stats.card_fault, reason);
  assert_false(stats.card_in_service);
  assert_int_equal(stats.num_card_faults, 1);
  assert_int_equal(stats.num_card_batches, 1);
  assert_int_equal(stats.num_cpu_entries, 100);
  expect_right(card, make_job(5, 10, 200));
  stats = stats_of(card);
  assert_int_equal(stats.num_card_faults, 1);
  assert_int_equal(stats.num_cpu_entries, 110);
  mtc_hasher_close(card);
  if (strncmp(fault, "die", 3) == 0)
    bury_sim(&sim);
  else
    stop_sim(&sim);
}

static void a_card_that_fails_is_retired(void **state) {
  (void)state;
  expect_retired("hang:3", MTC_CARD_CHECK_FULL, "not done within 3000 ms");
  expect_retired("drop-frame:4", MTC_CARD_CHECK_FULL, "its number is 0x2, not 0x1");
  /* The last frame: the driver is told of it and sits in its read. */
  expect_retired("drop-frame:6", MTC_CARD_CHECK_FULL, "not done within 3000 ms");
  expect_retired("die:3", MTC_CARD_CHECK_FULL, "not done within 3000 ms");
}

static void a_card_that_lies_is_retired(void **state) {
  (void)state;
  /* The second batch's 197 records begin at 18 + 38 + 1: the first is a leaf, the last a node. */
  expect_retired("wrong-hash:57", MTC_CARD_CHECK_FULL, "hash of node 0, level 0, is wrong");
  expect_retired("wrong-hash:57", MTC_CARD_CHECK_ROOT, "level 1, is wrong");
  expect_retired("wrong-hash:253", MTC_CARD_CHECK_ROOT, "hash of node 0, level 6, is wrong");
  expect_retired("wrong-hash:253", MTC_CARD_CHECK_SAMPLE, "hash of node 0, level 6, is wrong");
}

/* Inverts a byte of each field of the second batch's first frame, header and records, in turn. */
static void every_damaged_field_is_noticed(void **state) {
  (void)state;
  static const unsigned offsets[] = {0,  4,  6,  8,  12,  16,  20,  24,  28,  32,
                                     64, 95, 96, 99, 103, 104, 105, 108, 112, 2 * 64 + 40};
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    char fault[32];
    (void)snprintf(fault, sizeof fault, "corrupt:%u", 2 * 4096 + offsets[i]);
    expect_retired(fault, MTC_CARD_CHECK_FULL, "");
  }
}

int main(void) {
  if (!has_sim()) return SKIPPED;
  mtc_log_init("test_hash_card", MTC_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(batches_at_any_start_match_the_cpu),
      cmocka_unit_test(every_build_gives_the_same_hashes),
      cmocka_unit_test(long_work_behind_the_last_beat_is_finished),
      cmocka_unit_test(entries_above_the_cap_run_on_the_cpu),
      cmocka_unit_test(checks_cost_what_they_say),
      cmocka_unit_test(a_killed_driver_leaves_no_trace),
      cmocka_unit_test(a_killed_model_can_be_replaced),
      cmocka_unit_test(one_driver_at_a_time),
      cmocka_unit_test(a_card_that_is_none_is_refused),
      cmocka_unit_test(a_card_that_fails_is_retired),
      cmocka_unit_test(a_card_that_lies_is_retired),
      cmocka_unit_test(every_damaged_field_is_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
