/* External account binding: an account is somebody who has a MAC key of the CA. */
#include <string.h>

#include "acme/account.h"

static const struct acme_binding_key *find_key(const struct acme_config *config, const char *kid) {
  for (unsigned i = 0; i < config->num_binding_keys; i++)
    if (strcmp(config->binding_keys[i].kid, kid) == 0) return &config->binding_keys[i];
  return NULL;
}

static enum acme_problem_type check(struct acme_request *request, const struct acme_jws *inner,
                                    const char **out_kid) {
  struct acme_problem *problem = &request->problem;
  struct acme_key bound = {0};
  const struct acme_binding_key *key = find_key(request->server->config, inner->kid);
  if (strcmp(inner->url, request->jws.url) != 0)
    return acme_fail(problem, ACME_MALFORMED,
                     "externalAccountBinding: its url is not that of the request");
  if (!key)
    return acme_fail(problem, ACME_UNAUTHORIZED, "externalAccountBinding: the kid is unknown");
  if (acme_jws_verify_mac(inner, mtc_span_of_bytes(&key->mac_key), problem)) return problem->type;
  if (!inner->json)
    return acme_fail(problem, ACME_MALFORMED, "externalAccountBinding: its payload is no key");
  if (acme_key_from_jwk(inner->json, &bound, problem)) return problem->type;
  bool is_same = strcmp(bound.thumbprint, request->key.thumbprint) == 0;
  acme_key_free(&bound);
  if (!is_same)
    return acme_fail(problem, ACME_MALFORMED,
                     "externalAccountBinding: its payload is not the account's key");
  *out_kid = key->kid;
  return ACME_NONE;
}

enum acme_problem_type acme_check_binding(struct acme_request *request, const char **out_kid) {
  const struct acme_config *config = request->server->config;
  const json_t *binding = json_object_get(request->jws.json, "externalAccountBinding");
  struct acme_jws inner = {0};
  *out_kid = "";
  if (!binding && config->is_binding_required)
    return acme_fail(&request->problem, ACME_EXTERNAL_ACCOUNT_REQUIRED,
                     "newAccount needs an externalAccountBinding");
  /* A binding that nobody asked for may be ignored, and there is nothing to check it with. */
  if (!binding || !config->num_binding_keys) return ACME_NONE;
  if (!acme_jws_parse_json(binding, ACME_JWS_BINDING, &inner, &request->problem))
    (void)check(request, &inner, out_kid);
  acme_jws_free(&inner);
  return request->problem.type;
}
