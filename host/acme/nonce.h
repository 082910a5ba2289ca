/* Replay nonces: each good once, for the process that gave it. */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include "mtc/bytes.h"

#define ACME_NONCE_LEN 43u

/* A counter under a MAC of a key made at start, and a window of the newest 2^20 counters of which
 * each is unused or used: no memory grows, no state outlives the process. A client with a nonce of
 * another process or an old one is told badNonce and tries again, as RFC 8555 wants it to. */
struct acme_nonces;

/*
 * acme_nonces_open draws the key.
 *
 * Errors:   NOMEM, FATAL (no randomness).
 */
mtc_status acme_nonces_open(struct acme_nonces **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_nonces_give writes a fresh nonce. Threads: any.
 */
void acme_nonces_give(struct acme_nonces *nonces, char out[ACME_NONCE_LEN + 1]);

/*
 * acme_nonces_take uses a nonce up; false: it is not ours, too old or used. Threads: any.
 */
bool acme_nonces_take(struct acme_nonces *nonces, const char *nonce) MTC_MUST_CHECK;

/*
 * acme_nonces_close releases them; NULL is ignored.
 */
void acme_nonces_close(struct acme_nonces *nonces);

#endif
