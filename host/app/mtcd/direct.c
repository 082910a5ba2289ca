/* Directly signing CA instances: a certificate is stored, then signed, kept, and only then told. */
#include <string.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

static mtc_status open_one(struct direct *direct, const struct app_direct *config,
                           struct mtc_error *error) {
  int64_t now_s = mtc_clock_now_ms() / 1000;
  direct->config = config;
  if (now_s < config->issuer.not_before || now_s > config->issuer.not_after)
    return mtc_fail(error, MTC_INPUT, "certificate: it %s",
                    now_s > config->issuer.not_after ? "has expired" : "is not valid yet");
  mtc_status status = mtc_signer_open(&config->signer, &direct->signer, error);
  if (status) return mtc_fail_within(error, status, "signer");
  return pool_open(&direct->pool, error);
}

mtc_status direct_open(struct daemon *daemon, struct mtc_error *error) {
  const struct app_config *config = daemon->config;
  if (!config->num_direct) return MTC_OK;
  daemon->direct = mtc_alloc(config->num_direct, sizeof *daemon->direct);
  if (!daemon->direct) return MTC_NOMEM;
  for (unsigned i = 0; i < config->num_direct; i++) {
    mtc_status status = open_one(&daemon->direct[i], &config->direct[i], error);
    if (status) return mtc_fail_within(error, status, "direct.%s", config->direct[i].name);
  }
  return MTC_OK;
}

void direct_stop(struct daemon *daemon) {
  for (unsigned i = 0; daemon->direct && i < daemon->config->num_direct; i++)
    pool_close(&daemon->direct[i].pool);
}

void direct_close(struct daemon *daemon) {
  for (unsigned i = 0; daemon->direct && i < daemon->config->num_direct; i++)
    mtc_signer_close(daemon->direct[i].signer);
  mtc_free(daemon->direct);
  daemon->direct = NULL;
}

static struct direct *find_instance(struct daemon *daemon, struct mtc_span name,
                                    const struct mtc_profile **out_profile) {
  const struct app_direct *config;
  *out_profile = config_find_direct(daemon->config, name, &config);
  return *out_profile ? &daemon->direct[config - daemon->config->direct] : NULL;
}

struct pool *direct_pool(struct daemon *daemon, struct mtc_span body) {
  struct mtc_reader reader = mtc_reader_of(body);
  const struct mtc_profile *profile;
  struct mtc_span name;
  if (!mtc_read_prefixed(&reader, 1, &name)) return &daemon->pool;
  struct direct *direct = find_instance(daemon, name, &profile);
  return direct ? &direct->pool : &daemon->pool;
}

static mtc_status check_key(struct job *job, const struct mtc_direct_row *row,
                            struct mtc_error *error) {
  struct mtc_certificate tbs;
  struct mtc_hash key;
  mtc_status status = mtc_certificate_parse_tbs(mtc_span_of_bytes(&row->tbs), &tbs, error);
  if (status) return status;
  mtc_hash_message(tbs.public_key, &key);
  return mtc_store_check_key(job->daemon->store, &key, error);
}

/* The row that is to be signed, of a request that is new. */
static mtc_status make_row(struct job *job, const struct direct *direct,
                           const struct mtc_profile *profile, struct mtc_span csr,
                           struct mtc_direct_row *row, struct mtc_error *error) {
  (void)strcpy(row->profile, profile->name); /* checked by mtc.yaml's reader: at most 64 */
  mtc_bytes_append_span(&row->issuer, direct->config->issuer.certificate);
  mtc_status status = mtc_bytes_status(&row->issuer);
  if (!status) status = mtc_direct_serial(row->serial, error);
  if (!status)
    status = mtc_direct_tbs_make(&direct->config->issuer, profile, csr, row->serial,
                                 mtc_clock_now_ms() / 1000, &row->tbs, error);
  if (!status) status = check_key(job, row, error);
  /* A crash from here on leaves a certificate that may have been signed, and is known. */
  if (!status) status = mtc_store_add_direct(job->daemon->store, row, error);
  if (!status) mtc_fault_point("direct.stored");
  return status;
}

/* Whether a row that an earlier request made is signed, or can be. */
static mtc_status check_signable(const struct direct *direct, const struct mtc_direct_row *row,
                                 struct mtc_error *error) {
  struct mtc_direct_issuer issuer;
  if (row->certificate.len) return MTC_OK;
  struct mtc_certificate tbs;
  if (mtc_certificate_parse_tbs(mtc_span_of_bytes(&row->tbs), &tbs, error))
    return mtc_fail_within(error, MTC_CORRUPT, "request ID %s", row->request_id);
  if (tbs.not_after < mtc_clock_now_ms() / 1000)
    return mtc_fail(error, MTC_INPUT,
                    "request ID %s is of a certificate that has expired unsigned: use another",
                    row->request_id);
  mtc_status status = mtc_direct_issuer_parse(mtc_span_of_bytes(&row->issuer), &issuer, error);
  if (status) return mtc_fail_within(error, MTC_CORRUPT, "the stored CA certificate");
  if (!mtc_span_equal(issuer.public_key, direct->config->issuer.public_key) ||
      !mtc_span_equal(issuer.subject, direct->config->issuer.subject))
    return mtc_fail(error, MTC_INPUT,
                    "request ID %s is of an instance whose key or name has changed: use another",
                    row->request_id);
  return MTC_OK;
}

/* A row that an earlier request with this ID made. */
static mtc_status check_row(const struct direct *direct, const struct mtc_hash *digest,
                            const struct mtc_direct_row *row, struct mtc_error *error) {
  if (memcmp(row->digest, digest->bytes, sizeof row->digest) != 0)
    return mtc_fail(error, MTC_INPUT, "request ID %s was used for another request",
                    row->request_id);
  return check_signable(direct, row, error);
}

