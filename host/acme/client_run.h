/* One run about one certificate: from its saved state as far as it goes now. */
#ifndef ACME_CLIENT_RUN_H
#define ACME_CLIENT_RUN_H

#include "acme/client_certificate.h"
#include "acme/client_listen.h"
#include "acme/client_session.h"
#include "acme/client_state.h"

enum acme_client_outcome {
  ACME_CLIENT_IDLE,   /* nothing was to be done */
  ACME_CLIENT_DONE,   /* something was done, or is on its way: the text says what */
  ACME_CLIENT_FAILED, /* the text says why; a later run tries again */
};

struct acme_client_report {
  enum acme_client_outcome outcome;
  char text[1024];
};

/* What the parts of a run share. */
struct acme_client_run {
  struct acme_client_session *session;
  const struct acme_client_certificate *certificate;
  struct acme_client_state state;
  struct acme_client_listener *listener; /* open while a challenge is answered by this process */
  int64_t deadline_ms;                   /* by the monotonic clock: nothing is waited for longer */
  struct acme_client_report *report;
};

/*
 * acme_client_run_certificate does what is to be done about a certificate. It is locked meanwhile:
 * a run that finds it locked reports that it is idle. `renew`: a new certificate is wanted even if
 * none is due.
 *
 * Requires: `patience_s` bounds the time that is spent waiting for the server.
 */
void acme_client_run_certificate(struct acme_client_session *session,
                                 const struct acme_client_certificate *certificate,
                                 unsigned patience_s, bool renew,
                                 struct acme_client_report *out_report);

/*
 * acme_client_say adds to the report of a run.
 */
void acme_client_say(struct acme_client_run *run, enum acme_client_outcome outcome,
                     const char *format, ...) MTC_PRINTF(3, 4);

/*
 * acme_client_save makes the run's state durable.
 */
mtc_status acme_client_save(struct acme_client_run *run, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_path writes the path of a file of a generation.
 */
void acme_client_path(const struct acme_client_certificate *certificate, uint64_t generation,
                      const char *file, char out[4096]);

/*
 * acme_client_random gives 32 random bits; 0 where there are none.
 */
uint32_t acme_client_random(void);

/*
 * acme_client_advance goes on with the open order until there is a certificate or the deadline has
 * come.
 *
 * Output:   *out_pending: the server is still at it.
 * Errors:   INPUT (refused: the order is of no use), BUSY, IO, NOMEM, FATAL.
 */
mtc_status acme_client_advance(struct acme_client_run *run, bool *out_pending,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_prove sets up the proofs of control for `num` authorizations, durably known before.
 * acme_client_withdraw takes away what was set up, by this run or one before.
 *
 * Errors:   INPUT (a server that offers no such challenge), IO, NOMEM.
 */
mtc_status acme_client_prove(struct acme_client_run *run,
                             const struct acme_client_authorization *authorizations, size_t num,
                             struct mtc_error *error) MTC_MUST_CHECK;
/* Takes proofs away; see above. */
mtc_status acme_client_withdraw(struct acme_client_run *run,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_deploy writes chains.pem and points the links at the current generation.
 *
 * Errors:   INPUT (something else stands where a link belongs), IO, NOMEM.
 */
mtc_status acme_client_deploy(struct acme_client_run *run, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_clean takes away what is left of proofs where no order is open, forgets generations
 * that have expired and removes the files of those that are not known.
 *
 * Errors:   IO, NOMEM.
 */
mtc_status acme_client_clean(struct acme_client_run *run, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_call_hook runs the deploy hook where it is due.
 *
 * Errors:   IO, NOMEM.
 */
mtc_status acme_client_call_hook(struct acme_client_run *run,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_fetch_landmark asks for the landmark-relative certificate.
 *
 * Errors:   IO, INPUT (given up), NOMEM. That it is not there yet is no error.
 */
mtc_status acme_client_fetch_landmark(struct acme_client_run *run,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_ask asks for renewal information and chooses when to renew.
 *
 * Errors:   IO, NOMEM; a server's failure is none.
 */
mtc_status acme_client_ask(struct acme_client_run *run, struct mtc_error *error) MTC_MUST_CHECK;

#endif
