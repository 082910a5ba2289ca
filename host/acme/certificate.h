/* Certificates on their way from the CA's daemon to who asked for them. */
#ifndef ACME_CERTIFICATE_H
#define ACME_CERTIFICATE_H

#include "acme/core.h"
#include "acme/delivery.h"

/* What is fetched: a request's effect. */
struct acme_fetch {
  enum acme_chain_format format;
  uint64_t order_id;
  char profile[65];
  char serial[41]; /* hexadecimal */
  char landmark_token[44];
};

/*
 * acme_fetch_make fills the request's effect from a valid order and the Accept header, or refuses
 * (406).
 *
 * Errors:   NOMEM.
 */
mtc_status acme_fetch_make(struct acme_request *request,
                           const struct acme_order *order) MTC_MUST_CHECK;

/*
 * acme_fetch_own does so for the order that the URL names, if it is the account's and has a
 * certificate, and has `fetch` run after the commit.
 *
 * Errors:   as acme_order_take; refusals are in the request.
 */
mtc_status acme_fetch_own(struct acme_request *request, void (*fetch)(struct acme_request *request),
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_fetch_call calls the daemon; `done` runs on the thread of the jobs with the request's reply
 * and reply_status. Where there is no daemon it answers 503 itself.
 */
void acme_fetch_call(struct acme_request *request, enum mtc_rpc_method method,
                     const struct mtc_bytes *body,
                     void (*done)(struct acme_job *job, mtc_status status, const char *text));

/*
 * acme_fetch_unavailable answers that the CA's daemon cannot be asked now.
 */
void acme_fetch_unavailable(struct acme_request *request);

/*
 * acme_fetch_deliver answers with a chain and the links that go with it.
 */
void acme_fetch_deliver(struct acme_request *request, const struct acme_instance *instance,
                        struct mtc_span certificate, struct mtc_span properties, bool is_landmark);

#endif