static mtc_status sign_row(struct job *job, const struct direct *direct, struct mtc_direct_row *row,
                           struct mtc_error *error) {
  struct mtc_bytes signature = {0}, certificate = {0};
  struct mtc_span tbs = mtc_span_of_bytes(&row->tbs);
  mtc_status status = mtc_signer_sign(direct->signer, tbs, &signature, error);
  /* A crash here loses the signature: the same bytes are signed again. */
  if (!status) mtc_fault_point("direct.signed");
  if (!status)
    status = mtc_direct_certificate_make(direct->config->issuer.algorithm, tbs,
                                         mtc_span_of_bytes(&signature), &certificate, error);
  if (!status)
    status = mtc_store_sign_direct(job->daemon->store, row->serial, mtc_span_of_bytes(&certificate),
                                   &row->certificate, error);
  /* A crash here costs the answer only. */
  if (!status) mtc_fault_point("direct.kept");
  mtc_bytes_free(&signature);
  mtc_bytes_free(&certificate);
  return status;
}

struct direct_request {
  struct direct *direct;
  const struct mtc_profile *profile;
  struct mtc_span csr;
  struct mtc_hash digest;
};

static mtc_status read_request(struct job *job, struct direct_request *out, char request_id[72],
                               struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_span name, id;
  if (!mtc_read_prefixed(&reader, 1, &name) || !mtc_read_prefixed(&reader, 1, &id) ||
      !mtc_read_prefixed(&reader, 3, &out->csr) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  out->direct = find_instance(job->daemon, name, &out->profile);
  if (!out->direct)
    return mtc_fail(error, MTC_INPUT,
                    "no directly signing instance in mtc.yaml has a certificate profile \"%.*s\"",
                    (int)name.len, (const char *)name.data);
  const struct mtc_span asked[] = {mtc_span_of_text("csr\n"), name, mtc_span_of_text("\n"),
                                   out->csr};
  mtc_hash_parts(asked, 4, &out->digest);
  return read_request_id(id, request_id, error);
}

/* Finds or makes the request's row. Of two at the same time with one ID, one makes it. */
static mtc_status get_row(struct job *job, const struct direct_request *request,
                          const char *request_id, struct mtc_direct_row *row,
                          struct mtc_error *error) {
  struct mtc_store *store = job->daemon->store;
  mtc_status status = MTC_OK;
  bool is_found = false;
  for (int attempt = 0; attempt < 2; attempt++) {
    mtc_direct_row_free(row);
    if (request_id[0])
      status = mtc_store_find_direct_request(store, request_id, &is_found, row, error);
    if (status) return status;
    if (is_found) return check_row(request->direct, &request->digest, row, error);
    (void)strcpy(row->request_id, request_id);
    memcpy(row->digest, request->digest.bytes, sizeof row->digest);
    status = make_row(job, request->direct, request->profile, request->csr, row, error);
    if (status != MTC_INPUT || !request_id[0]) return status;
    status = MTC_OK;
  }
  return MTC_INPUT; /* `error` is still that of the second attempt */
}

static void append_issued(const struct mtc_direct_row *row, struct mtc_bytes *out) {
  mtc_bytes_append_prefixed(out, mtc_span_of(row->serial, sizeof row->serial), 1);
  mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&row->certificate), 3);
}

mtc_status direct_withdraw(struct job *job, struct mtc_span profile_name, const char *request_id,
                           bool *out_is_direct, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_store *store = job->daemon->store;
  struct mtc_direct_row row = {0};
  const struct mtc_profile *profile;
  bool is_used = false;
  struct direct *direct = find_instance(job->daemon, profile_name, &profile);
  *out_is_direct = direct != NULL;
  if (!direct) return MTC_OK;
  mtc_status status = mtc_store_withdraw_request(store, true, request_id, &is_used, error);
  mtc_bytes_append_uint(out, is_used, 1);
  if (status || !is_used) return status;
  status = mtc_store_find_direct_request(store, request_id, &is_used, &row, error);
  /* One that is not signed yet may have been, or is being: it is, as by its request again. */
  if (!status) status = check_signable(direct, &row, error);
  bool is_lost = status == MTC_INPUT;
  if (!status && !row.certificate.len) status = sign_row(job, direct, &row, error);
  if (!status) append_issued(&row, out);
  mtc_direct_row_free(&row);
  if (!is_lost) return status;
  mtc_bytes_clear(out);
  mtc_bytes_append_uint(out, 2, 1);
  return MTC_OK;
}

mtc_status method_issue_direct(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct direct_request request;
  struct mtc_direct_row row = {0};
  char request_id[72] = "";
  mtc_status status = read_request(job, &request, request_id, error);
  if (!status) status = get_row(job, &request, request_id, &row, error);
  if (!status && !row.certificate.len) status = sign_row(job, request.direct, &row, error);
  if (!status) append_issued(&row, out);
  mtc_direct_row_free(&row);
  return status;
}

mtc_status method_direct_certificate(struct job *job, struct mtc_bytes *out,
                                     struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_direct_row row = {0};
  struct mtc_span serial;
  bool is_found = false;
  if (!mtc_read_prefixed(&reader, 1, &serial) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  mtc_status status = mtc_store_find_direct(job->daemon->store, serial, &is_found, &row, error);
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT, "no directly signed certificate has this serial number");
  if (!status && !row.certificate.len)
    status = mtc_fail(error, MTC_BUSY, "the certificate is not signed yet");
  if (!status) {
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&row.certificate), 3);
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&row.issuer), 3);
  }
  mtc_direct_row_free(&row);
  return status;
}
