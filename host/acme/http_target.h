/* What http-01 asks for: the first URL, and where an answer may redirect it. */
#ifndef ACME_HTTP_TARGET_H
#define ACME_HTTP_TARGET_H

#include "acme/problem.h"

#define ACME_MAX_URL_LEN 2048u

/* The ports of a web server; others than 80 and 443 are a test's. */
struct acme_http_ports {
  unsigned http;
  unsigned https;
};

struct acme_http_target {
  bool https;
  unsigned port;
  char host[256]; /* lower case; an address only in a first target, without brackets */
  char url[ACME_MAX_URL_LEN + 1];
};

/*
 * acme_http_target_first makes the URL of a challenge's file at `host`, a name or an address.
 *
 * Errors:   false: it does not fit, or the token is none (base64url).
 * Source:   RFC 8555, "HTTP Challenge"
 */
bool acme_http_target_first(const char *host, bool is_ipv6, unsigned port, const char *token,
                            struct acme_http_target *out) MTC_MUST_CHECK;

/*
 * acme_http_target_follow reads a Location header. A URL without a port has `ports`' one of its
 * scheme.
 *
 * Output:   out->url without user, password and fragment.
 * Errors:   ACME_INCORRECT_RESPONSE: no URL; not http or https; another port than `ports`' two; a
 *           user or password; a host that is an address, however written, or no name of at least
 *           two labels; longer than ACME_MAX_URL_LEN. ACME_SERVER_INTERNAL (memory).
 */
enum acme_problem_type acme_http_target_follow(const struct acme_http_target *from,
                                               const char *location,
                                               const struct acme_http_ports *ports,
                                               struct acme_http_target *out,
                                               struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_http_body_matches tells whether a body is the key authorization; white space after it
 * counts for nothing.
 */
bool acme_http_body_matches(struct mtc_span body, const char *key_authorization) MTC_MUST_CHECK;

#endif
