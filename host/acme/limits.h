/* Rate limits: how often something may be done in a fixed window of time. */
#ifndef ACME_LIMITS_H
#define ACME_LIMITS_H

#include "acme/core.h"

/* What is counted, under which name. */
enum acme_limit {
  ACME_LIMIT_ACCOUNTS,     /* new accounts of an IPv4 address or a /64 of IPv6 */
  ACME_LIMIT_ORDERS,       /* orders of an account */
  ACME_LIMIT_FAILURES,     /* failed validations of an account and a name */
  ACME_LIMIT_CERTIFICATES, /* certificates for a name */
  ACME_LIMIT_SETS,         /* certificates for the same names, by acme_limit_name_set */
};

#define ACME_SET_NAME_LEN ACME_SHA256_HEX_LEN

/*
 * acme_limit_name_set gives the subject of a set of identifiers.
 *
 * Requires: they are sorted.
 * Errors:   NOMEM.
 */
mtc_status acme_limit_name_set(const struct acme_identifier *identifiers, size_t num,
                               char out[ACME_SET_NAME_LEN + 1]) MTC_MUST_CHECK;

/*
 * acme_limit_check refuses the request as rateLimited when the limit is reached; 0 allowed uses
 * are no limit.
 *
 * Requires: subject is at most 300 characters.
 * Output:   `*problem` when it is.
 */
mtc_status acme_limit_check(const struct acme_server *server, enum acme_limit limit,
                            const char *subject, struct acme_problem *problem,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_limit_count counts a use.
 */
mtc_status acme_limit_count(const struct acme_server *server, enum acme_limit limit,
                            const char *subject, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_limit_give_back takes a use back that was counted at `counted_s`, unless its window is over.
 */
mtc_status acme_limit_give_back(const struct acme_server *server, enum acme_limit limit,
                                const char *subject, int64_t counted_s,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_limit_check_pending does so for an account's pending authorizations, which are rows.
 */
mtc_status acme_limit_check_pending(const struct acme_server *server, uint64_t account_id,
                                    size_t num_more, struct acme_problem *problem,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_limits_clean removes windows that have passed, for at most about 50 ms.
 *
 * Output:   *out_more: there may be others.
 */
mtc_status acme_limits_clean(sqlite3 *db, int64_t now_s, bool *out_more,
                             struct mtc_error *error) MTC_MUST_CHECK;

#endif
