/* The parts of mtc_log_check, shared by its files. Private to host/engine. */
#ifndef MTC_ENGINE_CHECK_H
#define MTC_ENGINE_CHECK_H

#include "mtc/engine.h"

#define CHECK_TILE_LEVELS 6 /* a tree below 2^48 entries has tiles on levels 0 to 5 */

/* The right edge of one level of tiles, filled while the tree is recomputed. */
struct check_level {
  uint64_t index;
  unsigned width;
  struct mtc_hash hashes[MTC_TILE_WIDTH];
};

struct check {
  struct mtc_store *store;
  const struct mtc_engine_options *options;
  struct mtc_log_report *report;
  struct mtc_error *error; /* of a failure; problems go to the report */
  struct mtc_tai log_id;
  struct mtc_log_state state;

  struct mtc_bytes checkpoint_file; /* empty: not there, or not to be looked at */
  struct mtc_bytes landmarks_file;
  uint64_t published_size; /* of the published checkpoint */

  struct mtc_landmark *landmarks; /* oldest first */
  size_t num_landmarks;
  size_t next_landmark;

  struct mtc_frontier frontier;
  struct check_level levels[CHECK_TILE_LEVELS];
  struct mtc_head last_head;
  int64_t max_not_after; /* of the entries so far */
  uint8_t *used;         /* a bit per entry: nobody's (a null entry), or a request's */
  uint64_t num_used_bits;
};

/* check.c: counts and logs a problem. */
void check_problem(struct check *check, const char *format, ...) MTC_PRINTF(2, 3);

/*
 * A failure that is a finding (stored bytes that contradict each other) becomes a problem and
 * MTC_OK; one that kept us from looking is returned.
 */
mtc_status check_finding(struct check *check, mtc_status status, const struct mtc_error *error,
                         const char *format, ...) MTC_PRINTF(4, 5);

/* So many that nothing more can be learnt. */
bool check_is_hopeless(const struct check *check);

/* check_tree.c: entries, keys, tiles, bundles, checkpoint roots. */
mtc_status check_tree(struct check *check);

/* check_rows.c: signatures, landmarks, idempotency keys. */
mtc_status check_load_landmarks(struct check *check);
mtc_status check_landmark_rules(struct check *check);
mtc_status check_batch_is_signed(struct check *check, uint64_t old_size, uint64_t tree_size);
mtc_status check_signatures(struct check *check);
mtc_status check_requests(struct check *check);
mtc_status check_mark_null(struct check *check, uint64_t index, bool is_null);

/* check_published.c: the folder. */
mtc_status check_read_published(struct check *check);
mtc_status check_file(struct check *check, const char *name, struct mtc_span content,
                      bool is_required);
mtc_status check_published_notes(struct check *check);

#endif
