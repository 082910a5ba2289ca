/* The validations that this process is at. */
#ifndef ACME_VALIDATING_H
#define ACME_VALIDATING_H

#include "acme/core.h"

/*
 * acme_validate_begin submits the validation of an authorization whose claim is committed, unless
 * this process is at it already. `is_taken_up`: it is not the first attempt. Thread of the jobs,
 * not within a transaction.
 */
void acme_validate_begin(struct acme_server *server, uint64_t authorization_id, bool is_taken_up);

/*
 * acme_validating_renew renews the claims of what this process is at, so that no other takes them
 * up. Within a transaction.
 *
 * Errors:   of the database.
 */
mtc_status acme_validating_renew(struct acme_server *server, int64_t now_s,
                                 struct mtc_error *error) MTC_MUST_CHECK;

#endif
