/* Load for a card: threads of batches, and every hash of every batch compared with the CPU's. */
#ifndef MTC_TESTS_CARD_LOAD_H
#define MTC_TESTS_CARD_LOAD_H

#include <pthread.h>

#include "card_fixture.h"
#include "mtc/runtime.h"

#define NUM_THREADS 4u
#define NUM_BATCHES 50u /* of each thread */
#define MAX_IN_FLIGHT (2 * NUM_THREADS)
#define MAX_ENTRIES 40u
#define MAX_LEN 300u

/* A job of random entries at any start, appended to arbitrary peaks. */
struct job {
  struct mtc_hash_job job;
  struct mtc_frontier frontier;
  struct mtc_span entries[MAX_ENTRIES];
  uint8_t bytes[4096];
};

static inline uint64_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static inline void make_job(struct job *job, uint64_t *random, size_t max_entries) {
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

static inline bool is_right(struct mtc_hasher *cpu, const struct job *job,
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
static inline void *work(void *context) {
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
static inline uint64_t run_load(struct mtc_hasher *card, unsigned num_batches, size_t max_entries) {
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

static inline struct mtc_hasher *open_with(const struct mtc_card_options *options) {
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {0};
  if (mtc_hasher_open_card(options, &card, &error)) fail_msg("opening the card: %s", error.text);
  return card;
}

/* Whether `text` has one of the reasons, which are separated by bars. */
static inline bool has_reason(const char *text, const char *reasons) {
  char copy[256], *rest = copy;
  (void)snprintf(copy, sizeof copy, "%s", reasons);
  for (char *reason; (reason = strsep(&rest, "|")) != NULL;)
    if (strstr(text, reason)) return true;
  return false;
}

/* Waits for the end of an attempt, or (automatic ones) for the whole card to be back. */
static inline struct mtc_hash_stats wait_for_card(struct mtc_hasher *card, bool is_automatic) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + 60000;
  struct mtc_hash_stats stats = stats_of(card);
  while (is_automatic ? stats.num_lanes_in_service < stats.num_lanes : stats.card_in_test) {
    assert_true(mtc_clock_monotonic_ms() < deadline_ms);
    (void)usleep(5000);
    stats = stats_of(card);
  }
  return stats;
}

#endif
