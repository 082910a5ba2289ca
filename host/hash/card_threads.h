/* The two threads of a session with the card. */
#ifndef MTC_HASH_CARD_THREADS_H
#define MTC_HASH_CARD_THREADS_H

#include <pthread.h>

#include "hash/card_link.h"

/*
 * mtc_card_writer and mtc_card_reader are the threads of a struct mtc_card_link. They may be
 * cancelled where they wait for the card, and hold no lock there.
 */
void *mtc_card_writer(void *link);
/* The other of the two; see above. */
void *mtc_card_reader(void *link);

/*
 * mtc_card_link_restart_clock gives the batch, now the link's oldest, its time.
 *
 * Requires: the link's lock.
 */
void mtc_card_link_restart_clock(struct mtc_card_link *link, const struct mtc_link_batch *oldest);

/*
 * mtc_card_init_condition makes a condition variable whose waits end by the monotonic clock.
 *
 * Errors:   NOMEM.
 */
mtc_status mtc_card_init_condition(pthread_cond_t *condition) MTC_MUST_CHECK;

#endif
