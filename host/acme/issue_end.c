/* The call of the CA's daemon and what comes of it. */
#include <string.h>

#include "acme/certificate_cache.h"
#include "acme/delivery.h"
#include "acme/issue.h"
#include "entry/fields.h"
#include "mtc/runtime.h"

/* Read out of the daemon's answer. */
struct issued {
  struct mtc_bytes serial; /* hexadecimal and a zero */
  struct mtc_span certificate;
};

static void call_failed(struct acme_job *job, mtc_status status, const char *text) {
  (void)status, (void)text;
  acme_issue_again((struct acme_issuing *)job);
}

static void call_ended(struct acme_job *job, mtc_status status, const char *text) {
  (void)status, (void)text;
  acme_issue_end((struct acme_issuing *)job);
}

static void failed(struct acme_issuing *issuing, const struct acme_ca_result *result) {
  mtc_log(MTC_LOG_WARNING, "issuance", "order=%016llx status=%s error=%s",
          (unsigned long long)issuing->order_id, mtc_status_name(result->status), result->text);
  if (result->may_be_done) issuing->may_be_known = true;
  issuing->job.done = call_failed;
}

/* INPUT is about the CSR and final; everything else may be better the next time. */
static void called(void *context, const struct acme_ca_result *result) {
  struct acme_issuing *issuing = context;
  issuing->job.run = NULL;
  issuing->job.done = call_ended;
  mtc_bytes_clear(&issuing->answer);
  if (result->status == MTC_OK) {
    issuing->may_be_known = true;
    mtc_bytes_append_span(&issuing->answer, result->body);
    if (mtc_bytes_status(&issuing->answer)) issuing->job.done = call_failed;
  } else if (result->status == MTC_INPUT) {
    (void)acme_fail(&issuing->problem, ACME_BAD_CSR, "the CA refused the CSR: %s", result->text);
    issuing->is_settled = true;
  } else {
    failed(issuing, result);
  }
  acme_jobs_put(issuing->server->jobs, &issuing->job);
}

static const struct acme_instance *find_instance(struct acme_issuing *issuing) {
  const struct acme_instance *instance =
      acme_instances_find(issuing->server->instances, issuing->profile);
  if (!instance || !instance->is_known || !instance->ca) return NULL;
  issuing->is_tree = instance->is_tree;
  return instance;
}

static void append_key(const struct acme_issuing *issuing, const struct acme_instance *instance,
                       struct mtc_bytes *out) {
  char request_id[ACME_ID_TEXT_LEN + 1];
  acme_format_id(issuing->order_id, request_id);
  mtc_bytes_append_prefixed(out, mtc_span_of_text(instance->profile->profile), 1);
  mtc_bytes_append_prefixed(out, mtc_span_of_text(request_id), 1);
}

void acme_issue_call(struct acme_issuing *issuing) {
  const struct acme_instance *instance = find_instance(issuing);
  struct mtc_bytes body = {0};
  if (!instance) {
    acme_issue_again(issuing);
    return;
  }
  append_key(issuing, instance, &body);
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&issuing->csr), 3);
  mtc_status status = mtc_bytes_status(&body);
  if (!status)
    status =
        acme_ca_call_now(instance->ca, instance->is_tree ? MTC_RPC_ISSUE : MTC_RPC_ISSUE_DIRECT,
                         mtc_span_of_bytes(&body), ACME_CA_TIMEOUT_MS, called, issuing);
  mtc_bytes_free(&body);
  if (status) acme_issue_again(issuing);
}

/* Until the daemon has said what is or will be, nothing is decided: one that does not know this
 * call is no answer either. */
static void withdrawn(void *context, const struct acme_ca_result *result) {
  struct acme_issuing *issuing = context;
  struct mtc_reader reader = mtc_reader_of(result->body);
  uint64_t answer = 0;
  issuing->job.run = NULL;
  issuing->job.done = call_ended;
  mtc_bytes_clear(&issuing->answer);
  if (result->status) {
    failed(issuing, result);
  } else if (!mtc_read_uint(&reader, 1, &answer) || answer > 2) {
    mtc_log(MTC_LOG_ERROR, "withdrawal", "order=%016llx error=\"not understood\"",
            (unsigned long long)issuing->order_id);
    issuing->job.done = call_failed;
  } else if (answer == 1) {
    mtc_bytes_append_span(&issuing->answer, mtc_span_of(reader.data, reader.len));
    acme_problem_free(&issuing->problem);
    if (mtc_bytes_status(&issuing->answer)) issuing->job.done = call_failed;
  } else {
    if (answer == 2)
      mtc_log(MTC_LOG_ERROR, "withdrawal",
              "order=%016llx error=\"the daemon has no certificate any more\"",
              (unsigned long long)issuing->order_id);
    issuing->is_settled = true;
  }
  acme_jobs_put(issuing->server->jobs, &issuing->job);
}

