/* Orders: what more than one of their handlers uses. */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/core.h"

/*
 * acme_order_json makes an order's object; NULL when out of memory.
 *
 * Requires: `state` by acme_order_state.
 */
json_t *acme_order_json(const struct acme_server *server, const struct acme_order *order,
                        enum acme_state state);

/*
 * acme_order_take loads the order of the request's path for its account; refuses when there is
 * none or it is another's.
 *
 * Output:   out->id is 0 when refused. Free with acme_order_free.
 */
mtc_status acme_order_take(struct acme_request *request, struct acme_order *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

struct acme_issuing;

/*
 * acme_issue_prepare takes from an order, within the transaction that makes it processing, what its
 * issuance needs.
 *
 * Owner:    *out goes to acme_issue_begin after the commit, or to acme_issue_leave.
 * Errors:   CORRUPT, IO, NOMEM (*out NULL).
 */
mtc_status acme_issue_prepare(struct acme_server *server, const struct acme_order *order,
                              struct acme_issuing **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_issue_begin begins the issuance that was prepared: CAA where it has to be checked again, the
 * certificate, the order's end. `waiting` is the finalize request that is answered when that is
 * done, or after finalize_wait_ms. Thread of the jobs, not within a transaction.
 */
void acme_issue_begin(struct acme_issuing *issuing, struct acme_request *waiting);

/*
 * acme_issue_resume takes up, after somebody else, an order that is committed as processing with
 * this claim: first of all, whether it may be issued still. Nobody waits.
 */
void acme_issue_resume(struct acme_server *server, uint64_t order_id, int64_t claimed_s);

/*
 * acme_issue_leave frees it without an end: the order stays claimed. Who waits is told that it is
 * processing.
 */
void acme_issue_leave(struct acme_issuing *issuing);

/*
 * acme_order_limits_check refuses as rateLimited what is over the limits of certificates a week;
 * acme_order_limits_take does so for an order that is finalized, unless it is a renewal, and counts
 * it; acme_order_limits_give_back takes one back that came to nothing, of this claim.
 *
 * Requires: the names are sorted; acme_order_limits_take comes before anything is written.
 */
mtc_status acme_order_limits_check(const struct acme_server *server,
                                   const struct acme_identifier *names, size_t num,
                                   struct acme_problem *problem,
                                   struct mtc_error *error) MTC_MUST_CHECK;
/* Refuses or counts; see above. */
mtc_status acme_order_limits_take(struct acme_request *request, const struct acme_order *order,
                                  const struct acme_identifier *names, size_t num,
                                  struct mtc_error *error) MTC_MUST_CHECK;
/* Takes one back; see above. */
mtc_status acme_order_limits_give_back(const struct acme_server *server,
                                       const struct acme_order *order, int64_t claimed_s,
                                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_order_count_shared tells how many of the names another order has.
 */
mtc_status acme_order_count_shared(sqlite3 *db, uint64_t order_id,
                                   const struct acme_identifier *names, size_t num, size_t *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_issue_expire answers the finalize requests that have waited long enough.
 *
 * Output:   milliseconds until the next has.
 */
int64_t acme_issue_expire(struct acme_server *server);

/*
 * acme_sweep takes up, as a job, what was claimed before ACME_CLAIM_S, or at all (`all`;
 * validations only where no other server is there), and removes passed rate windows.
 */
void acme_sweep(struct acme_server *server, bool all);

/*
 * acme_purge begins a pass that removes, in small steps, what ended longer ago than the configured
 * retention: certificates with their orders, orders, authorizations. It sets the server's purge_ms:
 * to never, and when it is done to the next pass. Thread of the jobs, not within a transaction.
 */
void acme_purge(struct acme_server *server);

#endif
