/* Problem documents (RFC 7807) with ACME's types. */
#include "acme/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef acme_fail

#define URN "urn:ietf:params:acme:error:"

static const struct type {
  const char *urn;
  unsigned http_status;
} types[ACME_NUM_PROBLEM_TYPES] = {
    [ACME_ACCOUNT_DOES_NOT_EXIST] = {URN "accountDoesNotExist", 400},
    [ACME_ALREADY_REPLACED] = {URN "alreadyReplaced", 409},
    [ACME_ALREADY_REVOKED] = {URN "alreadyRevoked", 400},
    [ACME_BAD_CSR] = {URN "badCSR", 400},
    [ACME_BAD_NONCE] = {URN "badNonce", 400},
    [ACME_BAD_PUBLIC_KEY] = {URN "badPublicKey", 400},
    [ACME_BAD_REVOCATION_REASON] = {URN "badRevocationReason", 400},
    [ACME_BAD_SIGNATURE_ALGORITHM] = {URN "badSignatureAlgorithm", 400},
    [ACME_CAA] = {URN "caa", 403},
    [ACME_COMPOUND] = {URN "compound", 400},
    [ACME_CONNECTION] = {URN "connection", 400},
    [ACME_DNS] = {URN "dns", 400},
    [ACME_EXTERNAL_ACCOUNT_REQUIRED] = {URN "externalAccountRequired", 403},
    [ACME_INCORRECT_RESPONSE] = {URN "incorrectResponse", 403},
    [ACME_INVALID_CONTACT] = {URN "invalidContact", 400},
    [ACME_INVALID_PROFILE] = {URN "invalidProfile", 400},
    [ACME_MALFORMED] = {URN "malformed", 400},
    [ACME_ORDER_NOT_READY] = {URN "orderNotReady", 403},
    [ACME_RATE_LIMITED] = {URN "rateLimited", 429},
    [ACME_REJECTED_IDENTIFIER] = {URN "rejectedIdentifier", 400},
    [ACME_SERVER_INTERNAL] = {URN "serverInternal", 500},
    [ACME_TLS] = {URN "tls", 400},
    [ACME_UNAUTHORIZED] = {URN "unauthorized", 403},
    [ACME_UNSUPPORTED_CONTACT] = {URN "unsupportedContact", 400},
    [ACME_UNSUPPORTED_IDENTIFIER] = {URN "unsupportedIdentifier", 400},
    [ACME_USER_ACTION_REQUIRED] = {URN "userActionRequired", 403},
};

/* What is told to a client has often come from one, or from a stranger's web server. */
static void make_printable(char *text) {
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) *c = '?';
}

enum acme_problem_type acme_fail(struct acme_problem *problem, enum acme_problem_type type,
                                 const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(problem->detail, sizeof problem->detail, format, arguments);
  va_end(arguments);
  make_printable(problem->detail);
  problem->type = type;
  return type;
}

void acme_add_subproblem(struct acme_problem *problem, enum acme_problem_type type,
                         const char *identifier_type, const char *identifier, const char *detail) {
  if (!problem->subproblems) problem->subproblems = json_array();
  (void)json_array_append_new(
      problem->subproblems,
      json_pack("{s:s, s:s, s:{s:s, s:s}}", "type", acme_problem_urn(type), "detail", detail,
                "identifier", "type", identifier_type, "value", identifier));
}

const char *acme_problem_urn(enum acme_problem_type type) {
  return type > ACME_NONE && type < ACME_NUM_PROBLEM_TYPES ? types[type].urn : "about:blank";
}

enum acme_problem_type acme_problem_find(const char *urn) {
  for (unsigned i = 1; i < ACME_NUM_PROBLEM_TYPES; i++)
    if (strcmp(types[i].urn, urn) == 0) return (enum acme_problem_type)i;
  return ACME_NONE;
}

unsigned acme_problem_status(const struct acme_problem *problem) {
  if (problem->http_status) return problem->http_status;
  return problem->type > ACME_NONE && problem->type < ACME_NUM_PROBLEM_TYPES
             ? types[problem->type].http_status
             : 500;
}

json_t *acme_problem_json(const struct acme_problem *problem) {
  return json_pack("{s:s, s:s, s:i, s:O*, s:O*}", "type", acme_problem_urn(problem->type), "detail",
                   problem->detail, "status", (int)acme_problem_status(problem), "subproblems",
                   problem->subproblems, "algorithms", problem->algorithms);
}

void acme_problem_free(struct acme_problem *problem) {
  json_decref(problem->subproblems);
  json_decref(problem->algorithms);
  *problem = (struct acme_problem){0};
}
