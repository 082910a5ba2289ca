/* The web server that a load generator's names lead to: answers http-01 challenges. */
#ifndef MTC_APP_MTC_BENCH_RESPONDER_H
#define MTC_APP_MTC_BENCH_RESPONDER_H

#include "mtc/bytes.h"

struct bench_responder;

/*
 * bench_responder_open listens on 127.0.0.1.
 *
 * Errors:   INPUT, IO, NOMEM.
 */
mtc_status bench_responder_open(unsigned port, unsigned max_tokens, struct bench_responder **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_responder_add enters a token with its key authorization ("token.thumbprint").
 *
 * Errors:   NOMEM, also when there are max_tokens.
 */
mtc_status bench_responder_add(struct bench_responder *responder, const char *token,
                               struct mtc_span authorization,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_responder_close ends it; NULL is ignored.
 */
void bench_responder_close(struct bench_responder *responder);

#endif
