/* Domain validation: proofs of control over an identifier, and CAA, on threads of its own. */
#ifndef ACME_VALIDATE_H
#define ACME_VALIDATE_H

#include "acme/identifier.h"

enum acme_challenge_type { ACME_HTTP_01, ACME_DNS_01, ACME_TLS_ALPN_01, ACME_NUM_CHALLENGES };

struct acme_validator_options {
  unsigned threads;                  /* 0: 32 */
  unsigned threads_each;             /* for one account at a time; 0: a quarter of them */
  unsigned timeout_ms;               /* for one validation as a whole; 0: 10,000 */
  const char *const *caa_identities; /* issuer domain names of CAA records that name this CA */
  unsigned num_caa_identities;       /* 0: CAA records are looked at all the same; none matches */
  /* What only `testing: true` sets (the configuration refuses it otherwise). */
  const char *resolver;     /* "address" or "address@port" of a forwarder, NULL: full recursion */
  const char *trust_anchor; /* DNSSEC: file, NULL: the system's root anchor; "" : none */
  unsigned http_port;       /* 0: 80 */
  unsigned tls_port;        /* 0: 443 */
  bool allow_private;       /* loopback, private and reserved addresses may be connected to */
};

/* What is to be proved. Copied by acme_validator_submit. */
struct acme_validation {
  enum acme_challenge_type type;
  bool caa_only;       /* CAA alone: an authorization is reused after more than eight hours */
  uint64_t account_id; /* whose turn it takes */
  struct acme_identifier identifier;
  char token[64];
  char key_authorization[128];
  char account_uri[256]; /* for CAA's accounturi */
};

struct acme_validation_result {
  enum acme_problem_type problem; /* ACME_NONE: proved */
  char detail[512];               /* with the address tried, UTF-8 */
};

/* Runs on a thread of the validator. */
typedef void acme_validated(void *context, const struct acme_validation_result *result);

struct acme_validator;

/*
 * acme_validator_open starts the threads and the resolver (libunbound, DNSSEC validating).
 *
 * Errors:   INPUT (resolver, trust anchor), NOMEM, IO.
 */
mtc_status acme_validator_open(const struct acme_validator_options *options,
                               struct acme_validator **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_validator_submit queues one validation; `done` is called exactly once. Accounts take turns.
 *
 * Errors:   BUSY (10,000 are waiting, or 1,000 of this account), NOMEM: `done` is not called.
 * Threads:  any.
 */
mtc_status acme_validator_submit(struct acme_validator *validator,
                                 const struct acme_validation *validation, acme_validated *done,
                                 void *context) MTC_MUST_CHECK;

/*
 * acme_validator_close ends what is waiting (ACME_SERVER_INTERNAL), waits for what is running, and
 * releases; NULL is ignored.
 */
void acme_validator_close(struct acme_validator *validator);

#endif
