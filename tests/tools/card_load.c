/*
 * mtc-card-load PATH IN-FLIGHT BATCHES ENTRIES: gives the card or its model batches of entries of
 * 150 to 600 bytes, so many at a time, and says what came of it: time, and the share of the
 * engine's ticks with a block, both by the card's own counters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtc/hash.h"
#include "mtc/runtime.h"

#define MAX_IN_FLIGHT 64u
#define MIN_LEN 150u
#define MAX_LEN 600u

static struct mtc_span *make_entries(size_t num_entries) {
  static uint8_t bytes[2 * MAX_LEN];
  struct mtc_span *entries = mtc_alloc(num_entries, sizeof *entries);
  uint32_t random = 1;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 7);
  for (size_t i = 0; entries && i < num_entries; i++) {
    random = random * 1664525 + 1013904223;
    entries[i] =
        mtc_span_of(bytes + random % MAX_LEN, MIN_LEN + (random >> 16) % (MAX_LEN - MIN_LEN + 1));
  }
  return entries;
}

/* A window of `in_flight` tickets goes over the batches. */
static void run(struct mtc_hasher *card, const struct mtc_hash_job *job, unsigned in_flight,
                unsigned num_batches) {
  struct mtc_hash_ticket *tickets[MAX_IN_FLIGHT];
  struct mtc_error error = {""};
  for (unsigned i = 0; i < num_batches + in_flight; i++) {
    if (i >= in_flight) {
      struct mtc_hash_result result;
      mtc_hasher_wait(card, tickets[i % in_flight], &result);
      mtc_hash_result_free(&result);
    }
    if (i < num_batches && mtc_hasher_submit(card, job, &tickets[i % in_flight], &error)) {
      (void)fprintf(stderr, "mtc-card-load: %s\n", error.text);
      exit(1);
    }
  }
}

int main(int argc, char **argv) {
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {""};
  unsigned long in_flight = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
  unsigned long num_batches = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
  unsigned long num_entries = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
  if (!in_flight || in_flight > MAX_IN_FLIGHT || num_batches < in_flight || !num_entries) {
    (void)fprintf(stderr, "usage: mtc-card-load PATH IN-FLIGHT BATCHES ENTRIES\n");
    return 2;
  }
  mtc_log_init("mtc-card-load", MTC_LOG_WARNING);
  const struct mtc_card_options options = {.path = argv[1], .check = MTC_CARD_CHECK_ROOT};
  if (mtc_hasher_open_card(&options, &card, &error)) {
    (void)fprintf(stderr, "mtc-card-load: %s\n", error.text);
    return 1;
  }
  struct mtc_frontier frontier = {0};
  const struct mtc_hash_job job = {&frontier, make_entries(num_entries), num_entries};
  struct mtc_hash_stats before, after;
  if (!job.entries) return 1;
  mtc_hasher_stats(card, &before);
  int64_t start_ms = mtc_clock_monotonic_ms();
  run(card, &job, (unsigned)in_flight, (unsigned)num_batches);
  int64_t time_ms = mtc_clock_monotonic_ms() - start_ms;
  mtc_hasher_stats(card, &after);
  uint64_t blocks = after.card.num_leaf_blocks + after.card.num_node_blocks -
                    before.card.num_leaf_blocks - before.card.num_node_blocks;
  uint64_t no_input = after.card.num_no_input_ticks - before.card.num_no_input_ticks;
  uint64_t idle = no_input + after.card.num_no_credit_ticks + after.card.num_tail_ticks -
                  before.card.num_no_credit_ticks - before.card.num_tail_ticks;
  (void)printf(
      "%llu card batches of %lu entries, %lu in flight: %lld ms, %.0f entries/s, %llu "
      "blocks, %.1f%% of the ticks (no work in %.1f%%)\n",
      (unsigned long long)after.num_card_batches, num_entries, in_flight, (long long)time_ms,
      (double)(num_batches * num_entries) * 1000 / (double)(time_ms ? time_ms : 1),
      (unsigned long long)blocks, 100.0 * (double)blocks / (double)(blocks + idle),
      100.0 * (double)no_input / (double)(blocks + idle));
  mtc_hasher_close(card);
  mtc_free((void *)(uintptr_t)job.entries);
  return 0;
}
