/* The card backend: the card while it is right, the CPU from its first fault on. */
#include <stdio.h>
#include <string.h>

#include "hash/card.h"
#include "mtc/runtime.h"

#define DEFAULT_TIMEOUT_MS 10000u

struct card_hasher {
  struct mtc_hasher hasher;
  struct mtc_card card;
  struct mtc_card_checking checking;
  unsigned timeout_ms; /* as given */
};

/*
 * Without a timeout of the caller's, a large batch has more time: 100 microseconds a SHA-256 block,
 * several times what even the model takes.
 */
static uint64_t timeout_of(const struct card_hasher *self, const struct mtc_hash_job *job) {
  if (self->timeout_ms) return self->timeout_ms;
  uint64_t num_blocks = 0;
  for (size_t i = 0; i < job->num_entries; i++)
    num_blocks += job->entries[i].len / 64 + 4;
  return DEFAULT_TIMEOUT_MS + num_blocks / 10;
}

static bool fits(const struct mtc_card *card, const struct mtc_hash_job *job) {
  if (job->num_entries > card->max_batch) return false;
  for (size_t i = 0; i < job->num_entries; i++)
    if (job->entries[i].len > card->max_entry) return false;
  return true;
}

static void count_batch(struct card_hasher *self, const struct mtc_hash_result *result,
                        size_t num_checked) {
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  stats->num_card_batches++;
  stats->num_card_leaves += result->num_nodes[0];
  for (unsigned level = 1; level < MTC_LEVELS; level++)
    stats->num_card_nodes += result->num_nodes[level];
  stats->num_checked_hashes += num_checked;
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

static void retire(struct card_hasher *self, const struct mtc_error *fault, size_t num_checked) {
  mtc_log(MTC_LOG_ERROR, "card_retired", "fault=\"%s\"", fault->text);
  mtc_card_close(&self->card);
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  stats->num_card_faults++;
  stats->num_checked_hashes += num_checked;
  stats->card_in_service = false;
  (void)snprintf(stats->card_fault, sizeof stats->card_fault, "%s", fault->text);
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

static mtc_status run_on_card(struct card_hasher *self, const struct mtc_hash_job *job,
                              struct mtc_hash_result *out, size_t *out_num_checked,
                              struct mtc_error *error) {
  *out_num_checked = 0;
  mtc_status status = mtc_card_hash_batch(&self->card, job, timeout_of(self, job), out, error);
  if (status) return status;
  self->checking.phase = self->card.batch;
  return mtc_card_check_batch(&self->checking, job, out, out_num_checked, error);
}

static mtc_status run(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                      struct mtc_hash_result *out, struct mtc_error *error) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  if (self->card.registers && fits(&self->card, job)) {
    struct mtc_error fault = {0};
    size_t num_checked;
    mtc_status status = run_on_card(self, job, out, &num_checked, &fault);
    if (!status) {
      count_batch(self, out, num_checked);
      return MTC_OK;
    }
    if (status == MTC_NOMEM) return mtc_fail(error, status, "%s", fault.text);
    retire(self, &fault, num_checked);
  }
  mtc_hash_on_cpu(job, out);
  pthread_mutex_lock(&hasher->stats_lock);
  hasher->stats.num_cpu_entries += job->num_entries;
  pthread_mutex_unlock(&hasher->stats_lock);
  return MTC_OK;
}

static void close_card(struct mtc_hasher *hasher) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  mtc_card_close(&self->card);
  mtc_free(self);
}

/*
 * The known-answer batch: entries around every length at which the padding changes, appended to a
 * tree of 5, so that seeds take part. Everything is recomputed, whatever the options say.
 */
static mtc_status test_card(struct card_hasher *self, struct mtc_error *error) {
  static const size_t lengths[] = {1, 54, 55, 56, 57, 63, 64, 119, 120, 500};
  enum { NUM_ENTRIES = sizeof lengths / sizeof lengths[0] };
  uint8_t pattern[512];
  for (size_t i = 0; i < sizeof pattern; i++)
    pattern[i] = (uint8_t)(i * 7 + 1);
  struct mtc_span entries[NUM_ENTRIES];
  for (size_t i = 0; i < NUM_ENTRIES; i++)
    entries[i] = mtc_span_of(pattern, lengths[i] < self->card.max_entry ? lengths[i] : 1);

  struct mtc_frontier frontier = {0};
  for (size_t i = 0; i < 5; i++) {
    struct mtc_hash leaf;
    mtc_hash_leaf(mtc_span_of(pattern, i + 1), &leaf);
    mtc_frontier_append(&frontier, &leaf);
  }
  const struct mtc_hash_job job = {&frontier, entries, NUM_ENTRIES};
  struct mtc_hash_result result;
  mtc_status status = mtc_hash_result_alloc(&result, frontier.tree_size, 5 + NUM_ENTRIES);
  if (status) return mtc_fail(error, status, "no memory to test the card");
  status = mtc_card_hash_batch(&self->card, &job, timeout_of(self, &job), &result, error);
  const struct mtc_card_checking full = {.mode = MTC_CARD_CHECK_FULL};
  size_t num_checked;
  if (!status) status = mtc_card_check_batch(&full, &job, &result, &num_checked, error);
  mtc_hash_result_free(&result);
  return status ? mtc_fail_within(error, status, "the card's known-answer test") : MTC_OK;
}

mtc_status mtc_hasher_open_card(const struct mtc_card_options *options, struct mtc_hasher **out,
                                struct mtc_error *error) {
  struct card_hasher *self = mtc_alloc(1, sizeof *self);
  if (!self) return mtc_fail(error, MTC_NOMEM, "no memory to open the card");
  self->card = (struct mtc_card){.user = -1, .h2c = -1, .c2h = -1};
  self->timeout_ms = options->timeout_ms;
  self->checking =
      (struct mtc_card_checking){.mode = options->check, .sample_every = options->sample_every};
  mtc_status status = mtc_hasher_init(&self->hasher, run, close_card);
  if (status) {
    mtc_free(self);
    return mtc_fail(error, status, "no memory to open the card");
  }
  status = mtc_card_open(&self->card, options->path,
                         options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS, error);
  if (!status) status = test_card(self, error);
  if (status) {
    mtc_hasher_close(&self->hasher);
    return status;
  }
  self->hasher.stats.card_in_service = true;
  *out = &self->hasher;
  return MTC_OK;
}
