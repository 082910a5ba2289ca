/* Bulk hashing of batches of log entries: the CPU, or the card. */
#ifndef MTC_HASHER_H
#define MTC_HASHER_H

#include "mtc/tree.h"

#define MTC_LEVELS 49 /* levels 0..48: a log holds at most 2^48-1 entries */

/* A batch: entries [start, start + num_entries) appended to a tree whose right edge is `frontier`.
 */
struct mtc_hash_job {
  const struct mtc_frontier *frontier; /* frontier->tree_size is the start index */
  const struct mtc_span *entries;      /* encoded MTCLogEntry, 1..65535 bytes each */
  size_t num_entries;                  /* 1..2^20 */
};

/*
 * The complete nodes that the batch finished: at each level those whose interval ends in
 * (start, end]. nodes[level] has num_nodes[level] hashes, node number first[level] first, where
 * first = start >> level and num = (end >> level) - (start >> level). Zeroed is empty.
 */
struct mtc_hash_result {
  uint64_t start;
  uint64_t end;
  uint64_t first[MTC_LEVELS];
  size_t num_nodes[MTC_LEVELS];
  struct mtc_hash *nodes[MTC_LEVELS];
  struct mtc_hash *storage; /* one allocation behind all levels */
};

/* Counters since the hasher was opened; all only grow. */
struct mtc_hash_stats {
  uint64_t num_batches;
  uint64_t num_card_batches;   /* batches whose result came from the card */
  uint64_t num_card_leaves;    /* leaf hashes received from the card */
  uint64_t num_card_nodes;     /* interior node hashes received from the card */
  uint64_t num_card_faults;    /* batches rerun on the CPU because the card failed */
  uint64_t num_cpu_entries;    /* entries hashed on the CPU, checks not counted */
  uint64_t num_checked_hashes; /* card hashes recomputed on the CPU */
  bool card_in_service;
  char card_fault[160]; /* why the card was retired; empty while in service */
};

enum mtc_card_check { MTC_CARD_CHECK_FULL, MTC_CARD_CHECK_SAMPLE, MTC_CARD_CHECK_ROOT };

struct mtc_hasher;

/*
 * mtc_hasher_open_cpu opens the software hasher.
 *
 * Owner:    close with mtc_hasher_close.
 * Errors:   NOMEM.
 */
mtc_status mtc_hasher_open_cpu(struct mtc_hasher **out) MTC_MUST_CHECK;

/* How to reach and how far to trust the card. */
struct mtc_card_options {
  const char *path; /* folder or device prefix: <path>/user or <path>_user, likewise h2c_0, c2h_0 */
  enum mtc_card_check check;
  unsigned sample_every; /* with MTC_CARD_CHECK_SAMPLE: every Nth node, 1.. */
  unsigned timeout_ms;   /* per batch; 0 means 10000 */
};

/*
 * mtc_hasher_open_card opens the card, checks its identification and runs a known-answer batch.
 * Afterwards a card that fails, hangs or lies is retired and batches run on the CPU.
 *
 * Owner:    close with mtc_hasher_close; the strings in `options` are copied.
 * Errors:   DEVICE (no card, wrong identification or version, wrong answer), NOMEM.
 */
mtc_status mtc_hasher_open_card(const struct mtc_card_options *options, struct mtc_hasher **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_run hashes one batch.
 *
 * Output:   free `out` with mtc_hash_result_free. On any error `out` is empty.
 * Errors:   INPUT (an entry of 0 or over 65535 bytes, too many entries), NOMEM. Never DEVICE: the
 *           batch is rehashed on the CPU and the fault counted.
 * Threads:  one batch at a time per hasher; stats from any thread.
 */
mtc_status mtc_hasher_run(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                          struct mtc_hash_result *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_stats copies the counters.
 */
void mtc_hasher_stats(struct mtc_hasher *hasher, struct mtc_hash_stats *out);

/*
 * mtc_hasher_close releases the hasher and the card; NULL is ignored.
 */
void mtc_hasher_close(struct mtc_hasher *hasher);

/*
 * mtc_hash_result_alloc sizes `out` for the batch [start, end) of 1..2^20 entries; hashes are zero.
 *
 * Errors:   NOMEM, INPUT.
 */
mtc_status mtc_hash_result_alloc(struct mtc_hash_result *out, uint64_t start,
                                 uint64_t end) MTC_MUST_CHECK;

/*
 * mtc_hash_result_free releases the hashes and zeroes the result.
 */
void mtc_hash_result_free(struct mtc_hash_result *result);

#endif
