/* Challenges: the answer to one starts its validation, whose result becomes the authorization's. */
#include <string.h>

#include "acme/authorization.h"
#include "acme/limits.h"
#include "acme/order.h"
#include "mtc/runtime.h"

#define RETRY_MS 2000
/* A failure of our own says nothing about the name: it is tried again before it counts. */
#define MAX_ATTEMPTS 3u

static void begin(struct acme_request *request) {
  struct acme_server *server = request->server;
  uint64_t id = request->id;
  acme_request_send(request);
  acme_validate_begin(server, id);
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

/* A validation on its way. Its jobs: read what is to be validated, write the result. */
struct validating {
  struct acme_job job; /* first */
  struct acme_retry retry;
  struct acme_server *server;
  uint64_t authorization_id;
  bool is_current; /* there still is something to validate */
  unsigned num_attempts;
  struct acme_validation validation;
  struct acme_validation_result result;
};

static void load(struct validating *validating);

static struct validating *of_retry(struct acme_retry *retry) {
  return (struct validating *)((char *)retry - offsetof(struct validating, retry));
}

static void retry_load(struct acme_retry *retry) {
  struct validating *validating = of_retry(retry);
  if (validating->server->is_stopping)
    mtc_free(validating); /* the claim stays in the database and is swept at the next start */
  else
    load(validating);
}

static void written(struct acme_job *job, mtc_status status, const char *text) {
  (void)status, (void)text; /* what is not written stays claimed, and is swept */
  mtc_free(job);
}

static char *error_text(const struct acme_validation_result *result) {
  struct acme_problem problem = {0};
  (void)acme_fail(&problem, result->problem, "%s", result->detail);
  char *text = acme_json_problem_text(&problem);
  acme_problem_free(&problem);
  return text;
}

static mtc_status write_result(struct acme_job *job, struct mtc_error *error) {
  struct validating *validating = (struct validating *)job;
  struct acme_server *server = validating->server;
  const struct acme_validation_result *result = &validating->result;
  struct acme_authorization authorization;
  char subject[300];
  /* The server stops: the next start takes the claim up. */
  if (server->is_stopping && result->problem == ACME_SERVER_INTERNAL) return MTC_OK;
  mtc_status status =
      acme_authorization_load(server->db, validating->authorization_id, &authorization, error);
  bool is_current = !status && authorization.id && authorization.claimed_s &&
                    authorization.state == ACME_PENDING &&
                    authorization.challenge == (int)validating->validation.type;
  if (status || !is_current) {
    acme_authorization_free(&authorization);
    return status;
  }
  int64_t now_s = acme_now_s();
  bool is_late = acme_authorization_state(&authorization, now_s) == ACME_EXPIRED;
  authorization.claimed_s = 0;
  if (is_late) {
    authorization.challenge = -1; /* as if it had not been answered: expired it is */
  } else if (result->problem == ACME_NONE) {
    authorization.state = ACME_VALID;
    authorization.validated_s = now_s;
    /* Long enough for the orders that wait for it, and for reuse. */
    int64_t lifetime_s = server->config->reuse_s > server->config->order_lifetime_s
                             ? server->config->reuse_s
                             : server->config->order_lifetime_s;
    authorization.expires_s = now_s + lifetime_s;
  } else {
    authorization.state = ACME_INVALID;
    mtc_free(authorization.error);
    authorization.error = error_text(result);
    (void)snprintf(subject, sizeof subject, "%016llx/%s%s",
                   (unsigned long long)authorization.account_id,
                   authorization.is_wildcard ? "*." : "", authorization.identifier.value);
    status = acme_limit_count(server, ACME_LIMIT_FAILURES, subject, error);
  }
  if (!status) status = acme_authorization_update(server->db, &authorization, error);
  mtc_log(MTC_LOG_INFO, "validation",
          "authorization=%016llx account=%016llx name=%s%s type=%s %s%s",
          (unsigned long long)authorization.id, (unsigned long long)authorization.account_id,
          authorization.is_wildcard ? "*." : "", authorization.identifier.value,
          acme_challenge_name(authorization.challenge),
          result->problem ? "failed=" : "result=valid", result->problem ? result->detail : "");
  acme_authorization_free(&authorization);
  return status;
}

static void failed_inside(struct acme_job *job, mtc_status status, const char *text) {
  struct validating *validating = (struct validating *)job;
  (void)status, (void)text;
  validating->retry.call = retry_load;
  acme_retry_later(validating->server, &validating->retry, RETRY_MS);
}

static void validated(void *context, const struct acme_validation_result *result) {
  struct validating *validating = context;
  bool is_inside =
      result->problem == ACME_SERVER_INTERNAL && ++validating->num_attempts < MAX_ATTEMPTS;
  validating->result = *result;
  validating->job.run = is_inside ? NULL : write_result;
  validating->job.done = is_inside ? failed_inside : written;
  acme_jobs_put(validating->server->jobs, &validating->job);
}

static void loaded(struct acme_job *job, mtc_status status, const char *text) {
  struct validating *validating = (struct validating *)job;
  struct acme_server *server = validating->server;
  (void)text;
  if (!status && !validating->is_current) {
    mtc_free(validating);
    return;
  }
  if (!status && server->validator)
    status =
        acme_validator_submit(server->validator, &validating->validation, validated, validating);
  else
    status = MTC_BUSY;
  if (!status) return;
  validating->retry.call = retry_load;
  acme_retry_later(server, &validating->retry, RETRY_MS);
}

static void fill(struct validating *validating, const struct acme_authorization *authorization,
                 const struct acme_account *account) {
  struct acme_validation *validation = &validating->validation;
  *validation = (struct acme_validation){
      .type = (enum acme_challenge_type)authorization->challenge,
      .identifier = authorization->identifier,
  };
  /* CAA's issuewild is about wildcards, which the validator sees by the name. */
  if (authorization->is_wildcard)
    (void)snprintf(validation->identifier.value, sizeof validation->identifier.value, "*.%.253s",
                   authorization->identifier.value);
  (void)snprintf(validation->token, sizeof validation->token, "%s", authorization->token);
  (void)snprintf(validation->key_authorization, sizeof validation->key_authorization, "%s.%s",
                 authorization->token, account->thumbprint);
  (void)snprintf(validation->account_uri, sizeof validation->account_uri, "%s/account/%016llx",
                 validating->server->config->url, (unsigned long long)account->id);
}

static mtc_status load_run(struct acme_job *job, struct mtc_error *error) {
  struct validating *validating = (struct validating *)job;
  sqlite3 *db = validating->server->db;
  struct acme_authorization authorization;
  struct acme_account account = {0};
  validating->is_current = false;
  mtc_status status =
      acme_authorization_load(db, validating->authorization_id, &authorization, error);
  if (!status && authorization.id && authorization.claimed_s && authorization.challenge >= 0 &&
      authorization.state == ACME_PENDING) {
    status = acme_account_load(db, authorization.account_id, &account, error);
    validating->is_current = !status && account.id && account.state == ACME_VALID;
    if (validating->is_current) fill(validating, &authorization, &account);
  }
  if (!status && !validating->is_current && authorization.claimed_s) {
    authorization.claimed_s = 0; /* or it would be swept for ever */
    status = acme_authorization_update(db, &authorization, error);
  }
  acme_account_free(&account);
  acme_authorization_free(&authorization);
  return status;
}

static void load(struct validating *validating) {
  validating->job.run = load_run;
  validating->job.done = loaded;
  acme_jobs_put(validating->server->jobs, &validating->job);
}

void acme_validate_begin(struct acme_server *server, uint64_t authorization_id) {
  struct validating *validating = mtc_alloc(1, sizeof *validating);
  if (!validating) return; /* claimed, so it is swept */
  validating->server = server;
  validating->authorization_id = authorization_id;
  load(validating);
}
