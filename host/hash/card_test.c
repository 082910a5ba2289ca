/* The known-answer test of a card. */
#include "hash/card_link.h"
#include "mtc/runtime.h"

#define START 5u

static mtc_status run_checked(struct mtc_card_link *link, const struct mtc_hash_job *job,
                              uint64_t timeout_ms, struct mtc_hash_result *result,
                              struct mtc_error *error) {
  const struct mtc_card_checking full = {.mode = MTC_CARD_CHECK_FULL};
  struct mtc_link_batch batch = {.timeout_ms = timeout_ms};
  size_t num_checked;
  mtc_status status = mtc_card_batch_init(&batch.wire, job, result);
  if (status) return mtc_fail(error, status, "no memory for its batch");
  status = mtc_card_link_submit(link, &batch);
  status = status ? mtc_card_link_status(link, error) : mtc_card_link_wait(link, &batch, error);
  mtc_card_batch_free(&batch.wire);
  return status ? status : mtc_card_check_batch(&full, job, result, &num_checked, error);
}

/*
 * Entries around every length at which the padding changes, appended to a tree of 5, so that seeds
 * take part. Everything is recomputed, whatever the options say.
 */
mtc_status mtc_card_link_test(struct mtc_card_link *link, uint64_t timeout_ms,
                              struct mtc_error *error) {
  static const size_t lengths[] = {1, 54, 55, 56, 57, 63, 64, 119, 120, 500};
  enum { NUM_ENTRIES = sizeof lengths / sizeof lengths[0] };
  uint8_t pattern[512];
  for (size_t i = 0; i < sizeof pattern; i++)
    pattern[i] = (uint8_t)(i * 7 + 1);
  struct mtc_span entries[NUM_ENTRIES];
  for (size_t i = 0; i < NUM_ENTRIES; i++)
    entries[i] = mtc_span_of(pattern, lengths[i] <= link->card.max_entry ? lengths[i] : 1);

  struct mtc_frontier frontier = {0};
  for (size_t i = 0; i < START; i++) {
    struct mtc_hash leaf;
    mtc_hash_leaf(mtc_span_of(pattern, i + 1), &leaf);
    mtc_frontier_append(&frontier, &leaf);
  }
  const struct mtc_hash_job job = {&frontier, entries, NUM_ENTRIES};
  struct mtc_hash_result result;
  mtc_status status = mtc_hash_result_alloc(&result, START, START + NUM_ENTRIES);
  if (!status) {
    status = run_checked(link, &job, timeout_ms, &result, error);
    mtc_hash_result_free(&result);
  }
  return status ? mtc_fail_within(error, status, "the card's known-answer test") : MTC_OK;
}
