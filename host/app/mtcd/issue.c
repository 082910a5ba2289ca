/* Issuance: a request becomes an entry, the entry is logged, the log's answer a certificate. */
#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

/* Runs on the engine's thread: the certificate is made by the pool. */
void issue_logged(void *context, const struct mtc_receipt *receipt) {
  struct job *job = context;
  job->receipt = *receipt;
  job->is_receipt = true;
  if (pool_push(&job->daemon->pool, job)) {
    /* Receipts are always taken; not reached. */
    mtc_rpc_refuse(job->request, MTC_BUSY, "too many requests are waiting");
    mtc_free(job);
  }
}

/* The engine may answer, and the pool free that job, before submit returns. */
struct job *issue_waiting_job(const struct job *job) {
  struct job *waiting = mtc_alloc(1, sizeof *waiting);
  if (!waiting) return NULL;
  waiting->daemon = job->daemon;
  waiting->request = job->request;
  waiting->method = job->method;
  return waiting;
}

mtc_status read_request_id(struct mtc_span id, char out[72], struct mtc_error *error) {
  if (id.len > 64) return mtc_fail(error, MTC_INPUT, "the request ID is longer than 64 characters");
  for (size_t i = 0; i < id.len; i++) {
    if (id.data[i] <= 0x20 || id.data[i] >= 0x7f)
      return mtc_fail(error, MTC_INPUT, "the request ID has a byte that is not printable ASCII");
    out[i] = (char)id.data[i];
  }
  out[id.len] = 0;
  return MTC_OK;
}

static mtc_status read_csr_request(struct job *job, struct mtc_submission *submission,
                                   char request_id[72], struct mtc_bytes *entry,
                                   struct mtc_bytes *public_key, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_span name, id, csr;
  const struct app_config *config = job->daemon->config;
  if (!mtc_read_prefixed(&reader, 1, &name) || !mtc_read_prefixed(&reader, 1, &id) ||
      !mtc_read_prefixed(&reader, 3, &csr) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  const struct mtc_profile *profile = config_find_profile(config, name);
  if (!profile)
    return mtc_fail(error, MTC_INPUT, "there is no certificate profile \"%.*s\" in mtc.yaml",
                    (int)name.len, (const char *)name.data);
  mtc_status status = read_request_id(id, request_id, error);
  if (status) return status;
  if (id.len) submission->request_id = request_id;
  const struct mtc_span asked[] = {mtc_span_of_text("csr\n"), name, mtc_span_of_text("\n"), csr};
  mtc_hash_parts(asked, 4, &submission->request_digest);
  return mtc_entry_from_csr(config->wire, &config->ca_id, profile, csr, mtc_clock_now_ms() / 1000,
                            entry, public_key, error);
}

static mtc_status read_tbs_request(struct job *job, struct mtc_submission *submission,
                                   struct mtc_bytes *entry, struct mtc_bytes *public_key,
                                   struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  const struct app_config *config = job->daemon->config;
  struct mtc_span tbs;
  uint64_t serial;
  if (!mtc_read_prefixed(&reader, 3, &tbs) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  int64_t now_s = mtc_clock_now_ms() / 1000;
  mtc_status status =
      mtc_entry_from_tbs(config->wire, &config->ca_id, tbs, now_s,
                         now_s + config->engine.max_lifetime_s, entry, public_key, &serial, error);
  if (status) return status;
  if (serial >> 48 != config->log_number)
    return mtc_fail(error, MTC_INPUT, "the serial number is of log %llu; this is log %llu",
                    (unsigned long long)(serial >> 48), (unsigned long long)config->log_number);
  mtc_hash_message(tbs, &submission->request_digest);
  submission->at_reserved = true;
  submission->reserved_index = serial & ((UINT64_C(1) << 48) - 1);
  return MTC_OK;
}

mtc_status method_issue(struct job *job, bool *out_answered, struct mtc_error *error) {
  struct mtc_bytes entry = {0}, public_key = {0};
  struct mtc_submission submission = {0};
  char request_id[72];
  struct job *waiting = issue_waiting_job(job);
  if (!waiting) return MTC_NOMEM;
  mtc_status status =
      job->method == MTC_RPC_ISSUE
          ? read_csr_request(job, &submission, request_id, &entry, &public_key, error)
          : read_tbs_request(job, &submission, &entry, &public_key, error);
  submission.entry = mtc_span_of_bytes(&entry);
  submission.public_key = mtc_span_of_bytes(&public_key);
  if (!status)
    status = mtc_engine_submit(job->daemon->engine, &submission, issue_logged, waiting, error);
  if (status) mtc_free(waiting);
  *out_answered = status == MTC_OK;
  mtc_bytes_free(&entry);
  mtc_bytes_free(&public_key);
  return status;
}

mtc_status method_issued(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  const struct mtc_receipt *receipt = &job->receipt;
  if (receipt->status) return mtc_fail(error, receipt->status, "%s", receipt->error.text);
  if (job->method == MTC_RPC_WITHDRAW) mtc_bytes_append_uint(out, 1, 1);
  mtc_bytes_append_uint(out, receipt->log_number << 48 | receipt->index, 8);
  size_t prefix = mtc_bytes_open_prefix(out, 3);
  mtc_status status =
      mtc_engine_certificate(job->daemon->engine, receipt->index, false, out, NULL, error);
  mtc_bytes_close_prefix(out, prefix, 3);
  return status;
}

mtc_status method_withdraw(struct job *job, struct mtc_bytes *out, bool *out_answered,
                           struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_span name, id;
  char request_id[72];
  bool is_known = false, is_direct = false;
  *out_answered = false;
  if (!mtc_read_prefixed(&reader, 1, &name) || !mtc_read_prefixed(&reader, 1, &id) || !id.len ||
      reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  mtc_status status = read_request_id(id, request_id, error);
  if (!status) status = direct_withdraw(job, name, request_id, &is_direct, out, error);
  if (status || is_direct) return status;
  /* It may be there again: nothing is decided by its absence. */
  if (!config_find_profile(job->daemon->config, name))
    return mtc_fail(error, MTC_BUSY, "there is no certificate profile \"%.*s\" in mtc.yaml",
                    (int)name.len, (const char *)name.data);
  struct job *waiting = issue_waiting_job(job);
  if (!waiting) return MTC_NOMEM;
  status =
      mtc_engine_withdraw(job->daemon->engine, request_id, issue_logged, waiting, &is_known, error);
  *out_answered = !status && is_known;
  if (*out_answered) return MTC_OK;
  mtc_free(waiting);
  bool is_lost = status == MTC_INPUT; /* the ID was checked: it is an earlier log's */
  mtc_bytes_append_uint(out, is_lost ? 2 : 0, 1);
  return is_lost ? MTC_OK : status;
}
