/* The software hasher: every complete node of every level, at any start index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/hash.h"

#define NUM_ENTRIES 700

static uint8_t contents[NUM_ENTRIES][8];
static struct mtc_span entries[NUM_ENTRIES];
static struct mtc_hash leaves[NUM_ENTRIES];

static int setup(void **state) {
  for (unsigned i = 0; i < NUM_ENTRIES; i++) {
    memset(contents[i], (int)(i & 0xff), sizeof contents[i]);
    contents[i][0] = (uint8_t)(i >> 8);
    entries[i] = mtc_span_of(contents[i], 1 + i % sizeof contents[i]);
    mtc_hash_leaf(entries[i], &leaves[i]);
  }
  return mtc_hasher_open_cpu((struct mtc_hasher **)state) == MTC_OK ? 0 : -1;
}

static int teardown(void **state) {
  mtc_hasher_close(*state);
  return 0;
}

static void subtree_hash(uint64_t start, unsigned level, struct mtc_hash *out) {
  if (level == 0) {
    *out = leaves[start];
    return;
  }
  struct mtc_hash left, right;
  subtree_hash(start, level - 1, &left);
  subtree_hash(start + (UINT64_C(1) << (level - 1)), level - 1, &right);
  mtc_hash_node(&left, &right, out);
}

static void batch(struct mtc_hasher *hasher, uint64_t start, uint64_t end) {
  struct mtc_frontier frontier = {0};
  for (uint64_t i = 0; i < start; i++)
    mtc_frontier_append(&frontier, &leaves[i]);
  struct mtc_hash_job job = {&frontier, entries + start, (size_t)(end - start)};
  struct mtc_hash_result result;
  assert_int_equal(mtc_hasher_run(hasher, &job, &result, NULL), MTC_OK);
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    assert_int_equal(result.first[level], start >> level);
    assert_int_equal(result.num_nodes[level], (end >> level) - (start >> level));
    for (size_t i = 0; i < result.num_nodes[level]; i++) {
      struct mtc_hash expected;
      subtree_hash((result.first[level] + i) << level, level, &expected);
      assert_true(mtc_hash_equal(&expected, &result.nodes[level][i]));
    }
  }
  mtc_hash_result_free(&result);
}

static void every_node_of_a_batch(void **state) {
  const uint64_t batches[][2] = {{0, 1},   {0, 2},   {1, 2},     {0, 700},   {1, 700},
                                 {3, 4},   {7, 9},   {255, 257}, {256, 700}, {511, 512},
                                 {13, 99}, {64, 65}, {127, 640}, {699, 700}};
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
    batch(*state, batches[i][0], batches[i][1]);
  struct mtc_hash_stats stats;
  mtc_hasher_stats(*state, &stats);
  assert_int_equal(stats.num_batches, sizeof batches / sizeof *batches);
  assert_false(stats.card_in_service);
}

static void bad_batches_are_refused(void **state) {
  struct mtc_frontier frontier = {0};
  struct mtc_hash_result result;
  struct mtc_error error;
  struct mtc_span bad[] = {entries[0], {contents[0], 0}};
  struct mtc_hash_job job = {&frontier, bad, 2};
  assert_int_equal(mtc_hasher_run(*state, &job, &result, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "entry 1"));
  assert_null(result.storage);
  job.num_entries = 0;
  assert_int_equal(mtc_hasher_run(*state, &job, &result, &error), MTC_INPUT);
  frontier.tree_size = (UINT64_C(1) << 48) - 1;
  job.num_entries = 1;
  assert_int_equal(mtc_hasher_run(*state, &job, &result, &error), MTC_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_node_of_a_batch),
      cmocka_unit_test(bad_batches_are_refused),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
