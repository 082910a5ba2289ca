/*
 * mtc-card-load PATH IN-FLIGHT BATCHES ENTRIES [BUNDLE]...: gives the card or its model batches of
 * entries, so many at a time (0: one after the other in parts, as the engine does), and says what
 * came of it: time, and the share of the engine's ticks with a block, both by the card's own
 * counters. The entries are those of the entry bundles (of a log's public folder) over and over,
 * or, without any, of 150 to 600 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtc/bytes.h"
#include "mtc/hash.h"
#include "mtc/runtime.h"

#define MAX_IN_FLIGHT 64u
#define MIN_LEN 150u
#define MAX_LEN 600u
#define MAX_BUNDLE_LEN ((size_t)1 << 24)
#define MAX_POOL ((size_t)1 << 20)

/* The entries there are; batches go round them. */
struct pool {
  struct mtc_bytes octets; /* of all bundles */
  struct mtc_span *entries;
  size_t num_entries;
};

static void fail(const char *what) {
  (void)fprintf(stderr, "mtc-card-load: %s\n", what);
  exit(1);
}

static void make_pool(struct pool *pool, size_t num_entries) {
  static uint8_t bytes[2 * MAX_LEN];
  uint32_t random = 1;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 7);
  for (size_t i = 0; i < num_entries; i++) {
    random = random * 1664525 + 1013904223;
    pool->entries[i] =
        mtc_span_of(bytes + random % MAX_LEN, MIN_LEN + (random >> 16) % (MAX_LEN - MIN_LEN + 1));
  }
  pool->num_entries = num_entries;
}

static void read_pool(struct pool *pool, char *const *paths) {
  struct mtc_error error = {""};
  for (; *paths; paths++)
    if (mtc_file_read(*paths, MAX_BUNDLE_LEN, &pool->octets, &error)) fail(error.text);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pool->octets));
  for (; reader.len; pool->num_entries++)
    if (pool->num_entries == MAX_POOL ||
        !mtc_read_prefixed(&reader, 2, &pool->entries[pool->num_entries]))
      fail("a file is no entry bundle, or there are too many entries");
}

/* A window of `in_flight` tickets goes over the batches; `entries` is the pool and, behind it, its
 * beginning again, so that a batch may start at any place. Returns the bytes of all entries. */
static uint64_t run(struct mtc_hasher *card, const struct mtc_span *entries, size_t num_pool,
                    size_t num_entries, unsigned in_flight, unsigned num_batches) {
  static struct mtc_frontier frontier;
  struct mtc_hash_job jobs[MAX_IN_FLIGHT];
  struct mtc_hash_ticket *tickets[MAX_IN_FLIGHT];
  struct mtc_error error = {""};
  uint64_t num_bytes = 0;
  for (unsigned i = 0; i < num_batches + in_flight; i++) {
    unsigned place = i % in_flight;
    if (i >= in_flight) {
      struct mtc_hash_result result;
      mtc_hasher_wait(card, tickets[place], &result);
      mtc_hash_result_free(&result);
    }
    if (i >= num_batches) continue;
    jobs[place] =
        (struct mtc_hash_job){&frontier, entries + i * num_entries % num_pool, num_entries};
    for (size_t k = 0; k < num_entries; k++)
      num_bytes += jobs[place].entries[k].len;
    if (mtc_hasher_submit(card, &jobs[place], &tickets[place], &error)) fail(error.text);
  }
  return num_bytes;
}

/* Batches one after the other, each in parts. Returns the bytes of all entries. */
static uint64_t run_in_parts(struct mtc_hasher *card, const struct mtc_span *entries,
                             size_t num_pool, size_t num_entries, unsigned num_batches) {
  static struct mtc_frontier frontier;
  struct mtc_error error = {""};
  uint64_t num_bytes = 0;
  for (unsigned i = 0; i < num_batches; i++) {
    const struct mtc_hash_job job = {&frontier, entries + i * num_entries % num_pool, num_entries};
    struct mtc_hash_result result;
    for (size_t k = 0; k < num_entries; k++)
      num_bytes += job.entries[k].len;
    if (mtc_hasher_run_large(card, &job, &result, &error)) fail(error.text);
    mtc_hash_result_free(&result);
  }
  return num_bytes;
}

