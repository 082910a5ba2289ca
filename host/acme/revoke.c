/* revokeCert. Source: RFC 8555, "Certificate Revocation" */
#include <string.h>

#include "acme/certificate.h"
#include "mtc/runtime.h"

#define NUM_REASONS 11
#define KEY_COMPROMISE 1

/* What a subscriber can know: not what is the CA's to say, and not holds, which no MTC has. */
static const bool reasons[NUM_REASONS] = {
    [0] = true, [1] = true, [3] = true, [4] = true, [5] = true, [9] = true};

/* A request's effect: like a fetch, as the call of the daemon is. */
struct revoking {
  struct acme_fetch fetch; /* first */
  char cert_id[ACME_MAX_CERT_ID];
  unsigned reason;
  int64_t revoked_s;
};

/* Whether the account has a valid authorization for every name. */
static mtc_status has_names(struct acme_request *request, const struct acme_issued *issued,
                            bool *out, struct mtc_error *error) {
  sqlite3 *db = request->server->db;
  struct acme_identifier *names = mtc_alloc(ACME_MAX_IDENTIFIERS, sizeof *names);
  struct acme_order order;
  size_t num = 0;
  *out = false;
  if (!names) return MTC_NOMEM;
  mtc_status status = acme_order_load(db, issued->order_id, &order, error);
  if (!status && order.id) status = acme_order_identifiers(&order, names, &num, error);
  *out = num > 0;
  for (size_t i = 0; i < num && *out && !status; i++) {
    struct acme_authorization authorization;
    status = acme_authorization_find_valid(db, request->account.id, &names[i], 0, acme_now_s(),
                                           &authorization, error);
    *out = !status && authorization.id != 0;
    acme_authorization_free(&authorization);
  }
  acme_order_free(&order);
  mtc_free(names);
  return status;
}

static mtc_status check_right(struct acme_request *request, const struct acme_issued *issued,
                              struct mtc_error *error) {
  bool is_right = false;
  mtc_status status = MTC_OK;
  /* The key is compared with that of the certificate that was issued: a forged certificate with
   * another key and the same serial number gives nobody a right. */
  if (request->jws.jwk)
    is_right = strcmp(request->key.spki_sha256, issued->spki_sha256) == 0;
  else if (issued->account_id == request->account.id)
    is_right = true;
  else
    status = has_names(request, issued, &is_right, error);
  if (!status && !is_right)
    return acme_refuse(request, ACME_UNAUTHORIZED,
                       "neither the certificate's account nor its key, nor authorized for all of"
                       " its names");
  return status;
}

static bool read_reason(struct acme_request *request, unsigned *out) {
  const json_t *reason = json_object_get(request->jws.json, "reason");
  json_int_t value = json_integer_value(reason);
  *out = (unsigned)value;
  if (!reason || (json_is_integer(reason) && value >= 0 && value < NUM_REASONS && reasons[value]))
    return true;
  (void)acme_refuse(request, ACME_BAD_REVOCATION_REASON,
                    "the reason is none of 0 unspecified, 1 keyCompromise, 3 affiliationChanged,"
                    " 4 superseded, 5 cessationOfOperation, 9 privilegeWithdrawn");
  return false;
}

static mtc_status write_revocation(struct acme_job *job, struct mtc_error *error) {
  struct acme_request *request = (struct acme_request *)job;
  const struct revoking *revoking = request->effect;
  struct acme_issued issued;
  sqlite3 *db = request->server->db;
  mtc_status status = acme_issued_load(db, revoking->cert_id, &issued, error);
  if (!status && revoking->reason == KEY_COMPROMISE)
    status = acme_compromised_insert(db, issued.spki_sha256, error);
  if (status || issued.revoked_s) return status;
  issued.revoked_s = revoking->revoked_s;
  issued.reason = revoking->reason;
  return acme_issued_update(db, &issued, error);
}

/* The revocation is durable with the CA: that our row is not is no failure for the client, who may
 * repeat the request. */
static void written(struct acme_job *job, mtc_status status, const char *text) {
  (void)status, (void)text;
  acme_request_send((struct acme_request *)job);
}

