/* Problem documents: what an ACME server answers instead of a result. */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include <jansson.h>

#include "mtc/bytes.h"

/* The error types of RFC 8555 ("Errors"), RFC 9773 (alreadyReplaced), draft-ietf-acme-profiles
 * (invalidProfile); ACME_NONE is no problem. */
enum acme_problem_type {
  ACME_NONE = 0,
  ACME_ACCOUNT_DOES_NOT_EXIST,
  ACME_ALREADY_REPLACED,
  ACME_ALREADY_REVOKED,
  ACME_BAD_CSR,
  ACME_BAD_NONCE,
  ACME_BAD_PUBLIC_KEY,
  ACME_BAD_REVOCATION_REASON,
  ACME_BAD_SIGNATURE_ALGORITHM,
  ACME_CAA,
  ACME_COMPOUND,
  ACME_CONNECTION,
  ACME_DNS,
  ACME_EXTERNAL_ACCOUNT_REQUIRED,
  ACME_INCORRECT_RESPONSE,
  ACME_INVALID_CONTACT,
  ACME_INVALID_PROFILE,
  ACME_MALFORMED,
  ACME_ORDER_NOT_READY,
  ACME_RATE_LIMITED,
  ACME_REJECTED_IDENTIFIER,
  ACME_SERVER_INTERNAL,
  ACME_TLS,
  ACME_UNAUTHORIZED,
  ACME_UNSUPPORTED_CONTACT,
  ACME_UNSUPPORTED_IDENTIFIER,
  ACME_USER_ACTION_REQUIRED,
  ACME_NUM_PROBLEM_TYPES,
};

/* A problem on its way to the client. Zeroed is none. */
struct acme_problem {
  enum acme_problem_type type;
  unsigned http_status;   /* 0: the type's usual one */
  unsigned retry_after_s; /* 0: no Retry-After header */
  char detail[512];       /* printable ASCII, for a person */
  json_t *subproblems;    /* array as in RFC 8555 "Subproblems", or NULL; owned */
  json_t *algorithms;     /* badSignatureAlgorithm: the accepted ones; owned, or NULL */
  char link[256];         /* userActionRequired: the URL of a "terms-of-service" Link; "" none */
};

/*
 * acme_fail fills `problem` with a type and a formatted detail and returns the type.
 *
 * Output:   bytes of the detail that are not printable ASCII become '?'.
 */
enum acme_problem_type acme_fail(struct acme_problem *problem, enum acme_problem_type type,
                                 const char *format, ...) MTC_PRINTF(3, 4);

/*
 * acme_add_subproblem adds a problem about one identifier (type "dns" or "ip").
 */
void acme_add_subproblem(struct acme_problem *problem, enum acme_problem_type type,
                         const char *identifier_type, const char *identifier, const char *detail);

/*
 * acme_problem_urn gives "urn:ietf:params:acme:error:badNonce" and so on.
 */
const char *acme_problem_urn(enum acme_problem_type type);

/*
 * acme_problem_find finds a type by its URN; ACME_NONE when it is none.
 */
enum acme_problem_type acme_problem_find(const char *urn);

/*
 * acme_problem_status gives the HTTP status of the answer.
 */
unsigned acme_problem_status(const struct acme_problem *problem);

/*
 * acme_problem_json makes the problem document (RFC 7807) with type, detail, status, subproblems,
 * algorithms; NULL when out of memory.
 */
json_t *acme_problem_json(const struct acme_problem *problem);

/*
 * acme_problem_free releases what the problem owns and makes it none.
 */
void acme_problem_free(struct acme_problem *problem);

/* It returns what it is given, which the static analyser cannot see across files. */
#ifdef __clang_analyzer__
#define acme_fail(problem, type, ...) ((void)acme_fail(problem, type, __VA_ARGS__), (type))
#endif

#endif
