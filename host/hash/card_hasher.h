/* The card backend: batches on the card while it is right, on the CPU while it is retired. */
#ifndef MTC_HASH_CARD_HASHER_H
#define MTC_HASH_CARD_HASHER_H

#include "hash/card_link.h"

#define MTC_CARD_TIMEOUT_MS 10000u

struct card_hasher {
  struct mtc_hasher hasher;
  char *path;
  struct mtc_card_checking checking; /* its phase is drawn for each batch */
  unsigned timeout_ms;               /* as given */
  unsigned readmit_after;
  unsigned readmit_interval_ms;
  pthread_mutex_t lock; /* taken before a link's lock and before stats_lock */
  pthread_cond_t changed;
  struct mtc_card_link *link;    /* in service; NULL: retired */
  struct mtc_card_link *retired; /* to be stopped by the keeper */
  bool is_asked;                 /* for readmission */
  bool is_closing;
  pthread_t keeper;
};

/*
 * mtc_card_keeper is the thread that stops what was retired and tries to take the card back into
 * service, so that no batch waits for either.
 */
void *mtc_card_keeper(void *hasher);

/*
 * mtc_card_open_tested opens the card and runs the known-answer test.
 *
 * Errors:   DEVICE, NOMEM.
 */
mtc_status mtc_card_open_tested(const struct card_hasher *self, struct mtc_card_link **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_admit puts a tested link into service.
 *
 * Requires: the hasher's lock, and that the card is retired.
 */
void mtc_card_admit(struct card_hasher *self, struct mtc_card_link *link);

#endif
