/* newAuthz and authorization. Source: RFC 8555, "Authorization Objects", "Pre-authorization" */
#include "acme/authorization.h"

#include <string.h>

#include "acme/account.h"
#include "acme/limits.h"
#include "mtc/runtime.h"

static const char *const names[ACME_NUM_CHALLENGES] = {
    [ACME_HTTP_01] = "http-01", [ACME_DNS_01] = "dns-01", [ACME_TLS_ALPN_01] = "tls-alpn-01"};

const char *acme_challenge_name(int challenge) {
  return challenge >= 0 && challenge < ACME_NUM_CHALLENGES ? names[challenge] : "none";
}

int acme_challenge_find(const char *name) {
  for (int i = 0; i < ACME_NUM_CHALLENGES; i++)
    if (strcmp(names[i], name) == 0) return i;
  return -1;
}

bool acme_challenge_fits(const struct acme_authorization *authorization, int challenge) {
  if (authorization->is_wildcard) return challenge == ACME_DNS_01;
  return authorization->identifier.type == ACME_DNS_NAME || challenge != ACME_DNS_01;
}

json_t *acme_challenge_json(const struct acme_server *server,
                            const struct acme_authorization *authorization, int challenge,
                            enum acme_state state) {
  char rest[32];
  json_t *json = json_object();
  bool is_chosen = authorization->challenge == challenge;
  enum acme_state own = ACME_PENDING;
  if (is_chosen && authorization->claimed_s) own = ACME_PROCESSING;
  if (is_chosen && authorization->validated_s) own = ACME_VALID;
  if (state == ACME_INVALID && is_chosen && !authorization->validated_s) own = ACME_INVALID;
  (void)snprintf(rest, sizeof rest, "/%s", names[challenge]);
  (void)json_object_set_new(json, "type", json_string(names[challenge]));
  (void)json_object_set_new(json, "url", acme_url(server, "challenge", authorization->id, rest));
  (void)json_object_set_new(json, "status", json_string(acme_state_name(own)));
  (void)json_object_set_new(json, "token", json_string(authorization->token));
  if (own == ACME_VALID)
    (void)json_object_set_new(json, "validated", acme_json_time(authorization->validated_s));
  if (is_chosen && authorization->error && authorization->error[0])
    (void)json_object_set_new(json, "error", json_loads(authorization->error, 0, NULL));
  return json;
}

/* A final one shows the challenge that made it so; a pending one all that can be answered. */
static json_t *show(const struct acme_server *server,
                    const struct acme_authorization *authorization) {
  enum acme_state state = acme_authorization_state(authorization, acme_now_s());
  json_t *json = json_object(), *challenges = json_array();
  (void)json_object_set_new(json, "identifier", acme_identifier_json(&authorization->identifier));
  (void)json_object_set_new(json, "status", json_string(acme_state_name(state)));
  (void)json_object_set_new(json, "expires", acme_json_time(authorization->expires_s));
  if (authorization->is_wildcard) (void)json_object_set_new(json, "wildcard", json_true());
  for (int i = 0; i < ACME_NUM_CHALLENGES; i++) {
    if (!acme_challenge_fits(authorization, i)) continue;
    if (state != ACME_PENDING && authorization->challenge >= 0 && authorization->challenge != i)
      continue;
    (void)json_array_append_new(challenges, acme_challenge_json(server, authorization, i, state));
  }
  (void)json_object_set_new(json, "challenges", challenges);
  return json;
}

mtc_status acme_authorization_take(struct acme_request *request, struct acme_authorization *out,
                                   struct mtc_error *error) {
  mtc_status status = acme_authorization_load(request->server->db, request->id, out, error);
  if (status || (out->id && out->account_id == request->account.id)) return status;
  acme_authorization_free(out);
  return acme_refuse(request, ACME_UNAUTHORIZED, "this is no authorization of yours");
}

static mtc_status deactivate(struct acme_request *request, struct acme_authorization *authorization,
                             struct mtc_error *error) {
  const char *wanted = json_string_value(json_object_get(request->jws.json, "status"));
  enum acme_state state = acme_authorization_state(authorization, acme_now_s());
  if (!wanted || strcmp(wanted, "deactivated") != 0)
    return acme_refuse(request, ACME_MALFORMED, "status can only be set to deactivated");
  if (state == ACME_DEACTIVATED) return MTC_OK;
  if (state != ACME_PENDING && state != ACME_VALID)
    return acme_refuse(request, ACME_MALFORMED, "the authorization is %s", acme_state_name(state));
  authorization->state = ACME_DEACTIVATED;
  authorization->claimed_s = 0;
  return acme_authorization_update(request->server->db, authorization, error);
}

mtc_status acme_authorization_answer(struct acme_request *request, struct mtc_error *error) {
  struct acme_authorization authorization;
  mtc_status status = acme_authorization_take(request, &authorization, error);
  if (!status && authorization.id && request->jws.json)
    status = deactivate(request, &authorization, error);
  if (!status && !request->problem.type) {
    request->json = show(request->server, &authorization);
    if (authorization.claimed_s) acme_request_header(request, "Retry-After", "2");
  }
  acme_authorization_free(&authorization);
  return status;
}

static mtc_status make(struct acme_request *request, const struct acme_identifier *identifier,
                       struct mtc_error *error) {
  const struct acme_server *server = request->server;
  struct acme_authorization authorization = {0};
  char subject[300];
  (void)snprintf(subject, sizeof subject, "%016llx/%s", (unsigned long long)request->account.id,
                 identifier->value);
  mtc_status status =
      acme_limit_check_pending(server, request->account.id, 1, &request->problem, error);
  if (!status && !request->problem.type)
    status = acme_limit_check(server, ACME_LIMIT_FAILURES, subject, &request->problem, error);
  if (status || request->problem.type) return status;
  status = acme_authorization_make(request->account.id, identifier,
                                   acme_now_s() + server->config->order_lifetime_s, &authorization,
                                   error);
  if (!status) status = acme_authorization_insert(server->db, &authorization, error);
  if (status) return status;
  request->json = show(server, &authorization);
  request->answer.status = 201;
  acme_request_header(request, "Location", "%s/authz/%016llx", server->config->url,
                      (unsigned long long)authorization.id);
  return MTC_OK;
}

mtc_status acme_new_authorization(struct acme_request *request, struct mtc_error *error) {
  struct acme_identifier identifier;
  const json_t *json = json_object_get(request->jws.json, "identifier");
  if (acme_check_terms(request)) return MTC_OK;
  if (!json) return acme_refuse(request, ACME_MALFORMED, "identifier is missing");
  if (acme_identifier_parse(json, &identifier, &request->problem)) return MTC_OK;
  if (acme_identifier_is_wildcard(&identifier))
    return acme_refuse(request, ACME_MALFORMED, "a wildcard cannot be authorized beforehand");
  return make(request, &identifier, error);
}
