/* Authorizations: what more than one of their handlers uses. */
#ifndef ACME_AUTHORIZATION_H
#define ACME_AUTHORIZATION_H

#include "acme/core.h"

/*
 * acme_challenge_name gives "http-01" and so on; acme_challenge_find finds it.
 */
const char *acme_challenge_name(int challenge);
/* Finds a challenge type by its name; -1: none of ours. */
int acme_challenge_find(const char *name);

/*
 * acme_challenge_fits tells whether an authorization can be proved this way: wildcards by dns-01
 * alone, addresses not by it.
 */
bool acme_challenge_fits(const struct acme_authorization *authorization, int challenge);

/*
 * acme_challenge_json makes a challenge's object; NULL when out of memory.
 */
json_t *acme_challenge_json(const struct acme_server *server,
                            const struct acme_authorization *authorization, int challenge,
                            enum acme_state state);

/*
 * acme_authorization_take loads the authorization of the request's path for its account; refuses
 * when there is none or it is another's.
 *
 * Output:   out->id is 0 when refused.
 */
mtc_status acme_authorization_take(struct acme_request *request, struct acme_authorization *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

#endif
