/* A CA's daemon (mtcd) as mtc-acmed sees it: calls over its socket that end in a callback. */
#ifndef ACME_CA_H
#define ACME_CA_H

#include "mtc/rpc.h"

struct acme_ca;

/*
 * How a call ended: MTC_OK with the answer's body, else the status and a text. `may_be_done` tells
 * that the request had gone out whole and what became of it is not known: the connection was lost,
 * time was up, or the daemon failed (all but INPUT); an idempotent one is sent again by the caller.
 * Runs on the connection's thread: short, no call of acme_ca_close.
 */
struct acme_ca_result {
  mtc_status status;
  const char *text;
  bool may_be_done;
  struct mtc_span body;
};
typedef void acme_ca_done(void *context, const struct acme_ca_result *result);

/*
 * acme_ca_open starts a thread that keeps one pipelined connection to `socket_path`, made when
 * first needed and again, with back-off, when it is lost. A daemon that is not there is no error
 * here.
 *
 * Errors:   INPUT (path too long), NOMEM, IO.
 */
mtc_status acme_ca_open(const char *socket_path, struct acme_ca **out,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_ca_call sends a request; `done` is called exactly once, at the latest after `timeout_ms`
 * (BUSY, may_be_done where it was sent).
 *
 * Errors:   BUSY (over 4,000 calls are open: `done` is not called), NOMEM (same).
 * Threads:  any; does not block.
 */
mtc_status acme_ca_call(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                        unsigned timeout_ms, acme_ca_done *done, void *context) MTC_MUST_CHECK;

/*
 * acme_ca_call_now does so for what must not be sent later than it was asked for: where there is no
 * connection, and none can be made at once, the call ends (IO, not may_be_done).
 */
mtc_status acme_ca_call_now(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                            unsigned timeout_ms, acme_ca_done *done, void *context) MTC_MUST_CHECK;

/*
 * acme_ca_call_wait makes one call and waits for its end: for the start of the program.
 *
 * Output:   `out` replaced by the answer's body.
 * Errors:   as answered.
 */
mtc_status acme_ca_call_wait(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                             unsigned timeout_ms, struct mtc_bytes *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_ca_close ends every open call (BUSY) and releases the connection; NULL is ignored.
 */
void acme_ca_close(struct acme_ca *ca);

#endif
