/* DNS as validations see it: validated by DNSSEC, bounded in time and size. */
#ifndef ACME_RESOLVER_H
#define ACME_RESOLVER_H

#include "acme/address.h"
#include "acme/problem.h"

enum acme_record_type {
  ACME_RECORD_A = 1,
  ACME_RECORD_TXT = 16,
  ACME_RECORD_AAAA = 28,
  ACME_RECORD_CAA = 257,
};

#define ACME_MAX_RECORDS 64u
#define ACME_MAX_ADDRESSES 8u

struct acme_resolver_options {
  const char *forwarder;    /* "address" or "address@port", NULL: full recursion */
  const char *trust_anchor; /* file, NULL: the system's root anchor; "": none */
  bool allow_private;       /* name servers at private addresses may be asked */
};

struct acme_resolver;
struct ub_result;

/* The records of one name and type; none when there are none or no such name. */
struct acme_answer {
  struct mtc_span records[ACME_MAX_RECORDS]; /* record data; live until acme_answer_free */
  unsigned num_records;
  bool secure; /* proved by DNSSEC */
  bool bogus;  /* proved wrong by DNSSEC, or not proved where it must be; then no records */
  struct ub_result *result;
};

/*
 * acme_resolver_open starts a resolver and its two threads.
 *
 * Errors:   INPUT (forwarder, trust anchor), NOMEM, IO.
 */
mtc_status acme_resolver_open(const struct acme_resolver_options *options,
                              struct acme_resolver **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_resolve asks for the records of `name` (aliases are followed) until `deadline_ms`, on
 * mtc_clock_monotonic_ms.
 *
 * Output:   `out`, to be freed with acme_answer_free whatever is returned.
 * Errors:   ACME_DNS: no answer in time, a server's failure, an answer that DNSSEC proves wrong or
 *           incomplete, more than ACME_MAX_RECORDS records. ACME_SERVER_INTERNAL (memory).
 * Threads:  any; blocks.
 */
enum acme_problem_type acme_resolve(struct acme_resolver *resolver, const char *name,
                                    enum acme_record_type type, int64_t deadline_ms,
                                    struct acme_answer *out,
                                    struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_answer_free releases an answer; one that is zeroed or was freed is ignored.
 */
void acme_answer_free(struct acme_answer *answer);

/*
 * acme_resolve_addresses gives the addresses of `host` that may be connected to, IPv6 before IPv4,
 * at most ACME_MAX_ADDRESSES. A family whose servers fail is left out as long as the other has an
 * address; one that fails DNSSEC is not.
 *
 * Output:   out_num at least 1 when ACME_NONE is returned.
 * Errors:   as acme_resolve; ACME_DNS too when there is no address; ACME_CONNECTION when there are
 *           some and all are refused.
 */
enum acme_problem_type acme_resolve_addresses(struct acme_resolver *resolver, const char *host,
                                              bool allow_private, int64_t deadline_ms,
                                              struct acme_address out[ACME_MAX_ADDRESSES],
                                              unsigned *out_num,
                                              struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_resolver_close stops the threads and releases the resolver; NULL is ignored.
 *
 * Requires: no call of acme_resolve is running.
 */
void acme_resolver_close(struct acme_resolver *resolver);

#endif
