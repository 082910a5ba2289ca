/* Accounts: what more than one of their handlers uses. */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/core.h"

/*
 * acme_account_show fills the answer with an account.
 */
void acme_account_show(struct acme_request *request, const struct acme_account *account);

/*
 * acme_check_terms refuses when the terms of service that the account agreed to are not today's.
 *
 * Output:   true: refused.
 */
bool acme_check_terms(struct acme_request *request);

/*
 * acme_check_binding checks the newAccount request's externalAccountBinding.
 *
 * Output:   *out_kid: the key's name, "" when there is none and none is needed.
 * Errors:   the problem's type, also in the request.
 * Source:   RFC 8555, "External Account Binding"
 */
enum acme_problem_type acme_check_binding(struct acme_request *request,
                                          const char **out_kid) MTC_MUST_CHECK;

#endif
