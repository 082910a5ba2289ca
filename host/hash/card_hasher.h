/* The card backend: batches on the lanes of the card that are right, on the CPU while none is. */
#ifndef MTC_HASH_CARD_HASHER_H
#define MTC_HASH_CARD_HASHER_H

#include "hash/card_link.h"

#define MTC_CARD_TIMEOUT_MS 10000u

struct card_hasher;

/* A lane of the card: its health is its own. Under the hasher's lock. */
struct card_lane {
  struct card_hasher *hasher;
  unsigned number;
  struct mtc_card_link *link;    /* in service; NULL: retired, or not tried yet */
  struct mtc_card_link *retired; /* to be stopped by the keeper */
  bool is_asked;                 /* to be tried, whatever readmit_after is */
  bool was_tried;                /* its first test has ended, so: */
  mtc_status first_status;
  struct mtc_error first_fault;
  pthread_t keeper;
};

struct card_hasher {
  struct mtc_hasher hasher;
  char *path;
  struct mtc_card_checking checking; /* its phase is drawn for each batch */
  unsigned timeout_ms;               /* as given */
  unsigned readmit_after;
  unsigned readmit_interval_ms;
  pthread_mutex_t lock; /* taken before a link's lock and before stats_lock */
  pthread_cond_t changed;
  struct card_lane lanes[MTC_MAX_LANES];
  unsigned num_lanes; /* grows with the card; each has its keeper */
  unsigned next_lane; /* the first to be asked for its load */
  bool is_closing;
};

/*
 * mtc_card_add_lanes makes lanes until there are `num_lanes`, as far as there is room for them, and
 * starts their keepers, which test them. Those that cannot be had are logged.
 *
 * Requires: the hasher's lock.
 */
void mtc_card_add_lanes(struct card_hasher *self, unsigned num_lanes);

/*
 * The notes that the statistics consist of; each logs what an operator should know.
 *
 * Requires: the hasher's lock.
 */
void mtc_card_note_retired(struct card_lane *lane, const struct mtc_error *fault);
/* A lane came into service, for the first time or back after so many tests without fault. */
void mtc_card_note_admitted(struct card_lane *lane, unsigned num_clean);
/* A test of a retired lane begins (with the request for it) or has ended. */
void mtc_card_note_test(struct card_lane *lane, bool is_in_test);
/* A retired lane did not pass its test. */
void mtc_card_note_failed_test(struct card_lane *lane, const struct mtc_error *fault);

/*
 * mtc_card_note_batch counts a batch that a lane had, by how it ended: OK, DEVICE (it is the CPU's)
 * or NOMEM (the same, and the lane has no part in it).
 */
void mtc_card_note_batch(struct card_lane *lane, const struct mtc_hash_result *result,
                         mtc_status status, size_t num_checked);

/*
 * mtc_card_add_up makes what `stats` says of the whole card from what it says of its lanes.
 */
void mtc_card_add_up(struct mtc_hash_stats *stats);

#endif
