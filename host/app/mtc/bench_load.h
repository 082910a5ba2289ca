/* Load for measurements: prepared requests, sent on a fixed schedule whatever the daemon does. */
#ifndef MTC_APP_MTC_BENCH_LOAD_H
#define MTC_APP_MTC_BENCH_LOAD_H

#include "mtc/rpc.h"

#define BENCH_MAX_CONNECTIONS 64

struct bench_load {
  const char *socket; /* NULL: as cli_connect finds it */
  const char *profile;
  uint32_t num_requests, rate_per_s, num_connections;

  /* Results. A latency counts from the time on the schedule, not from when it could be sent: what a
   * slow answer keeps waiting behind it is part of what is measured. */
  uint32_t *latency_us; /* of each request, 0: refused */
  uint64_t *serials;    /* of each request */
  uint32_t num_refused;
  int64_t duration_us;      /* from the first request's time to the last answer */
  struct mtc_error refusal; /* the first one */
};

/*
 * bench_load_run makes certification requests with P-256 keys, a key each, connects, and then sends
 * them, `rate_per_s` in each second in even steps, over all connections in turn. `when_started` is
 * called once requests are ready and before the first is sent.
 *
 * Owner:    release with bench_load_free, on errors too.
 * Errors:   IO (connection lost, no answer for 60 s), BUSY (no daemon), NOMEM.
 */
mtc_status bench_load_run(struct bench_load *load, void (*when_started)(void *), void *context,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_load_free releases the results.
 */
void bench_load_free(struct bench_load *load);

#endif
