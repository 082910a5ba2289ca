/* CAA once more before issuance. */
#include "acme/issue.h"
#include "mtc/runtime.h"

/* Source: RFC 8555, "Subproblems" */
static void collect(struct acme_issuing *issuing) {
  for (size_t i = 0; i < issuing->num_checks; i++) {
    const struct acme_caa_check *check = &issuing->checks[i];
    if (check->result.problem == ACME_NONE) continue;
    if (!issuing->problem.type)
      (void)acme_fail(&issuing->problem, check->result.problem, "%s: %s",
                      check->validation.identifier.value, check->result.detail);
    acme_add_subproblem(&issuing->problem, check->result.problem, "dns",
                        check->validation.identifier.value, check->result.detail);
  }
}

static bool is_ours(const struct acme_issuing *issuing) {
  for (size_t i = 0; i < issuing->num_checks; i++)
    if (issuing->checks[i].result.problem == ACME_SERVER_INTERNAL) return true;
  return false;
}

static void check_done(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_issuing *issuing = ((struct acme_caa_check *)job)->issuing;
  (void)status, (void)text;
  if (--issuing->num_open) return;
  if (is_ours(issuing)) { /* a failure of our own decides nothing */
    acme_issue_again(issuing);
    return;
  }
  collect(issuing);
  /* A refusal that could not be written is found again: it must not be forgotten with the attempt.
   */
  issuing->is_caa_checked = !issuing->problem.type;
  if (issuing->problem.type)
    acme_issue_give_up(issuing);
  else
    acme_issue_call(issuing);
}

static void put(struct acme_caa_check *check) {
  check->job.run = NULL;
  check->job.done = check_done;
  acme_jobs_put(check->issuing->server->jobs, &check->job);
}

static void checked(void *context, const struct acme_validation_result *result) {
  struct acme_caa_check *check = context;
  check->result = *result;
  put(check);
}

void acme_issue_check_caa(struct acme_issuing *issuing) {
  struct acme_server *server = issuing->server;
  issuing->num_open = issuing->num_checks;
  for (size_t i = 0; i < issuing->num_checks; i++) {
    struct acme_caa_check *check = &issuing->checks[i];
    check->result = (struct acme_validation_result){.problem = ACME_SERVER_INTERNAL};
    if (!server->validator ||
        acme_validator_submit(server->validator, &check->validation, checked, check))
      put(check);
  }
}