void acme_issue_give_up(struct acme_issuing *issuing) {
  struct mtc_bytes body = {0};
  if (!issuing->may_be_known) {
    acme_issue_end(issuing);
    return;
  }
  const struct acme_instance *instance = find_instance(issuing);
  if (!instance) {
    acme_issue_again(issuing);
    return;
  }
  append_key(issuing, instance, &body);
  mtc_status status = mtc_bytes_status(&body);
  if (!status)
    status = acme_ca_call_now(instance->ca, MTC_RPC_WITHDRAW, mtc_span_of_bytes(&body),
                              ACME_CA_TIMEOUT_MS, withdrawn, issuing);
  mtc_bytes_free(&body);
  if (status) acme_issue_again(issuing);
}

static mtc_status read_answer(const struct acme_issuing *issuing, struct issued *out,
                              struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&issuing->answer));
  struct mtc_span serial;
  bool is_read = issuing->is_tree ? mtc_read_span(&reader, 8, &serial)
                                  : mtc_read_prefixed(&reader, 1, &serial);
  *out = (struct issued){0};
  if (!is_read || serial.len < 1 || serial.len > 20 ||
      !mtc_read_prefixed(&reader, 3, &out->certificate) || reader.len)
    return mtc_fail(error, MTC_CORRUPT, "the CA's daemon answered what is not understood");
  mtc_bytes_append_hex(&out->serial, serial);
  mtc_bytes_append_uint(&out->serial, 0, 1);
  return mtc_bytes_status(&out->serial);
}

/* PKCS#10: SEQUENCE { SEQUENCE { version, subject, subjectPKInfo, ... }, ... }, which was checked.
 */
static mtc_status check_key(struct mtc_span csr, struct mtc_span public_key,
                            struct mtc_error *error) {
  struct mtc_der request, info, element;
  if (!mtc_der_whole(csr, MTC_DER_SEQUENCE, &request))
    return mtc_fail(error, MTC_CORRUPT, "the order's CSR");
  struct mtc_reader reader = mtc_der_enter(&request);
  if (!mtc_der_next(&reader, &info)) return mtc_fail(error, MTC_CORRUPT, "the order's CSR");
  reader = mtc_der_enter(&info);
  for (unsigned i = 0; i < 3; i++)
    if (!mtc_der_next(&reader, &element)) return mtc_fail(error, MTC_CORRUPT, "the order's CSR");
  if (!mtc_span_equal(element.tlv, public_key))
    return mtc_fail(error, MTC_CORRUPT, "the CA's certificate has another key than the CSR");
  return MTC_OK;
}

static mtc_status describe(const struct issued *issued, struct mtc_span csr,
                           const struct acme_order *order, struct acme_issued *out,
                           struct mtc_error *error) {
  struct mtc_certificate certificate;
  *out = (struct acme_issued){.order_id = order->id, .account_id = order->account_id};
  mtc_status status = mtc_certificate_parse(issued->certificate, &certificate, error);
  if (!status) status = acme_cert_id(&certificate, out->cert_id, error);
  if (status) return mtc_fail_within(error, MTC_CORRUPT, "the CA's certificate");
  status = check_key(csr, certificate.public_key, error);
  if (status) return status;
  acme_sha256_hex(certificate.public_key, out->spki_sha256);
  (void)snprintf(out->profile, sizeof out->profile, "%s", order->profile);
  (void)snprintf(out->serial, sizeof out->serial, "%s", (const char *)issued->serial.data);
  out->not_before_s = certificate.not_before;
  out->not_after_s = certificate.not_after;
  return status;
}

static mtc_status make_valid(struct acme_issuing *issuing, struct acme_order *order,
                             struct mtc_error *error) {
  struct acme_server *server = issuing->server;
  struct issued issued;
  struct acme_issued row;
  mtc_status status = read_answer(issuing, &issued, error);
  if (!status) status = describe(&issued, mtc_span_of_bytes(&issuing->csr), order, &row, error);
  if (!status && issuing->is_tree && server->config->yaml->landmark_public_url)
    status = acme_random_token(16, order->landmark_token, error);
  if (!status) {
    mtc_free(order->serial);
    order->serial = mtc_strdup(row.serial);
    order->state = ACME_VALID;
    status = order->serial ? MTC_OK : MTC_NOMEM;
  }
  if (!status) status = acme_issued_insert(server->db, &row, error);
  if (!status) status = acme_order_update(server->db, order, error);
  if (!status) {
    acme_certificate_cache_put(server->certificates, order->id, issued.certificate);
    mtc_log(MTC_LOG_INFO, "issued", "order=%016llx account=%016llx profile=%s serial=%s",
            (unsigned long long)order->id, (unsigned long long)order->account_id, order->profile,
            row.serial);
  }
  mtc_bytes_free(&issued.serial);
  return status;
}

