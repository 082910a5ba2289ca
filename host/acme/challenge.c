/* Challenges: the answer to one starts its validation. */
#include "acme/authorization.h"
#include "acme/validating.h"

static void begin(struct acme_request *request) {
  struct acme_server *server = request->server;
  uint64_t id = request->id;
  acme_request_send(request);
  acme_validate_begin(server, id, false);
}

/* Source: RFC 8555, "Responding to Challenges" */
static mtc_status respond(struct acme_request *request, struct acme_authorization *authorization,
                          int challenge, struct mtc_error *error) {
  enum acme_state state = acme_authorization_state(authorization, acme_now_s());
  bool is_same = authorization->challenge == challenge;
  if (is_same && (authorization->claimed_s || authorization->validated_s) &&
      (state == ACME_PENDING || state == ACME_VALID))
    return MTC_OK; /* a repeated answer */
  if (state != ACME_PENDING)
    return acme_refuse(request, ACME_MALFORMED, "the authorization is %s", acme_state_name(state));
  if (authorization->claimed_s)
    return acme_refuse(request, ACME_MALFORMED, "challenge %s is being validated",
                       acme_challenge_name(authorization->challenge));
  authorization->challenge = challenge;
  authorization->claimed_s = acme_now_s();
  authorization->attempts = 1;
  request->after = begin;
  return acme_authorization_update(request->server->db, authorization, error);
}

mtc_status acme_challenge_answer(struct acme_request *request, struct mtc_error *error) {
  struct acme_authorization authorization;
  int challenge = acme_challenge_find(request->text);
  mtc_status status = acme_authorization_take(request, &authorization, error);
  if (!status && authorization.id) {
    if (challenge < 0 || !acme_challenge_fits(&authorization, challenge))
      status = acme_refuse(request, ACME_MALFORMED, "the authorization has no such challenge");
    else if (request->jws.json)
      status = respond(request, &authorization, challenge, error);
  }
  if (!status && !request->problem.type) {
    enum acme_state state = acme_authorization_state(&authorization, acme_now_s());
    request->json = acme_challenge_json(request->server, &authorization, challenge, state);
    acme_request_header(request, "Link", "<%s/authz/%016llx>;rel=\"up\"",
                        request->server->config->url, (unsigned long long)authorization.id);
    if (authorization.claimed_s) acme_request_header(request, "Retry-After", "1");
  }
  acme_authorization_free(&authorization);
  return status;
}
