/* The newest certificates in memory: most are fetched right after they were issued. */
#ifndef ACME_CERTIFICATE_CACHE_H
#define ACME_CERTIFICATE_CACHE_H

#include "mtc/bytes.h"

struct acme_certificate_cache;

/*
 * acme_certificate_cache_open makes a cache of at most `max` certificates.
 *
 * Errors:   NOMEM.
 * Threads:  one at a time uses it.
 */
mtc_status acme_certificate_cache_open(size_t max,
                                       struct acme_certificate_cache **out) MTC_MUST_CHECK;

/*
 * acme_certificate_cache_get gives an order's certificate, which lives until the next put; empty:
 * it is not there.
 */
struct mtc_span acme_certificate_cache_get(const struct acme_certificate_cache *cache,
                                           uint64_t order_id);

/*
 * acme_certificate_cache_put keeps a copy, in place of another one where they meet.
 */
void acme_certificate_cache_put(struct acme_certificate_cache *cache, uint64_t order_id,
                                struct mtc_span certificate);

/*
 * acme_certificate_cache_close releases the cache; NULL is ignored.
 */
void acme_certificate_cache_close(struct acme_certificate_cache *cache);

#endif
