/* One validation under way: what its steps share. */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "acme/resolver.h"
#include "acme/validate.h"
#include "mtc/runtime.h"

struct acme_attempt {
  const struct acme_validator_options *options; /* defaults filled in */
  struct acme_resolver *resolver;
  const struct acme_validation *validation;
  const char *name;    /* the identifier without "*." */
  int64_t deadline_ms; /* on mtc_clock_monotonic_ms */
  struct acme_problem problem;
};

/* Milliseconds left of an attempt's time, 0 when it is over. */
static inline int64_t acme_attempt_left_ms(const struct acme_attempt *attempt) {
  int64_t left = attempt->deadline_ms - mtc_clock_monotonic_ms();
  return left > 0 ? left : 0;
}

/*
 * acme_attempt_addresses gives where an identifier is: its addresses by DNS, or itself when it is
 * one, as far as they may be connected to.
 *
 * Errors:   as acme_resolve_addresses.
 */
enum acme_problem_type acme_attempt_addresses(struct acme_attempt *attempt,
                                              struct acme_address out[ACME_MAX_ADDRESSES],
                                              unsigned *out_num) MTC_MUST_CHECK;

/* acme_prove_* try one challenge once; ACME_NONE: proved. Threads: any; block until the deadline at
 * most. Errors: with attempt->problem filled in, ACME_DNS, ACME_CONNECTION, ACME_TLS,
 * ACME_INCORRECT_RESPONSE, ACME_SERVER_INTERNAL. */

/* By a file on the web server (RFC 8555, "HTTP Challenge"). */
enum acme_problem_type acme_prove_http(struct acme_attempt *attempt) MTC_MUST_CHECK;
/* By a TXT record (RFC 8555, "DNS Challenge"). */
enum acme_problem_type acme_prove_dns(struct acme_attempt *attempt) MTC_MUST_CHECK;
/* By a certificate in a TLS handshake (RFC 8737; RFC 8738 for addresses). */
enum acme_problem_type acme_prove_tls_alpn(struct acme_attempt *attempt) MTC_MUST_CHECK;

/*
 * acme_check_caa climbs from the name towards the root until there are CAA records and lets them
 * decide; addresses have none.
 *
 * Errors:   ACME_CAA (refused), ACME_DNS (not known, which refuses too), ACME_SERVER_INTERNAL.
 * Source:   RFC 8659, "Relevant Resource Record Set"
 */
enum acme_problem_type acme_check_caa(struct acme_attempt *attempt) MTC_MUST_CHECK;

#endif
