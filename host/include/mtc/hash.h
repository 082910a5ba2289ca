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

/*
 * What the card counts itself, as last read from it: since its reset, so they begin again when it
 * loses power. The blocks and the ticks without one (by cause) add up to the ticks of its engine.
 */
struct mtc_card_counters {
  uint64_t num_cycles;
  uint64_t num_leaf_blocks;
  uint64_t num_node_blocks;
  uint64_t num_entries;
  uint64_t num_leaf_hashes;
  uint64_t num_node_hashes;
  uint64_t num_no_input_ticks;  /* no work */
  uint64_t num_no_credit_ticks; /* no place for a result */
  uint64_t num_tail_ticks;      /* the last nodes of a tree, one after the other */
  uint64_t num_stall_cycles;    /* output not taken */
};

#define MTC_MAX_LANES 16u /* of a card that are used; more than these are not */

/* A lane of the card. */
struct mtc_lane_stats {
  bool in_service;
  bool in_test;         /* it is being tried */
  char fault[160];      /* why it is out of service; empty while in service */
  char test_fault[160]; /* why the last attempt to take it back failed; empty: none did */
  uint64_t num_batches; /* batches whose result came from it */
  uint64_t num_faults;  /* batches rerun on the CPU because it failed */
  uint64_t num_retirements;
  uint64_t num_readmissions;
  unsigned max_batches; /* how many it has open at a time; 0: not known yet */
  struct mtc_card_counters counters;
};

/* Counters since the hasher was opened; all but those of the card itself only grow. What is said of
 * the card is the sum of what is said of its lanes. */
struct mtc_hash_stats {
  uint64_t num_batches;
  uint64_t num_card_batches;      /* batches whose result came from the card */
  uint64_t num_card_leaves;       /* leaf hashes received from the card */
  uint64_t num_card_nodes;        /* interior node hashes received from the card */
  uint64_t num_card_faults;       /* batches rerun on the CPU because the card failed */
  uint64_t num_cpu_entries;       /* entries hashed on the CPU, checks not counted */
  uint64_t num_checked_hashes;    /* card hashes recomputed on the CPU */
  uint64_t num_card_retirements;  /* how often a lane was taken out of service */
  uint64_t num_card_readmissions; /* how often one came back */
  unsigned max_card_batches;      /* how many batches the card has open at a time; 0: none yet */
  bool card_in_service;           /* with one lane or more */
  bool card_in_test;              /* an attempt to take a lane back into service is under way */
  char card_fault[160]; /* why the first lane that is out of service is; empty: all are in it */
  char card_test_fault[160]; /* why the last attempt to take one back failed; empty: none did */
  struct mtc_card_counters card;
  unsigned num_lanes; /* 0: there is no card */
  unsigned num_lanes_in_service;
  struct mtc_lane_stats lanes[MTC_MAX_LANES];
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
  const char *path; /* folder or device prefix: <path>/user or <path>_user, likewise h2c_N, c2h_N */
  enum mtc_card_check check;
  unsigned sample_every;        /* with MTC_CARD_CHECK_SAMPLE: every Nth node, 1.. */
  unsigned timeout_ms;          /* per batch; 0 means 10000, and more for a large one */
  bool is_optional;             /* a lane that cannot be opened is retired at once, not an error */
  unsigned readmit_after;       /* self-tests in a row that bring a retired lane back; 0: never */
  unsigned readmit_interval_ms; /* between such self-tests; 0 means 1000 */
};

/*
 * mtc_hasher_open_card opens every lane of the card, checks its identification and runs a
 * known-answer batch. Batches are spread over the lanes. Afterwards a lane that fails, hangs, lies
 * or vanishes is retired: the batches it has are hashed on the CPU, later ones by the other lanes,
 * or on the CPU when none is left.
 *
 * Owner:    close with mtc_hasher_close; the strings in `options` are copied.
 * Errors:   DEVICE (no card, wrong identification or version, wrong answer; not when it is
 *           optional), NOMEM.
 */
mtc_status mtc_hasher_open_card(const struct mtc_card_options *options, struct mtc_hasher **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/* A batch that was submitted and not waited for yet. */
struct mtc_hash_ticket;

/*
 * mtc_hasher_submit hands over one batch and returns: the card takes as many at a time as it says,
 * the others wait their turn. The CPU begins when the batch is waited for.
 *
 * Output:   a ticket, to be given to mtc_hasher_wait exactly once.
 * Owner:    what `job` points to is borrowed until mtc_hasher_wait returned.
 * Errors:   INPUT (an entry of 0 or over 65535 bytes, too many entries), NOMEM.
 * Threads:  any, at the same time.
 */
mtc_status mtc_hasher_submit(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                             struct mtc_hash_ticket **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_wait waits until the batch is hashed. It cannot fail: a batch that the card does not
 * finish in its time, or not rightly, is hashed on the CPU, and the fault counted. The time of a
 * batch begins when the card has it and has finished those before it.
 *
 * Output:   free `out` with mtc_hash_result_free. The ticket is gone.
 * Threads:  any, at the same time for different tickets.
 */
void mtc_hasher_wait(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket,
                     struct mtc_hash_result *out);

/*
 * mtc_hasher_run hashes one batch: mtc_hasher_submit and mtc_hasher_wait.
 *
 * Output:   free `out` with mtc_hash_result_free. On any error `out` is empty.
 * Errors:   INPUT, NOMEM, as mtc_hasher_submit. Never DEVICE.
 * Threads:  any, at the same time.
 */
mtc_status mtc_hasher_run(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                          struct mtc_hash_result *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_run_large hashes one batch like mtc_hasher_run, with the same result, but gives it to
 * the hasher in parts of 1,024 entries, many at a time: so a card works on several of them, on all
 * its lanes. Each part counts as a batch in the statistics.
 *
 * Output:   free `out` with mtc_hash_result_free. On any error `out` is empty.
 * Errors:   INPUT, NOMEM, as mtc_hasher_submit. Never DEVICE.
 * Threads:  any, at the same time.
 */
mtc_status mtc_hasher_run_large(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                                struct mtc_hash_result *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_readmit asks for an attempt to take the retired lanes of the card back into service:
 * each is opened anew, its streams brought into step, and the known-answer batch run, in the
 * background. No batch waits for that. Where it fails, test_fault says why.
 *
 * Output:   stats.card_in_test is true from now until the attempts have ended.
 * Errors:   INPUT (there is no card, or all of it is in service).
 * Threads:  any.
 */
mtc_status mtc_hasher_readmit(struct mtc_hasher *hasher, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hasher_stats copies the counters, those of the card itself as its lanes give them now, or as
 * they gave them last when one does not answer within 100 ms.
 *
 * Threads:  any.
 */
void mtc_hasher_stats(struct mtc_hasher *hasher, struct mtc_hash_stats *out);

/*
 * mtc_hasher_close releases the hasher and the card; NULL is ignored. An attempt to take the card
 * back into service is waited for.
 *
 * Requires: no ticket is left.
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
