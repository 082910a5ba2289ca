/* What is to be done next about a certificate: a pure function of its state and the time. */
#ifndef ACME_CLIENT_STEP_H
#define ACME_CLIENT_STEP_H

#include "acme/client_state.h"

/* In the order in which they are preferred. What was deployed once never waits for the network. */
enum acme_client_step {
  ACME_CLIENT_DEPLOY,   /* point the links at the current generation, write chains.pem */
  ACME_CLIENT_CLEAN,    /* proofs of an order that is over, generations that have expired */
  ACME_CLIENT_HOOK,     /* run the deploy hook */
  ACME_CLIENT_ASK,      /* ask for renewal information */
  ACME_CLIENT_DROP,     /* forget an order that asks for something else than is wanted now */
  ACME_CLIENT_ORDER,    /* begin an order */
  ACME_CLIENT_CONTINUE, /* go on with it */
  ACME_CLIENT_LANDMARK, /* ask for the landmark-relative certificate */
  ACME_CLIENT_NOTHING,
};

/* A wait longer than this is not believed: the clock was wrong when it was written down. */
#define ACME_CLIENT_MAX_WAIT_S 86400

/*
 * acme_client_next tells what to do at `now_s`. `identity` is what the configuration asks for;
 * `done` has a bit (1 << step) for each step that this run does not make any more.
 */
enum acme_client_step acme_client_next(const struct acme_client_state *state, const char *identity,
                                       int64_t now_s, unsigned done);

/*
 * acme_client_is_due tells whether something put off until `at_s` is due: also when it is further
 * away than anything is ever put off.
 */
bool acme_client_is_due(int64_t at_s, int64_t now_s);

/*
 * acme_client_renewal_time gives the time from which a new certificate is wanted; what a server
 * suggests is kept within the lifetime.
 */
int64_t acme_client_renewal_time(const struct acme_client_state *state);

/*
 * acme_client_wait gives the seconds after failure number `failures` (1..): a minute, doubled each
 * time up to a day, less up to a quarter by `random`, but at least `retry_after_s` (at most a day).
 */
int64_t acme_client_wait(unsigned failures, int64_t retry_after_s, uint32_t random);

/*
 * acme_client_note_failure writes down that an order failed and when to try again;
 * acme_client_note_success that it did not.
 */
void acme_client_note_failure(struct acme_client_state *state, int64_t now_s, int64_t retry_after_s,
                              uint32_t random, const char *problem);
/* Ends the back-off; see above. */
void acme_client_note_success(struct acme_client_state *state);

/*
 * acme_client_note_window takes a suggested window: a time in it is chosen by `random`, unless the
 * one chosen before still lies within.
 */
void acme_client_note_window(struct acme_client_state *state, int64_t start_s, int64_t end_s,
                             uint32_t random);

/*
 * acme_client_note_no_window chooses about two thirds of the lifetime, for a server without
 * renewal information; what was chosen before stays.
 */
void acme_client_note_no_window(struct acme_client_state *state, uint32_t random);

/*
 * acme_client_note_certificate makes the order's generation the current one, to be deployed; the
 * one before it becomes an old one.
 */
void acme_client_note_certificate(struct acme_client_state *state, int64_t not_before_s,
                                  int64_t not_after_s, const char *cert_id,
                                  const char *landmark_url, int64_t now_s, uint32_t random);

/*
 * acme_client_note_no_landmark puts the next question for the landmark-relative certificate off.
 */
void acme_client_note_no_landmark(struct acme_client_state *state, int64_t now_s,
                                  int64_t retry_after_s, uint32_t random);

/*
 * acme_client_note_alternates makes the first of URLs (a space between each) the one that is asked
 * for as if it were the landmark-relative certificate, and keeps the others.
 * acme_client_drop_alternate goes on to the next of them, if there is one; with `again` the one
 * before comes last.
 */
void acme_client_note_alternates(struct acme_client_state *state, const char *urls);
/* Goes on to the next; see above. */
void acme_client_drop_alternate(struct acme_client_state *state, bool again);

#endif
