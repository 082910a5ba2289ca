/* Who is next: accounts take turns, so that one with many slow names does not hold up the others.
 * Not locked: its user does that. */
#ifndef ACME_QUEUE_H
#define ACME_QUEUE_H

#include "mtc/digest.h"

#define ACME_QUEUE_BUCKETS 1024u

struct acme_line;

/* Embedded in what waits. */
struct acme_turn {
  struct acme_turn *next;
  struct acme_line *line; /* of its account */
};

/* Zeroed but for the bounds is an empty one. */
struct acme_queue {
  unsigned max_waiting;      /* altogether */
  unsigned max_waiting_each; /* of one account */
  unsigned max_running_each;
  unsigned num_waiting;
  struct acme_line *first, *last; /* those whose turn comes */
  struct acme_line *lines[ACME_QUEUE_BUCKETS];
};

/*
 * acme_queue_put lets something wait for its account's turn, behind what the account has waiting.
 *
 * Errors:   BUSY (too much is waiting, of all or of this account), NOMEM; it does not wait then.
 */
mtc_status acme_queue_put(struct acme_queue *queue, uint64_t account_id,
                          struct acme_turn *turn) MTC_MUST_CHECK;

/*
 * acme_queue_take takes what is next to run; acme_queue_end tells that it no longer runs.
 *
 * Output:   NULL: nothing waits, or only accounts that have max_running_each running.
 */
struct acme_turn *acme_queue_take(struct acme_queue *queue);
/* Ends a turn; see above. After it another may be next. */
void acme_queue_end(struct acme_queue *queue, const struct acme_turn *turn);

/*
 * acme_queue_drain takes whatever waits, without its running: acme_queue_end is not for these.
 *
 * Output:   NULL: nothing waits any more.
 */
struct acme_turn *acme_queue_drain(struct acme_queue *queue);

#endif
