/* Clients of an ACME server for measurements: one thread, a connection and an account each. */
#ifndef MTC_APP_MTC_BENCH_ACME_H
#define MTC_APP_MTC_BENCH_ACME_H

#include <jansson.h>

#include "acme/jws.h"
#include "app/mtc/bench_link.h"
#include "app/mtc/bench_responder.h"

#define BENCH_MAX_ERRORS 32
#define BENCH_MAX_PROCESSES 4
#define BENCH_MAX_URL 512

/* What a client does next, or waits for the answer of. */
enum bench_step {
  BENCH_DIRECTORY, /* the first client alone */
  BENCH_NONCE,
  BENCH_ACCOUNT,
  BENCH_AUTHORIZE, /* an order that is there for its authorization */
  BENCH_AUTHORIZATION,
  BENCH_CHALLENGE,
  BENCH_PROVED, /* polls until that order is ready */
  BENCH_IDLE,
  BENCH_ORDER, /* from here on it is measured */
  BENCH_FINALIZE,
  BENCH_POLL,
  BENCH_DOWNLOAD,
};

struct bench_client {
  struct bench_acme *bench;
  struct bench_link link;
  enum bench_step step;
  struct acme_key key;
  char name[64], nonce[160];
  char account[BENCH_MAX_URL], order[BENCH_MAX_URL], finalize[BENCH_MAX_URL];
  char authorization[BENCH_MAX_URL], challenge[BENCH_MAX_URL], certificate[BENCH_MAX_URL];
  struct mtc_bytes *csrs; /* payloads of finalize, made before the measurement */
  uint32_t num_csrs, next_csr;
  unsigned num_nonce_errors;
  int64_t due_us;  /* of the order: latency counts from here */
  int64_t wake_us; /* a poll; 0: none */
};

struct bench_process {
  unsigned pid;
  int64_t rss_start, rss_idle, rss_run; /* bytes: before and after the idle connections; at last */
  int64_t cpu_start_us, cpu_end_us;
};

struct bench_acme {
  const char *directory, *ca_file, *profile;
  uint32_t num_clients, num_orders, rate_per_s, num_idle, http_port;
  struct bench_process processes[BENCH_MAX_PROCESSES];
  unsigned num_processes;

  struct bench_target target;
  char new_nonce[BENCH_MAX_URL], new_account[BENCH_MAX_URL], new_order[BENCH_MAX_URL];
  struct bench_responder *responder;
  struct bench_client *clients;
  struct bench_client **idle; /* those without an order, a stack */
  uint32_t num_waiting_clients, num_sleeping;
  struct bench_link *idle_links;
  int epoll_fd;
  int64_t start_us;
  uint32_t num_begun, num_ended;

  /* Results. */
  uint32_t *latency_us; /* of orders that ended with a certificate */
  uint32_t num_issued, num_polls, num_nonce_retries, num_idle_lost;
  int64_t duration_us;
  struct bench_failure {
    char name[64];
    uint32_t num;
  } failures[BENCH_MAX_ERRORS];
  char first_failure[512];
};

/*
 * bench_acme_run makes accounts and authorizations and requests, and then orders. The CSRs and
 * their keys (P-256, a key each) are made before the first order; what is measured is from newOrder
 * to the downloaded certificate.
 *
 * Owner:    release with bench_acme_free, on errors too.
 * Errors:   INPUT, IO, NOMEM: what went wrong before the first order. Failed orders are counted.
 */
mtc_status bench_acme_run(struct bench_acme *bench, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_acme_free releases everything.
 */
void bench_acme_free(struct bench_acme *bench);

/*
 * bench_client_ask sends what the client's step says.
 */
mtc_status bench_client_ask(struct bench_client *client, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_client_take takes an answer and goes on to the next step, which it asks for.
 *
 * Output:   step BENCH_IDLE: the order or the preparation has ended.
 * Errors:   during the preparation; later failures are counted.
 */
mtc_status bench_client_take(struct bench_client *client, const struct bench_answer *answer,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_client_fail ends a client's order without a certificate: counts `name`, keeps the first
 * `detail`.
 *
 * Errors:   IO during the preparation, which has no failures.
 */
mtc_status bench_client_fail(struct bench_client *client, const char *name, const char *detail,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_csr_append appends {"csr": ...} for `name` with a new P-256 key.
 *
 * Errors:   NOMEM.
 */
mtc_status bench_csr_append(const char *name, struct mtc_bytes *out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_now_us gives microseconds of the monotonic clock.
 */
int64_t bench_now_us(void);

#endif
