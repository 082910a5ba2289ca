/* A lane of the card in use: its two stream threads, and the batches that wait for it. */
#ifndef MTC_HASH_CARD_LINK_H
#define MTC_HASH_CARD_LINK_H

#include <pthread.h>

#include "hash/card.h"

enum mtc_link_state {
  MTC_LINK_QUEUED, /* not begun */
  MTC_LINK_OPEN,   /* begun: the card has it, or a part */
  MTC_LINK_DONE,   /* every hash is there */
  MTC_LINK_FAILED, /* the link failed before */
};

/* A batch given to a link. Whoever submits it owns it, and waits for it before it is released. */
struct mtc_link_batch {
  struct mtc_card_batch wire;
  uint64_t timeout_ms;
  enum mtc_link_state state;   /* under the link's lock, like `next` and most of `wire` */
  struct mtc_link_batch *next; /* in the order of submission */
};

/*
 * A session with a lane. The stream threads look at a batch only under `lock` and only while the
 * link has not failed, so whoever waits can go on at once when it has, even where a thread is stuck
 * in a transfer.
 */
struct mtc_card_link {
  struct mtc_card card;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct mtc_link_batch *first; /* those not done, oldest first */
  struct mtc_link_batch **last;
  struct mtc_link_batch *sending; /* the next to be written, or being written */
  uint32_t num_submitted;
  uint64_t num_entries; /* of the batches that are not done */
  uint32_t num_open;
  uint32_t frames_promised; /* by the batches begun, modulo 2^32 */
  int64_t deadline_ms;      /* of the oldest batch, when there is one */
  bool has_failed;
  struct mtc_error fault;
  unsigned num_holders;
  pthread_mutex_t command_lock; /* commands, and closing the card */
  pthread_t writer;
  pthread_t reader;
  bool is_running;
};

/*
 * mtc_card_link_open opens a lane of the card (mtc_card_open) and starts its threads.
 *
 * Owner:    one holder: stop with mtc_card_link_stop, then mtc_card_link_release.
 * Errors:   DEVICE, NOMEM.
 */
mtc_status mtc_card_link_open(const char *path, unsigned lane, unsigned timeout_ms,
                              struct mtc_card_link **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_link_load tells how many entries are on their way through the link.
 */
uint64_t mtc_card_link_load(struct mtc_card_link *link);

/*
 * mtc_card_link_hold adds a holder; mtc_card_link_release takes one away, the last one frees it.
 */
void mtc_card_link_hold(struct mtc_card_link *link);
/* Takes a holder away; see above. */
void mtc_card_link_release(struct mtc_card_link *link);

/*
 * mtc_card_link_submit queues a batch whose `wire` was prepared.
 *
 * Errors:   DEVICE: the link has failed; the batch was not taken.
 */
mtc_status mtc_card_link_submit(struct mtc_card_link *link,
                                struct mtc_link_batch *batch) MTC_MUST_CHECK;

/*
 * mtc_card_link_wait waits for a batch. Where the oldest one is late, the link fails.
 *
 * Errors:   DEVICE with the link's fault; no thread touches the batch any more.
 */
mtc_status mtc_card_link_wait(struct mtc_card_link *link, struct mtc_link_batch *batch,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_link_fail ends the session: every batch that is not done has failed. The first fault
 * counts.
 */
void mtc_card_link_fail(struct mtc_card_link *link, const struct mtc_error *fault);

/*
 * mtc_card_link_status gives DEVICE and the fault when the link has failed.
 */
mtc_status mtc_card_link_status(struct mtc_card_link *link, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_link_counters reads the card's counters; false when it does not give them.
 */
bool mtc_card_link_counters(struct mtc_card_link *link, struct mtc_card_counters *out);

/*
 * mtc_card_link_stop ends the threads, wherever they are, and closes the card.
 */
void mtc_card_link_stop(struct mtc_card_link *link);

/*
 * mtc_card_link_test runs the known-answer batch.
 *
 * Errors:   DEVICE, NOMEM.
 */
mtc_status mtc_card_link_test(struct mtc_card_link *link, uint64_t timeout_ms,
                              struct mtc_error *error) MTC_MUST_CHECK;

#endif
