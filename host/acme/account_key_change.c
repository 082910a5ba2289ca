/* keyChange. Source: RFC 8555, "Account Key Rollover" */
#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "mtc/runtime.h"

/* The inner JWS is by the new key and says which account and old key it is about: a thief of the
 * old key alone cannot put a key in place that is somebody else's. */
static enum acme_problem_type check_inner(struct acme_request *request, struct acme_jws *inner,
                                          struct acme_key *new_key) {
  struct acme_problem *problem = &request->problem;
  struct acme_key old_key = {0};
  if (!request->jws.json) return acme_fail(problem, ACME_MALFORMED, "the payload is empty");
  if (acme_jws_parse_json(request->jws.json, ACME_JWS_KEY_CHANGE, inner, problem) ||
      acme_key_from_jwk(inner->jwk, new_key, problem) || acme_jws_verify(inner, new_key, problem))
    return problem->type;
  if (strcmp(inner->url, request->jws.url) != 0)
    return acme_fail(problem, ACME_MALFORMED, "the inner url is not that of the request");
  const char *account = json_string_value(json_object_get(inner->json, "account"));
  if (!account || strcmp(account, request->jws.kid) != 0)
    return acme_fail(problem, ACME_MALFORMED, "the inner account is not the kid");
  const json_t *old = json_object_get(inner->json, "oldKey");
  if (!old) return acme_fail(problem, ACME_MALFORMED, "oldKey is missing");
  if (acme_key_from_jwk(old, &old_key, problem)) return problem->type;
  bool is_current = strcmp(old_key.thumbprint, request->account.thumbprint) == 0;
  acme_key_free(&old_key);
  if (!is_current) return acme_fail(problem, ACME_MALFORMED, "oldKey is not the account's key");
  return ACME_NONE;
}

static mtc_status change(struct acme_request *request, const struct acme_key *new_key,
                         struct mtc_error *error) {
  struct acme_server *server = request->server;
  struct acme_account *account = &request->account, other;
  mtc_status status = acme_account_find(server->db, new_key->thumbprint, &other, error);
  if (status) return status;
  uint64_t other_id = other.id;
  acme_account_free(&other);
  if (other_id) {
    (void)acme_refuse(request, ACME_MALFORMED, "an account has the new key already");
    request->problem.http_status = 409;
    acme_request_header(request, "Location", "%s/account/%016llx", server->config->url,
                        (unsigned long long)other_id);
    return MTC_OK;
  }
  status = acme_check_account_key(request, new_key, error);
  if (status || request->problem.type) return status;
  char *jwk = mtc_strdup(new_key->jwk);
  if (!jwk) return MTC_NOMEM;
  mtc_free(account->jwk);
  account->jwk = jwk;
  memcpy(account->thumbprint, new_key->thumbprint, sizeof account->thumbprint);
  status = acme_account_update(server->db, account, error);
  if (status) return status;
  acme_key_cache_drop(server->keys, account->id);
  mtc_log(MTC_LOG_INFO, "account", "id=%016llx key_changed=yes", (unsigned long long)account->id);
  acme_account_show(request, account);
  return MTC_OK;
}

mtc_status acme_key_change(struct acme_request *request, struct mtc_error *error) {
  struct acme_jws inner = {0};
  struct acme_key new_key = {0};
  mtc_status status = MTC_OK;
  if (!check_inner(request, &inner, &new_key)) status = change(request, &new_key, error);
  acme_jws_free(&inner);
  acme_key_free(&new_key);
  return status;
}
