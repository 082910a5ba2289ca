#include <string.h>

#include "hash/card.h"

static mtc_status compare_level(const struct mtc_hash_result *result,
                                const struct mtc_hash_result *expected, unsigned level,
                                struct mtc_error *error) {
  for (size_t i = 0; i < result->num_nodes[level]; i++) {
    if (!mtc_hash_equal(&result->nodes[level][i], &expected->nodes[level][i]))
      return mtc_fail(error, MTC_DEVICE, "the card's hash of node %llu, level %u, is wrong",
                      (unsigned long long)(result->first[level] + i), level);
  }
  return MTC_OK;
}

static mtc_status check_sampled_leaves(const struct mtc_card_checking *checking,
                                       const struct mtc_hash_job *job,
                                       const struct mtc_hash_result *result,
                                       size_t *out_num_checked, struct mtc_error *error) {
  size_t every = checking->sample_every ? checking->sample_every : 1;
  for (size_t i = (size_t)(checking->phase % every); i < job->num_entries; i += every) {
    struct mtc_hash expected;
    mtc_hash_leaf(job->entries[i], &expected);
    ++*out_num_checked;
    if (!mtc_hash_equal(&result->nodes[0][i], &expected))
      return mtc_fail(error, MTC_DEVICE, "the card's leaf hash of entry %llu is wrong",
                      (unsigned long long)(result->start + i));
  }
  return MTC_OK;
}

mtc_status mtc_card_check_batch(const struct mtc_card_checking *checking,
                                const struct mtc_hash_job *job,
                                const struct mtc_hash_result *result, size_t *out_num_checked,
                                struct mtc_error *error) {
  *out_num_checked = 0;
  struct mtc_hash_result expected;
  mtc_status status = mtc_hash_result_alloc(&expected, result->start, result->end);
  if (status) return mtc_fail(error, status, "no memory to check the card's hashes");
  unsigned first_level = 0;
  if (checking->mode == MTC_CARD_CHECK_FULL) {
    mtc_hash_on_cpu(job, &expected);
    for (unsigned level = 0; level < MTC_LEVELS; level++)
      *out_num_checked += expected.num_nodes[level];
  } else {
    memcpy(expected.nodes[0], result->nodes[0], result->num_nodes[0] * sizeof *result->nodes[0]);
    *out_num_checked = mtc_hash_interior(job->frontier, 1, &expected);
    first_level = 1;
  }
  for (unsigned level = first_level; level < MTC_LEVELS && !status; level++)
    status = compare_level(result, &expected, level, error);
  if (!status && checking->mode == MTC_CARD_CHECK_SAMPLE)
    status = check_sampled_leaves(checking, job, result, out_num_checked, error);
  mtc_hash_result_free(&expected);
  return status;
}