static void print(const struct mtc_hash_stats *before, const struct mtc_hash_stats *after,
                  int64_t time_ms, uint64_t num_entries, uint64_t num_bytes) {
  const struct mtc_card_counters *from = &before->card, *to = &after->card;
  uint64_t blocks =
      to->num_leaf_blocks + to->num_node_blocks - from->num_leaf_blocks - from->num_node_blocks;
  uint64_t no_input = to->num_no_input_ticks - from->num_no_input_ticks;
  uint64_t idle = no_input + to->num_no_credit_ticks + to->num_tail_ticks -
                  from->num_no_credit_ticks - from->num_tail_ticks;
  (void)printf(
      "%llu card batches, %llu entries of %.0f bytes on average: %lld ms, %.0f entries/s, "
      "%llu blocks, %.1f%% of the ticks (no work in %.1f%%)\n",
      (unsigned long long)(after->num_card_batches - before->num_card_batches),
      (unsigned long long)num_entries, (double)num_bytes / (double)num_entries, (long long)time_ms,
      (double)num_entries * 1000 / (double)(time_ms ? time_ms : 1), (unsigned long long)blocks,
      100.0 * (double)blocks / (double)(blocks + idle),
      100.0 * (double)no_input / (double)(blocks + idle));
}

int main(int argc, char **argv) {
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {""};
  unsigned long in_flight = argc >= 5 ? strtoul(argv[2], NULL, 10) : 0;
  unsigned long num_batches = argc >= 5 ? strtoul(argv[3], NULL, 10) : 0;
  unsigned long num_entries = argc >= 5 ? strtoul(argv[4], NULL, 10) : 0;
  if (in_flight > MAX_IN_FLIGHT || !num_batches || num_batches < in_flight || !num_entries ||
      num_entries > MAX_POOL) {
    (void)fprintf(stderr, "usage: mtc-card-load PATH IN-FLIGHT BATCHES ENTRIES [BUNDLE]...\n");
    return 2;
  }
  mtc_log_init("mtc-card-load", MTC_LOG_WARNING);
  struct pool pool = {.entries = mtc_alloc(MAX_POOL + num_entries, sizeof *pool.entries)};
  if (!pool.entries) fail("no memory");
  if (argc > 5)
    read_pool(&pool, argv + 5);
  else
    make_pool(&pool, num_entries);
  if (!pool.num_entries) fail("the bundles are empty");
  for (size_t i = 0; i < num_entries; i++)
    pool.entries[pool.num_entries + i] = pool.entries[i];
  const struct mtc_card_options options = {.path = argv[1], .check = MTC_CARD_CHECK_ROOT};
  if (mtc_hasher_open_card(&options, &card, &error)) fail(error.text);
  struct mtc_hash_stats before, after;
  mtc_hasher_stats(card, &before);
  int64_t start_ms = mtc_clock_monotonic_ms();
  uint64_t num_bytes = in_flight ? run(card, pool.entries, pool.num_entries, num_entries,
                                       (unsigned)in_flight, (unsigned)num_batches)
                                 : run_in_parts(card, pool.entries, pool.num_entries, num_entries,
                                                (unsigned)num_batches);
  int64_t time_ms = mtc_clock_monotonic_ms() - start_ms;
  mtc_hasher_stats(card, &after);
  if (after.num_card_faults > before.num_card_faults) fail(after.card_fault);
  print(&before, &after, time_ms, (uint64_t)num_batches * num_entries, num_bytes);
  mtc_hasher_close(card);
  mtc_free(pool.entries);
  mtc_bytes_free(&pool.octets);
  return 0;
}
