/*
 * A validation on its way: the challenge's answer is committed as a claim; then, each step from the
 * last,
 *   load      the row again, counting the attempt where it is not the first
 *   validate  in the account's turn
 *   write     the result, which ends the claim
 * A crash between any two of them leaves the claim, which a sweep takes up from the start, a
 * bounded number of times. While this process is at it, sweeps renew the claim, however long its
 * turn takes to come, so that no other takes it up; and this process knows what it has.
 */
#include "acme/validating.h"

#include <string.h>

#include "acme/authorization.h"
#include "acme/limits.h"
#include "acme/order.h"
#include "mtc/runtime.h"

#define RETRY_MS 2000
/* A failure of our own says nothing about the name: it is tried again before it counts. */
#define MAX_FAILURES 3u
/* What a server has died over this often it would die over for ever. */
#define MAX_ATTEMPTS 5u
/* What found no place is for the next sweep; what a server that stops leaves is for anybody's. */
#define PUT_OFF_S 30
#define RELEASED_S 1
#define RENEW_S (ACME_CLAIM_S * 2 / 5)

/* Its jobs: read what is to be validated, write the result, put it off. */
struct acme_validating {
  struct acme_job job; /* first */
  struct acme_retry retry;
  struct acme_validating *next; /* of its bucket */
  struct acme_server *server;
  uint64_t authorization_id;
  int64_t claimed_s; /* as written last; 0: not known */
  bool is_taken_up;  /* by a sweep: another attempt */
  bool is_current;   /* there still is something to validate */
  bool was_tried;
  unsigned num_failures, num_load_failures;
  struct acme_validation validation;
  struct acme_validation_result result;
};

static void load(struct acme_validating *validating);
static void put_off(struct acme_validating *validating);

static struct acme_validating **find(struct acme_server *server, uint64_t authorization_id) {
  struct acme_validating **at = &server->validating[authorization_id % ACME_VALIDATING_BUCKETS];
  while (*at && (*at)->authorization_id != authorization_id)
    at = &(*at)->next;
  return at;
}

static void forget(struct acme_validating *validating) {
  *find(validating->server, validating->authorization_id) = validating->next;
  mtc_free(validating);
}

static void ended(struct acme_job *job, mtc_status status, const char *text) {
  (void)status, (void)text; /* what is not written stays claimed, and is swept */
  forget((struct acme_validating *)job);
}

static void retry_load(struct acme_retry *retry) {
  struct acme_validating *validating =
      (struct acme_validating *)((char *)retry - offsetof(struct acme_validating, retry));
  if (validating->server->is_stopping)
    put_off(validating);
  else
    load(validating);
}

static void retry_later(struct acme_validating *validating) {
  validating->retry.call = retry_load;
  acme_retry_later(validating->server, &validating->retry, RETRY_MS);
}

/* Gives the claim up, for a sweep to take up; what was not tried is no attempt. */
static mtc_status release(const struct acme_validating *validating, bool was_tried,
                          struct acme_authorization *authorization, struct mtc_error *error) {
  int64_t at_s = acme_now_s() - ACME_CLAIM_S + PUT_OFF_S;
  authorization->claimed_s = validating->server->is_stopping || at_s < 1 ? RELEASED_S : at_s;
  if (authorization->attempts && !was_tried) authorization->attempts--;
  return acme_authorization_update(validating->server->db, authorization, error);
}

static bool is_claimed(const struct acme_authorization *authorization) {
  return authorization->id && authorization->claimed_s && authorization->challenge >= 0 &&
         authorization->state == ACME_PENDING;
}

static mtc_status put_off_run(struct acme_job *job, struct mtc_error *error) {
  struct acme_validating *validating = (struct acme_validating *)job;
  struct acme_authorization authorization;
  mtc_status status = acme_authorization_load(validating->server->db, validating->authorization_id,
                                              &authorization, error);
  if (!status && is_claimed(&authorization))
    status = release(validating, validating->was_tried, &authorization, error);
  acme_authorization_free(&authorization);
  return status;
}