/* Writes an order that came to nothing. */
static mtc_status give_back(struct acme_issuing *issuing, const struct acme_order *order,
                            struct mtc_error *error) {
  mtc_status status =
      acme_order_limits_give_back(issuing->server, order, issuing->claimed_s, error);
  return status ? status : acme_order_update(issuing->server->db, order, error);
}

/* A CSR that the CA does not take costs its sender no order, as long as nobody was told that the
 * order is processing: it is ready again, for another CSR. The daemon keeps nothing of it. */
static mtc_status make_ready(struct acme_issuing *issuing, struct acme_order *order,
                             struct mtc_error *error) {
  order->csr[0] = 0;
  order->state = ACME_PENDING;
  mtc_log(MTC_LOG_INFO, "csr-refused", "order=%016llx account=%016llx detail=%s",
          (unsigned long long)order->id, (unsigned long long)order->account_id,
          issuing->problem.detail);
  return give_back(issuing, order, error);
}

static mtc_status make_invalid(struct acme_issuing *issuing, struct acme_order *order,
                               struct mtc_error *error) {
  mtc_free(order->error);
  order->error = acme_json_problem_text(&issuing->problem);
  if (!order->error) return MTC_NOMEM;
  order->state = ACME_INVALID;
  mtc_log(MTC_LOG_INFO, "order-failed", "order=%016llx account=%016llx problem=%s detail=%s",
          (unsigned long long)order->id, (unsigned long long)order->account_id,
          acme_problem_urn(issuing->problem.type), issuing->problem.detail);
  return give_back(issuing, order, error);
}

/* The JSON for who waits is kept in the request that does, which is sent only after the commit. */
struct ending {
  struct acme_job job; /* first */
  struct acme_issuing *issuing;
  json_t *json;
  bool is_refused; /* the order is ready again, and who waits gets the problem */
};

static mtc_status end_run(struct acme_job *job, struct mtc_error *error) {
  struct ending *ending = (struct ending *)job;
  struct acme_issuing *issuing = ending->issuing;
  struct acme_order order;
  mtc_status status = acme_order_load(issuing->server->db, issuing->order_id, &order, error);
  bool is_current = !status && order.id && order.state == ACME_PROCESSING;
  /* That the daemon does not have the request, only who has the order can say. */
  if (issuing->problem.type && !issuing->is_settled)
    is_current = is_current && order.claimed_s == issuing->claimed_s;
  if (is_current) {
    order.claimed_s = 0;
    ending->is_refused =
        issuing->problem.type == ACME_BAD_CSR && issuing->waiting && !issuing->may_be_known;
    status = ending->is_refused      ? make_ready(issuing, &order, error)
             : issuing->problem.type ? make_invalid(issuing, &order, error)
                                     : make_valid(issuing, &order, error);
  }
  if (!status && order.id && order.state != ACME_PROCESSING && issuing->waiting &&
      !ending->is_refused)
    ending->json = acme_order_json(issuing->server, &order, order.state);
  acme_order_free(&order);
  return status;
}

static void ended(struct acme_job *job, mtc_status status, const char *text) {
  struct ending *ending = (struct ending *)job;
  struct acme_issuing *issuing = ending->issuing;
  (void)text;
  if (status) {
    json_decref(ending->json);
    acme_problem_free(&issuing->problem);
    acme_issue_again(issuing);
  } else {
    if (ending->is_refused)
      acme_issue_refuse(issuing);
    else
      acme_issue_answer(issuing, ending->json);
    acme_issue_leave(issuing);
  }
  mtc_free(ending);
}

void acme_issue_end(struct acme_issuing *issuing) {
  struct ending *ending = mtc_alloc(1, sizeof *ending);
  if (!ending) {
    acme_problem_free(&issuing->problem);
    acme_issue_again(issuing);
    return;
  }
  ending->issuing = issuing;
  ending->job.run = end_run;
  ending->job.done = ended;
  acme_jobs_put(issuing->server->jobs, &ending->job);
}
