/* What is known of the lanes of a card, and of the card as their sum. */
#include <stdio.h>

#include "hash/card_hasher.h"
#include "mtc/runtime.h"

/* Gives the lane's statistics, locked. */
static struct mtc_lane_stats *lock_stats(struct card_lane *lane) {
  pthread_mutex_lock(&lane->hasher->hasher.stats_lock);
  return &lane->hasher->hasher.stats.lanes[lane->number];
}

static void unlock_stats(struct card_lane *lane) {
  pthread_mutex_unlock(&lane->hasher->hasher.stats_lock);
}

void mtc_card_note_retired(struct card_lane *lane, const struct mtc_error *fault) {
  mtc_log(MTC_LOG_ERROR, "card_retired", "fault=\"%s\" lane=%u", fault->text, lane->number);
  struct mtc_lane_stats *stats = lock_stats(lane);
  stats->num_retirements++;
  stats->in_service = false;
  (void)snprintf(stats->fault, sizeof stats->fault, "%s", fault->text);
  unlock_stats(lane);
}

void mtc_card_note_admitted(struct card_lane *lane, unsigned num_clean) {
  bool is_back = lane->was_tried;
  if (is_back)
    mtc_log(MTC_LOG_WARNING, "card_readmitted", "clean_tests=%u asked=%s lane=%u", num_clean,
            lane->is_asked ? "true" : "false", lane->number);
  struct mtc_lane_stats *stats = lock_stats(lane);
  stats->num_readmissions += is_back;
  stats->in_service = true;
  stats->fault[0] = 0;
  stats->test_fault[0] = 0;
  stats->max_batches = lane->link->card.max_open;
  unlock_stats(lane);
}

void mtc_card_note_test(struct card_lane *lane, bool is_in_test) {
  lock_stats(lane)->in_test = is_in_test;
  unlock_stats(lane);
}

void mtc_card_note_failed_test(struct card_lane *lane, const struct mtc_error *fault) {
  mtc_log(MTC_LOG_WARNING, "card_test_failed", "fault=\"%s\" lane=%u", fault->text, lane->number);
  struct mtc_lane_stats *stats = lock_stats(lane);
  (void)snprintf(stats->test_fault, sizeof stats->test_fault, "%s", fault->text);
  unlock_stats(lane);
}

void mtc_card_note_batch(struct card_lane *lane, const struct mtc_hash_result *result,
                         mtc_status status, size_t num_checked) {
  struct mtc_hash_stats *stats = &lane->hasher->hasher.stats;
  struct mtc_lane_stats *lane_stats = lock_stats(lane);
  stats->num_checked_hashes += num_checked;
  if (!status) {
    lane_stats->num_batches++;
    stats->num_card_leaves += result->num_nodes[0];
    for (unsigned level = 1; level < MTC_LEVELS; level++)
      stats->num_card_nodes += result->num_nodes[level];
  } else if (status == MTC_DEVICE) {
    lane_stats->num_faults++;
  }
  unlock_stats(lane);
}

static void add_counters(struct mtc_card_counters *sum, const struct mtc_card_counters *lane) {
  sum->num_cycles += lane->num_cycles;
  sum->num_leaf_blocks += lane->num_leaf_blocks;
  sum->num_node_blocks += lane->num_node_blocks;
  sum->num_entries += lane->num_entries;
  sum->num_leaf_hashes += lane->num_leaf_hashes;
  sum->num_node_hashes += lane->num_node_hashes;
  sum->num_no_input_ticks += lane->num_no_input_ticks;
  sum->num_no_credit_ticks += lane->num_no_credit_ticks;
  sum->num_tail_ticks += lane->num_tail_ticks;
  sum->num_stall_cycles += lane->num_stall_cycles;
}

/* The card's fault is that of its first lane that has one; with its number where there are more. */
static void add_fault(const struct mtc_hash_stats *stats, unsigned lane, const char *fault,
                      char *out, size_t size) {
  if (out[0] || !fault[0]) return;
  int used = stats->num_lanes > 1 ? snprintf(out, size, "lane %u: ", lane) : 0;
  (void)snprintf(out + used, size - (size_t)used, "%s", fault);
}

void mtc_card_add_up(struct mtc_hash_stats *stats) {
  stats->num_card_batches = stats->num_card_faults = 0;
  stats->num_card_retirements = stats->num_card_readmissions = 0;
  stats->max_card_batches = stats->num_lanes_in_service = 0;
  stats->card_in_test = false;
  stats->card_fault[0] = stats->card_test_fault[0] = 0;
  stats->card = (struct mtc_card_counters){0};
  for (unsigned i = 0; i < stats->num_lanes; i++) {
    const struct mtc_lane_stats *lane = &stats->lanes[i];
    stats->num_card_batches += lane->num_batches;
    stats->num_card_faults += lane->num_faults;
    stats->num_card_retirements += lane->num_retirements;
    stats->num_card_readmissions += lane->num_readmissions;
    stats->max_card_batches += lane->max_batches;
    stats->num_lanes_in_service += lane->in_service;
    stats->card_in_test |= lane->in_test;
    add_counters(&stats->card, &lane->counters);
    add_fault(stats, i, lane->fault, stats->card_fault, sizeof stats->card_fault);
    add_fault(stats, i, lane->test_fault, stats->card_test_fault, sizeof stats->card_test_fault);
  }
  stats->card_in_service = stats->num_lanes_in_service > 0;
}
