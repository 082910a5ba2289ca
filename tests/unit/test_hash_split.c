/* A large batch in parts: the same hashes as in one, whatever start, size and parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hash/hasher.h"
#include "mtc/runtime.h"

#define MAX_ENTRIES 20000u
#define NUM_BYTES 4096u

static uint64_t random_state = 1;
static uint8_t bytes[NUM_BYTES];
static struct mtc_span entries[MTC_MAX_BATCH];

static uint64_t random_below(uint64_t bound) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (random_state >> 24) % bound;
}

static int make_entries(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)random_below(256);
  for (size_t i = 0; i < MTC_MAX_BATCH; i++)
    entries[i] = mtc_span_of(bytes + random_below(NUM_BYTES - 64), 1 + random_below(64));
  return 0;
}

/* The CPU, which counts the batches it has. */
struct counting_hasher {
  struct mtc_hasher hasher;
  size_t num_open, most_open, largest;
};

static void submit(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  struct counting_hasher *self = (struct counting_hasher *)hasher;
  if (++self->num_open > self->most_open) self->most_open = self->num_open;
  if (ticket->job.num_entries > self->largest) self->largest = ticket->job.num_entries;
}

static void wait(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  ((struct counting_hasher *)hasher)->num_open--;
  mtc_hasher_run_on_cpu(hasher, ticket);
}

static const struct mtc_hasher_backend counting_backend = {.submit = submit, .wait = wait};

/* A batch at `start`, appended to arbitrary peaks, in parts (0: as the engine does it). */
static struct counting_hasher expect_right(uint64_t start, size_t num_entries,
                                           size_t part_entries) {
  struct counting_hasher counting = {0};
  struct mtc_frontier frontier = {.tree_size = start};
  const struct mtc_hash_job job = {
      &frontier, entries + random_below(MTC_MAX_BATCH - num_entries + 1), num_entries};
  struct mtc_hash_result expected, found;
  size_t total = 0;
  for (unsigned level = 0; level < 48; level++)
    if (start >> level & 1)
      memcpy(frontier.peaks[level].bytes, bytes + level * MTC_HASH_LEN, MTC_HASH_LEN);
  assert_int_equal(mtc_hasher_init(&counting.hasher, &counting_backend), MTC_OK);
  assert_int_equal(mtc_hash_result_alloc(&expected, start, start + num_entries), MTC_OK);
  mtc_hash_on_cpu(&job, &expected);
  mtc_status status =
      part_entries ? mtc_hasher_run_in_parts(&counting.hasher, &job, part_entries, &found, NULL)
                   : mtc_hasher_run_large(&counting.hasher, &job, &found, NULL);
  assert_int_equal(status, MTC_OK);
  assert_int_equal(found.start, expected.start);
  assert_int_equal(found.end, expected.end);
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    assert_int_equal(found.first[level], expected.first[level]);
    assert_int_equal(found.num_nodes[level], expected.num_nodes[level]);
    total += expected.num_nodes[level];
  }
  assert_memory_equal(found.storage, expected.storage, total * sizeof *expected.storage);
  assert_int_equal(counting.num_open, 0);
  assert_int_equal(counting.hasher.stats.num_cpu_entries, num_entries);
  mtc_hash_result_free(&expected);
  mtc_hash_result_free(&found);
  (void)pthread_mutex_destroy(&counting.hasher.stats_lock);
  return counting;
}

static void parts_give_the_same_hashes(void **state) {
  (void)state;
  static const size_t small[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33};
  for (uint64_t start = 0; start < 20; start++)
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
      for (size_t part_entries = 1; part_entries <= 16; part_entries *= 2)
        expect_right(start, small[i], part_entries);
  for (unsigned round = 0; round < 150; round++) {
    size_t num_entries = 1 + random_below(round % 3 ? 2000 : MAX_ENTRIES);
    uint64_t most = (UINT64_C(1) << (1 + random_below(48))) - 1;
    if (most < num_entries) most = num_entries;
    size_t part_entries = (size_t)1 << random_below(15);
    struct counting_hasher counting =
        expect_right(random_below(most - num_entries + 1), num_entries, part_entries);
    assert_true(counting.largest <= part_entries);
  }
  /* To the last index that a log can have. */
  expect_right((UINT64_C(1) << 48) - 1 - 5000, 5000, 1024);
}

static void many_parts_are_open_and_not_too_many(void **state) {
  (void)state;
  struct counting_hasher counting = expect_right(4097, MTC_MAX_BATCH, 0);
  assert_int_equal(counting.most_open, 128);
  assert_int_equal(counting.largest, MTC_PART_ENTRIES);
  assert_int_equal(counting.hasher.stats.num_batches, MTC_MAX_BATCH / MTC_PART_ENTRIES + 1);
  counting = expect_right(100, 4096, 0);
  assert_int_equal(counting.most_open, 5);
  counting = expect_right(1000, MTC_PART_ENTRIES, 0);
  assert_int_equal(counting.most_open, 1);
}

/* A bad entry in the last part is found before the first one is given away, by its own number. */
static void a_bad_entry_is_refused_at_once(void **state) {
  (void)state;
  struct counting_hasher counting = {0};
  const struct mtc_frontier frontier = {0};
  const struct mtc_hash_job job = {&frontier, entries, 5000};
  struct mtc_hash_result found;
  struct mtc_error error = {""};
  struct mtc_span kept = entries[4999];
  entries[4999].len = 0;
  assert_int_equal(mtc_hasher_init(&counting.hasher, &counting_backend), MTC_OK);
  assert_int_equal(mtc_hasher_run_large(&counting.hasher, &job, &found, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "entry 4999"));
  assert_int_equal(counting.most_open, 0);
  assert_null(found.storage);
  entries[4999] = kept;
  (void)pthread_mutex_destroy(&counting.hasher.stats_lock);
}

/* Whichever allocation fails: no hash is given out, and no part stays behind. */
static void without_memory_nothing_is_left(void **state) {
  (void)state;
  struct counting_hasher counting = {0};
  const struct mtc_frontier frontier = {.tree_size = 5};
  const struct mtc_hash_job job = {&frontier, entries, 100};
  struct mtc_hash_result found;
  mtc_status status = MTC_NOMEM;
  assert_int_equal(mtc_hasher_init(&counting.hasher, &counting_backend), MTC_OK);
  for (long i = 0; status == MTC_NOMEM; i++) {
    assert_in_range(i, 0, 2 + 2 * 14);
    mtc_alloc_fail_after(i);
    status = mtc_hasher_run_in_parts(&counting.hasher, &job, 8, &found, NULL);
    mtc_alloc_fail_after(-1);
    assert_int_equal(counting.num_open, 0);
    if (status) assert_null(found.storage);
  }
  assert_int_equal(status, MTC_OK);
  assert_int_equal(counting.most_open, 14);
  mtc_hash_result_free(&found);
  (void)pthread_mutex_destroy(&counting.hasher.stats_lock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_give_the_same_hashes),
      cmocka_unit_test(many_parts_are_open_and_not_too_many),
      cmocka_unit_test(a_bad_entry_is_refused_at_once),
      cmocka_unit_test(without_memory_nothing_is_left),
  };
  return cmocka_run_group_tests(tests, make_entries, NULL);
}
