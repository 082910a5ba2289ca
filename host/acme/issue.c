/*
 * Issuance: the order is committed as processing and claimed, with what it needs at hand; then,
 * each step from the last,
 *   load     (not at first) the row again, which may be much later: is the account valid, is each
 *            authorization; what its profile needs, whose CAA is old
 *   CAA      again for names that were validated more than eight hours ago
 *   call     the daemon; the order's ID makes a repeated call give the same certificate
 *   end      the order becomes valid or invalid
 * A crash between any two of them leaves the claim, which a sweep takes up from the start. A call
 * does not wait for a daemon that is away: the order is loaded again before the next. One that may
 * not be issued any more is invalid at once where the daemon cannot have its request; where it may,
 * it is asked to withdraw it: what it has issued is the order's, and no certificate is nobody's.
 */
#include "acme/issue.h"

#include <string.h>

#include "mtc/runtime.h"

#define FIRST_DELAY_MS 250
#define MAX_DELAY_MS 15000
#define MAX_CAA_AGE_S (8 * 3600)

static void load(struct acme_issuing *issuing);

/* A finalize request that waits. All wait equally long, so the list is in the order of ends. */
struct acme_waiting {
  struct acme_waiting *next;
  struct acme_request *request; /* NULL: was answered */
  struct acme_issuing *issuing;
  int64_t until_ms;
};

static void answer_processing(struct acme_request *request) {
  acme_request_header(request, "Retry-After", "2");
  acme_request_send(request);
}

int64_t acme_issue_expire(struct acme_server *server) {
  int64_t now_ms = mtc_clock_monotonic_ms();
  for (struct acme_waiting *waiting; (waiting = server->first_waiting);) {
    if (waiting->request && waiting->until_ms > now_ms && !server->is_stopping)
      return waiting->until_ms - now_ms;
    server->first_waiting = waiting->next;
    if (!server->first_waiting) server->end_waiting = &server->first_waiting;
    if (waiting->request) {
      waiting->issuing->waiting = NULL;
      answer_processing(waiting->request);
    }
    mtc_free(waiting);
  }
  return INT32_MAX;
}

static struct acme_waiting *wait_for(struct acme_issuing *issuing, struct acme_request *request) {
  struct acme_server *server = issuing->server;
  struct acme_waiting *waiting = mtc_alloc(1, sizeof *waiting);
  if (!waiting) {
    answer_processing(request);
    return NULL;
  }
  *waiting = (struct acme_waiting){
      .request = request,
      .issuing = issuing,
      .until_ms = mtc_clock_monotonic_ms() + server->config->finalize_wait_ms,
  };
  *server->end_waiting = waiting;
  server->end_waiting = &waiting->next;
  return waiting;
}

/* Takes the request that waits, if one still does. */
static struct acme_request *take_waiting(struct acme_issuing *issuing) {
  struct acme_request *request = NULL;
  if (!issuing->waiting) return NULL;
  request = issuing->waiting->request;
  issuing->waiting->request = NULL; /* the list frees it in its turn */
  issuing->waiting->issuing = NULL;
  issuing->waiting = NULL;
  return request;
}

void acme_issue_answer(struct acme_issuing *issuing, json_t *order) {
  struct acme_request *request = take_waiting(issuing);
  if (!request) {
    json_decref(order);
    return;
  }
  if (!order) {
    answer_processing(request);
    return;
  }
  json_decref(request->json);
  request->json = order;
  acme_request_send(request);
}

void acme_issue_refuse(struct acme_issuing *issuing) {
  struct acme_request *request = take_waiting(issuing);
  if (!request) return;
  (void)acme_fail(&request->problem, issuing->problem.type, "%s", issuing->problem.detail);
  acme_request_send(request);
}

void acme_issue_leave(struct acme_issuing *issuing) {
  acme_issue_answer(issuing, NULL);
  acme_problem_free(&issuing->problem);
  mtc_bytes_free(&issuing->csr);
  mtc_bytes_free(&issuing->answer);
  mtc_free(issuing->checks);
  mtc_free(issuing);
}

static void retry_load(struct acme_retry *retry) {
  struct acme_issuing *issuing =
      (struct acme_issuing *)((char *)retry - offsetof(struct acme_issuing, retry));
  if (issuing->server->is_stopping)
    acme_issue_leave(issuing);
  else
    load(issuing);
}

void acme_issue_again(struct acme_issuing *issuing) {
  bool is_late = mtc_clock_monotonic_ms() - issuing->begun_ms > ACME_RETRY_UNTIL_MS;
  if (is_late || issuing->server->is_stopping) {
    acme_issue_leave(issuing);
    return;
  }
  issuing->delay_ms = issuing->delay_ms ? issuing->delay_ms * 2 : FIRST_DELAY_MS;
  if (issuing->delay_ms > MAX_DELAY_MS) issuing->delay_ms = MAX_DELAY_MS;
  issuing->retry.call = retry_load;
  acme_retry_later(issuing->server, &issuing->retry, issuing->delay_ms);
}

/* Adds a name to the list if its CAA was looked at too long ago. Source: RFC 8659; the baseline
 * requirements' eight hours. */