static void put_off(struct acme_validating *validating) {
  validating->job.run = put_off_run;
  validating->job.done = ended;
  acme_jobs_put(validating->server->jobs, &validating->job);
}

static mtc_status refuse(struct acme_authorization *authorization, enum acme_problem_type type,
                         const char *detail) {
  struct acme_problem problem = {0};
  (void)acme_fail(&problem, type, "%s", detail);
  mtc_free(authorization->error);
  authorization->error = acme_json_problem_text(&problem);
  acme_problem_free(&problem);
  authorization->state = ACME_INVALID;
  authorization->claimed_s = 0;
  return authorization->error ? MTC_OK : MTC_NOMEM;
}

static void log_result(const struct acme_authorization *authorization, const char *what,
                       const char *detail) {
  mtc_log(MTC_LOG_INFO, "validation",
          "authorization=%016llx account=%016llx name=%s%s type=%s %s%s",
          (unsigned long long)authorization->id, (unsigned long long)authorization->account_id,
          authorization->is_wildcard ? "*." : "", authorization->identifier.value,
          acme_challenge_name(authorization->challenge), what, detail);
}

static mtc_status take_result(struct acme_server *server,
                              const struct acme_validation_result *result,
                              struct acme_authorization *authorization, struct mtc_error *error) {
  int64_t now_s = acme_now_s();
  char subject[300];
  mtc_status status = MTC_OK;
  authorization->claimed_s = 0;
  if (acme_authorization_state(authorization, now_s) == ACME_EXPIRED) {
    authorization->challenge = -1; /* as if it had not been answered: expired it is */
  } else if (result->problem == ACME_NONE) {
    authorization->state = ACME_VALID;
    authorization->validated_s = now_s;
    /* Long enough for the orders that wait for it, and for reuse. */
    int64_t lifetime_s = server->config->reuse_s > server->config->order_lifetime_s
                             ? server->config->reuse_s
                             : server->config->order_lifetime_s;
    authorization->expires_s = now_s + lifetime_s;
  } else {
    status = refuse(authorization, result->problem, result->detail);
    (void)snprintf(subject, sizeof subject, "%016llx/%s%s",
                   (unsigned long long)authorization->account_id,
                   authorization->is_wildcard ? "*." : "", authorization->identifier.value);
    if (!status && result->problem != ACME_SERVER_INTERNAL) /* which is not the name's */
      status = acme_limit_count(server, ACME_LIMIT_FAILURES, subject, error);
  }
  return status ? status : acme_authorization_update(server->db, authorization, error);
}

static mtc_status write_result(struct acme_job *job, struct mtc_error *error) {
  struct acme_validating *validating = (struct acme_validating *)job;
  struct acme_server *server = validating->server;
  const struct acme_validation_result *result = &validating->result;
  struct acme_authorization authorization;
  mtc_status status =
      acme_authorization_load(server->db, validating->authorization_id, &authorization, error);
  bool is_current = !status && is_claimed(&authorization) &&
                    authorization.challenge == (int)validating->validation.type;
  if (is_current && server->is_stopping && result->problem == ACME_SERVER_INTERNAL) {
    status = release(validating, false, &authorization, error);
  } else if (is_current) {
    log_result(&authorization, result->problem ? "failed=" : "result=valid",
               result->problem ? result->detail : "");
    status = take_result(server, result, &authorization, error);
  }
  acme_authorization_free(&authorization);
  return status;
}

static void failed_inside(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_validating *validating = (struct acme_validating *)job;
  (void)status, (void)text;
  /* What waits when the server stops fails, too, but has not been tried. */
  validating->was_tried = !validating->server->is_stopping;
  retry_later(validating);
}

static void validated(void *context, const struct acme_validation_result *result) {
  struct acme_validating *validating = context;
  bool is_inside =
      result->problem == ACME_SERVER_INTERNAL && ++validating->num_failures < MAX_FAILURES;
  validating->is_taken_up = false; /* trying again is no other attempt */
  validating->result = *result;
  validating->job.run = is_inside ? NULL : write_result;
  validating->job.done = is_inside ? failed_inside : ended;
  acme_jobs_put(validating->server->jobs, &validating->job);
}

