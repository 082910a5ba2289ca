/* Account keys in memory, so that signatures are checked on the threads of the HTTP server. */
#ifndef ACME_KEY_CACHE_H
#define ACME_KEY_CACHE_H

#include "acme/key.h"

struct acme_key_cache;

/*
 * acme_key_cache_open makes a cache of at most `max` keys; one that is in the place of another
 * takes it.
 *
 * Errors:   NOMEM.
 */
mtc_status acme_key_cache_open(size_t max, struct acme_key_cache **out) MTC_MUST_CHECK;

/*
 * acme_key_cache_get gives an account's key (without jwk; free it). Whoever uses it checks against
 * the database that its thumbprint is still the account's. Threads: any.
 */
bool acme_key_cache_get(struct acme_key_cache *cache, uint64_t account_id,
                        struct acme_key *out) MTC_MUST_CHECK;

/*
 * acme_key_cache_put keeps a key; `key` stays the caller's. Threads: any.
 */
void acme_key_cache_put(struct acme_key_cache *cache, uint64_t account_id,
                        const struct acme_key *key);

/*
 * acme_key_cache_drop forgets an account's key. Threads: any.
 */
void acme_key_cache_drop(struct acme_key_cache *cache, uint64_t account_id);

/*
 * acme_key_cache_close releases the cache; NULL is ignored.
 */
void acme_key_cache_close(struct acme_key_cache *cache);

#endif