static mtc_status list_check(struct acme_issuing *issuing, size_t max_checks,
                             const struct acme_authorization *authorization) {
  if (authorization->validated_s >= acme_now_s() - MAX_CAA_AGE_S ||
      authorization->identifier.type != ACME_DNS_NAME)
    return MTC_OK;
  if (!issuing->checks) issuing->checks = mtc_alloc(max_checks, sizeof *issuing->checks);
  if (!issuing->checks) return MTC_NOMEM;
  struct acme_caa_check *check = &issuing->checks[issuing->num_checks++];
  check->issuing = issuing;
  check->validation = (struct acme_validation){
      .type = (enum acme_challenge_type)authorization->challenge,
      .caa_only = true,
      .account_id = authorization->account_id,
      .identifier = authorization->identifier,
  };
  if (authorization->is_wildcard)
    (void)snprintf(check->validation.identifier.value, sizeof check->validation.identifier.value,
                   "*.%.253s", authorization->identifier.value);
  memcpy(check->validation.account_uri, issuing->account_uri, sizeof issuing->account_uri);
  return MTC_OK;
}

/* What finalize found may be otherwise by now: the problem then says so. */
static mtc_status check_account(struct acme_issuing *issuing, const struct acme_order *order,
                                struct mtc_error *error) {
  bool is_valid = false;
  acme_problem_free(&issuing->problem);
  issuing->is_settled = false;
  mtc_status status =
      acme_account_is_valid(issuing->server->db, order->account_id, &is_valid, error);
  if (!status && !is_valid)
    (void)acme_fail(&issuing->problem, ACME_UNAUTHORIZED, "the account was deactivated");
  return status;
}

static mtc_status check_authorizations(struct acme_issuing *issuing, const struct acme_order *order,
                                       struct mtc_error *error) {
  struct acme_problem *problem = &issuing->problem;
  mtc_status status = MTC_OK;
  int64_t now_s = acme_now_s();
  mtc_free(issuing->checks);
  issuing->num_checks = 0;
  issuing->checks = NULL;
  for (size_t i = 0; i < order->num_authorizations && !status && !problem->type; i++) {
    struct acme_authorization authorization;
    status = acme_authorization_load(issuing->server->db, order->authorizations[i], &authorization,
                                     error);
    if (status) break;
    enum acme_state state =
        authorization.id ? acme_authorization_state(&authorization, now_s) : ACME_EXPIRED;
    if (state != ACME_VALID)
      (void)acme_fail(problem, ACME_UNAUTHORIZED, "the authorization for %s is %s",
                      authorization.identifier.value, acme_state_name(state));
    else if (!issuing->is_caa_checked)
      status = list_check(issuing, order->num_authorizations, &authorization);
    acme_authorization_free(&authorization);
  }
  return status;
}

/* Takes from an order what the other steps need. */
static mtc_status take_order(struct acme_issuing *issuing, const struct acme_order *order,
                             struct mtc_error *error) {
  (void)snprintf(issuing->profile, sizeof issuing->profile, "%s", order->profile);
  (void)snprintf(issuing->account_uri, sizeof issuing->account_uri, "%s/account/%016llx",
                 issuing->server->config->url, (unsigned long long)order->account_id);
  mtc_bytes_clear(&issuing->csr);
  if (!acme_append_decoded_base64url(&issuing->csr, mtc_span_of_text(order->csr)))
    return mtc_fail(error, MTC_CORRUPT, "order %016llx: its CSR is damaged",
                    (unsigned long long)order->id);
  return check_authorizations(issuing, order, error);
}

static mtc_status load_run(struct acme_job *job, struct mtc_error *error) {
  struct acme_issuing *issuing = (struct acme_issuing *)job;
  struct acme_order order;
  mtc_status status = acme_order_load(issuing->server->db, issuing->order_id, &order, error);
  issuing->is_current = !status && order.id && order.state == ACME_PROCESSING &&
                        order.claimed_s == issuing->claimed_s;
  if (issuing->is_current) status = check_account(issuing, &order, error);
  if (issuing->is_current && !status) status = take_order(issuing, &order, error);
  acme_order_free(&order);
  return status;
}

static void go_on(struct acme_issuing *issuing) {
  if (issuing->problem.type)
    acme_issue_give_up(issuing);
  else if (!issuing->is_caa_checked && issuing->num_checks)
    acme_issue_check_caa(issuing);
  else
    acme_issue_call(issuing);
}

static void loaded(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_issuing *issuing = (struct acme_issuing *)job;
  (void)text;
  if (status)
    acme_issue_again(issuing);
  else if (!issuing->is_current)
    acme_issue_leave(issuing); /* another process was quicker, or has it now */
  else
    go_on(issuing);
}

static void load(struct acme_issuing *issuing) {
  issuing->job.run = load_run;
  issuing->job.done = loaded;
  acme_jobs_put(issuing->server->jobs, &issuing->job);
}

static struct acme_issuing *make(struct acme_server *server, uint64_t order_id, int64_t claimed_s) {
  struct acme_issuing *issuing = mtc_alloc(1, sizeof *issuing);
  if (!issuing) return NULL;
  issuing->server = server;
  issuing->order_id = order_id;
  issuing->claimed_s = claimed_s;
  issuing->begun_ms = mtc_clock_monotonic_ms();
  return issuing;
}

void acme_issue_resume(struct acme_server *server, uint64_t order_id, int64_t claimed_s) {
  struct acme_issuing *issuing = make(server, order_id, claimed_s);
  if (!issuing) return; /* claimed, so it is swept once more */
  issuing->may_be_known = true;
  load(issuing);
}

mtc_status acme_issue_prepare(struct acme_server *server, const struct acme_order *order,
                              struct acme_issuing **out, struct mtc_error *error) {
  *out = make(server, order->id, order->claimed_s);
  if (!*out) return MTC_NOMEM;
  mtc_status status = take_order(*out, order, error);
  if (!status) return MTC_OK;
  acme_issue_leave(*out);
  *out = NULL;
  return status;
}

void acme_issue_begin(struct acme_issuing *issuing, struct acme_request *waiting) {
  issuing->waiting = wait_for(issuing, waiting);
  go_on(issuing);
}
