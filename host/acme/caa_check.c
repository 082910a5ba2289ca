/* The CAA records of a name: the nearest set on the way to the root decides. */
#include <string.h>

#include "acme/caa.h"
#include "acme/challenge.h"

static const char *method_name(enum acme_challenge_type type) {
  return type == ACME_HTTP_01 ? "http-01" : type == ACME_DNS_01 ? "dns-01" : "tls-alpn-01";
}

static enum acme_problem_type decide(struct acme_attempt *attempt, const char *name,
                                     const struct acme_answer *answer) {
  const struct acme_validation *validation = attempt->validation;
  struct acme_caa_request request = {
      .wildcard = acme_identifier_is_wildcard(&validation->identifier),
      .method = method_name(validation->type),
      .account_uri = validation->account_uri,
      .identities = attempt->options->caa_identities,
      .num_identities = attempt->options->num_caa_identities,
  };
  const char *why = acme_caa_decide(answer->records, answer->num_records, &request);
  if (!why) return ACME_NONE;
  return acme_fail(&attempt->problem, ACME_CAA, "CAA records at %s forbid issuance for %s: %s",
                   name, validation->identifier.value, why);
}

enum acme_problem_type acme_check_caa(struct acme_attempt *attempt) {
  if (attempt->validation->identifier.type != ACME_DNS_NAME) return ACME_NONE;
  const char *name = attempt->name;
  while (name && name[0]) {
    struct acme_answer answer;
    enum acme_problem_type problem = acme_resolve(attempt->resolver, name, ACME_RECORD_CAA,
                                                  attempt->deadline_ms, &answer, &attempt->problem);
    bool found = !problem && answer.num_records > 0;
    if (found) problem = decide(attempt, name, &answer);
    acme_answer_free(&answer);
    if (problem || found) return problem;
    const char *dot = strchr(name, '.');
    name = dot ? dot + 1 : NULL;
  }
  return ACME_NONE;
}