static void revoked(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_request *request = (struct acme_request *)job;
  struct revoking *revoking = request->effect;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&request->reply));
  uint64_t time_s;
  (void)status, (void)text;
  if (request->reply_status || !mtc_read_uint(&reader, 8, &time_s) || time_s > INT64_MAX) {
    mtc_log(MTC_LOG_ERROR, "revocation", "serial=%s failed=%s", revoking->fetch.serial,
            mtc_status_name(request->reply_status));
    acme_fetch_unavailable(request);
    return;
  }
  mtc_log(MTC_LOG_INFO, "revoked", "serial=%s reason=%u by=%s", revoking->fetch.serial,
          revoking->reason, request->jws.kid ? request->jws.kid : "certificate-key");
  revoking->revoked_s = (int64_t)time_s;
  request->job.run = write_revocation;
  request->job.done = written;
  acme_jobs_put(request->server->jobs, &request->job);
}

static void begin(struct acme_request *request) {
  struct revoking *revoking = request->effect;
  struct mtc_bytes serial = {0}, body = {0};
  if (acme_append_hex_serial(revoking->fetch.serial, &serial, NULL)) body.failed = true;
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&serial), 1);
  mtc_bytes_append_uint(&body, revoking->reason, 1);
  acme_fetch_call(request, MTC_RPC_REVOKE, &body, revoked);
  mtc_bytes_free(&serial);
  mtc_bytes_free(&body);
}

static mtc_status revoke(struct acme_request *request, const char *cert_id, unsigned reason,
                         struct mtc_error *error) {
  struct acme_issued issued;
  mtc_status status = acme_issued_load(request->server->db, cert_id, &issued, error);
  if (status) return status;
  if (!issued.cert_id[0]) {
    (void)acme_refuse(request, ACME_MALFORMED, "the certificate was not issued here");
    request->problem.http_status = 404;
    return MTC_OK;
  }
  status = check_right(request, &issued, error);
  if (status || request->problem.type) return status;
  /* That its key is compromised may be found out later: the key is refused from then on. */
  bool is_known = reason != KEY_COMPROMISE;
  if (!is_known)
    status = acme_compromised_find(request->server->db, issued.spki_sha256, &is_known, error);
  if (status) return status;
  if (issued.revoked_s && is_known)
    return acme_refuse(request, ACME_ALREADY_REVOKED, "the certificate was revoked before");
  struct revoking *revoking = mtc_alloc(1, sizeof *revoking);
  if (!revoking) return MTC_NOMEM;
  request->effect = revoking;
  (void)snprintf(revoking->fetch.profile, sizeof revoking->fetch.profile, "%s", issued.profile);
  (void)snprintf(revoking->fetch.serial, sizeof revoking->fetch.serial, "%s", issued.serial);
  (void)snprintf(revoking->cert_id, sizeof revoking->cert_id, "%s", issued.cert_id);
  revoking->reason = reason;
  request->after = begin;
  return MTC_OK;
}

mtc_status acme_revoke(struct acme_request *request, struct mtc_error *error) {
  const char *text = json_string_value(json_object_get(request->jws.json, "certificate"));
  struct mtc_bytes der = {0};
  struct mtc_certificate certificate;
  char cert_id[ACME_MAX_CERT_ID];
  struct mtc_error why = {""};
  unsigned reason;
  mtc_status status = MTC_OK;
  if (!text) return acme_refuse(request, ACME_MALFORMED, "certificate is missing");
  if (!acme_append_decoded_base64url(&der, mtc_span_of_text(text)))
    status = acme_refuse(request, ACME_MALFORMED, "certificate is not base64url without padding");
  else if (mtc_certificate_parse(mtc_span_of_bytes(&der), &certificate, &why) ||
           acme_cert_id(&certificate, cert_id, &why))
    status = acme_refuse(request, ACME_MALFORMED, "certificate: %s", why.text);
  else if (read_reason(request, &reason))
    status = revoke(request, cert_id, reason, error);
  mtc_bytes_free(&der);
  return status;
}
