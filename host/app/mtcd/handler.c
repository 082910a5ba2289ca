/* From the socket to the pool, and from the pool to the methods. */
#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

static void free_job(struct job *job) {
  mtc_bytes_free(&job->body);
  mtc_free(job);
}

void daemon_handle(void *context, uint8_t method, struct mtc_span body,
                   struct mtc_rpc_request *request) {
  struct daemon *daemon = context;
  struct job *job = mtc_alloc(1, sizeof *job);
  mtc_status status = MTC_NOMEM;
  if (job) {
    job->daemon = daemon;
    job->request = request;
    job->method = method;
    mtc_bytes_append_span(&job->body, body);
    status = mtc_bytes_status(&job->body);
    bool may_be_direct = method == MTC_RPC_ISSUE_DIRECT || method == MTC_RPC_WITHDRAW;
    struct pool *pool = may_be_direct ? direct_pool(daemon, body) : &daemon->pool;
    if (!status) status = pool_push(pool, job);
    if (status) free_job(job);
  }
  if (status)
    mtc_rpc_refuse(
        request, status,
        status == MTC_BUSY ? "too many requests are waiting; try again later" : "out of memory");
}

/* A method checks itself what is inside a body of the right length. */
static const struct method {
  mtc_status (*run)(struct job *job, struct mtc_bytes *out, struct mtc_error *error);
  size_t min_len, max_len;
} methods[] = {
    [MTC_RPC_CERTIFICATE] = {method_certificate, 9, 9},
    [MTC_RPC_RESERVE] = {method_reserve, 8, MTC_RPC_MAX_FRAME},
    [MTC_RPC_LANDMARK_ALLOCATE] = {method_landmark_allocate, 0, 0},
    [MTC_RPC_LANDMARK_LIST] = {method_landmark_list, 0, 0},
    [MTC_RPC_STATUS] = {method_status, 0, 0},
    [MTC_RPC_CA_CERTIFICATE] = {method_ca_certificate, 0, 0},
    [MTC_RPC_CHECKPOINT] = {method_checkpoint, 0, 0},
    [MTC_RPC_TRUSTED_SUBTREES] = {method_trusted_subtrees, 1, 1},
    [MTC_RPC_CARD_READMIT] = {method_card_readmit, 0, 0},
    [MTC_RPC_SIGNER_UNLATCH] = {method_signer_unlatch, 0, 0},
    [MTC_RPC_ISSUE_DIRECT] = {method_issue_direct, 5, MTC_RPC_MAX_FRAME},
    [MTC_RPC_REVOKE] = {method_revoke, 3, 22},
    [MTC_RPC_INSTANCES] = {method_instances, 0, 0},
    [MTC_RPC_REVOCATIONS] = {method_revocations, 8, 8},
    [MTC_RPC_LANDMARK_SCHEDULE] = {method_landmark_schedule, 0, 0},
    [MTC_RPC_DIRECT_CERTIFICATE] = {method_direct_certificate, 2, 21},
};

static mtc_status run_method(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  bool is_known = job->method < sizeof methods / sizeof *methods && methods[job->method].run;
  if (!is_known) return mtc_fail(error, MTC_INPUT, "method %u is unknown", job->method);
  const struct method *method = &methods[job->method];
  if (job->body.len < method->min_len || job->body.len > method->max_len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  return method->run(job, out, error);
}

void daemon_run_job(struct job *job) {
  struct mtc_error error = {""};
  struct mtc_bytes answer = {0};
  bool answered = false;
  mtc_status status;
  if (job->is_receipt)
    status = method_issued(job, &answer, &error);
  else if (job->method == MTC_RPC_ISSUE || job->method == MTC_RPC_ISSUE_TBS)
    status = method_issue(job, &answered, &error);
  else if (job->method == MTC_RPC_WITHDRAW)
    status = method_withdraw(job, &answer, &answered, &error);
  else
    status = run_method(job, &answer, &error);
  if (!status && !answered) status = mtc_bytes_status(&answer);
  if (status)
    mtc_rpc_refuse(job->request, status, error.text[0] ? error.text : mtc_status_name(status));
  else if (!answered)
    mtc_rpc_answer(job->request, mtc_span_of_bytes(&answer));
  mtc_bytes_free(&answer);
  free_job(job);
}