static void loaded(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_validating *validating = (struct acme_validating *)job;
  struct acme_server *server = validating->server;
  (void)text;
  if (!status && !validating->is_current) {
    forget(validating);
  } else if (status) {
    if (++validating->num_load_failures < MAX_FAILURES)
      retry_later(validating);
    else
      forget(validating); /* claimed, so it is swept */
  } else if (!server->validator || acme_validator_submit(server->validator, &validating->validation,
                                                         validated, validating)) {
    put_off(validating);
  }
}

static void fill(struct acme_validating *validating, const struct acme_authorization *authorization,
                 const struct acme_account *account) {
  struct acme_validation *validation = &validating->validation;
  *validation = (struct acme_validation){
      .type = (enum acme_challenge_type)authorization->challenge,
      .account_id = account->id,
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

/* Durable before it is tried: a server that dies over it has counted it. */
static mtc_status count_attempt(struct acme_validating *validating,
                                struct acme_authorization *authorization, struct mtc_error *error) {
  static const char detail[] = "the server was interrupted too often while it validated this";
  if (!validating->is_taken_up) return MTC_OK;
  if (authorization->attempts++ >= MAX_ATTEMPTS) {
    validating->is_current = false;
    log_result(authorization, "failed=", detail);
    mtc_status status = refuse(authorization, ACME_SERVER_INTERNAL, detail);
    if (status) return status;
  }
  return acme_authorization_update(validating->server->db, authorization, error);
}

static mtc_status load_run(struct acme_job *job, struct mtc_error *error) {
  struct acme_validating *validating = (struct acme_validating *)job;
  sqlite3 *db = validating->server->db;
  struct acme_authorization authorization;
  struct acme_account account = {0};
  validating->is_current = false;
  mtc_status status =
      acme_authorization_load(db, validating->authorization_id, &authorization, error);
  bool can_be = !status && is_claimed(&authorization) &&
                acme_authorization_state(&authorization, acme_now_s()) == ACME_PENDING;
  if (can_be) {
    status = acme_account_load(db, authorization.account_id, &account, error);
    validating->is_current = !status && account.id && account.state == ACME_VALID;
  }
  validating->claimed_s = authorization.claimed_s;
  if (validating->is_current) {
    fill(validating, &authorization, &account);
    status = count_attempt(validating, &authorization, error);
  } else if (!status && authorization.claimed_s) {
    authorization.claimed_s = 0; /* or it would be swept for ever */
    status = acme_authorization_update(db, &authorization, error);
  }
  acme_account_free(&account);
  acme_authorization_free(&authorization);
  return status;
}

static void load(struct acme_validating *validating) {
  validating->job.run = load_run;
  validating->job.done = loaded;
  acme_jobs_put(validating->server->jobs, &validating->job);
}

void acme_validate_begin(struct acme_server *server, uint64_t authorization_id, bool is_taken_up) {
  struct acme_validating **at = find(server, authorization_id);
  struct acme_validating *validating = *at ? NULL : mtc_alloc(1, sizeof *validating);
  if (!validating) return; /* it is at it; or there is no memory: claimed, so it is swept */
  validating->server = server;
  validating->authorization_id = authorization_id;
  validating->is_taken_up = is_taken_up;
  *at = validating;
  load(validating);
}

mtc_status acme_validating_renew(struct acme_server *server, int64_t now_s,
                                 struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, server->db,
                 "UPDATE authorizations SET claimed_s = ? WHERE id = ? AND claimed_s > 0", error);
  for (unsigned i = 0; i < ACME_VALIDATING_BUCKETS; i++)
    for (struct acme_validating *one = server->validating[i]; one; one = one->next) {
      if (one->claimed_s && now_s - one->claimed_s < RENEW_S && one->claimed_s <= now_s) continue;
      mtc_query_bind_int(&query, 1, now_s);
      mtc_query_bind_uint(&query, 2, one->authorization_id);
      (void)mtc_query_run(&query);
      one->claimed_s = now_s;
    }
  return mtc_query_close(&query);
}
