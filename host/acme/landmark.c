/* The landmark-relative certificate of an order, once there is one. Source: merkle-tree-certs,
 * "ACME Extensions" */
#include "acme/certificate.h"
#include "acme/order.h"
#include "mtc/runtime.h"

/* Of a CA that allocates landmarks by hand nobody knows when the next comes. */
#define DEFAULT_RETRY_S 3600u

static void answer_later(struct acme_request *request, unsigned retry_after_s) {
  if (request->server->config->is_landmark_alternate) {
    (void)acme_refuse(request, ACME_SERVER_INTERNAL,
                      "the landmark-relative certificate is not there yet");
    request->problem.http_status = 503;
    request->problem.retry_after_s = retry_after_s;
  } else {
    request->answer.status = 202;
    acme_request_header(request, "Retry-After", "%u", retry_after_s);
  }
  acme_request_send(request);
}

static void got_schedule(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_request *request = (struct acme_request *)job;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&request->reply));
  uint64_t interval_s, next_s;
  (void)status, (void)text;
  if (request->reply_status || !mtc_read_uint(&reader, 8, &interval_s) ||
      !mtc_read_uint(&reader, 8, &next_s) || interval_s > INT32_MAX || next_s > INT64_MAX) {
    acme_fetch_unavailable(request);
    return;
  }
  answer_later(request, interval_s
                            ? acme_retry_after(acme_now_s(), (int64_t)next_s, (int64_t)interval_s)
                            : DEFAULT_RETRY_S);
}

static void fetched(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_request *request = (struct acme_request *)job;
  const struct acme_fetch *fetch = request->effect;
  const struct acme_instance *instance =
      acme_instances_find(request->server->instances, fetch->profile);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&request->reply));
  struct mtc_span certificate, properties;
  struct mtc_bytes nothing = {0};
  uint64_t landmark;
  (void)status, (void)text;
  if (request->reply_status == MTC_BUSY) {
    acme_fetch_call(request, MTC_RPC_LANDMARK_SCHEDULE, &nothing, got_schedule);
    return;
  }
  if (request->reply_status || !mtc_read_uint(&reader, 8, &landmark) ||
      !mtc_read_prefixed(&reader, 3, &certificate) || !mtc_read_prefixed(&reader, 2, &properties)) {
    acme_fetch_unavailable(request);
    return;
  }
  acme_fetch_deliver(request, instance, certificate, properties, true);
}

static void fetch_landmark(struct acme_request *request) {
  const struct acme_fetch *fetch = request->effect;
  const struct acme_instance *instance =
      acme_instances_find(request->server->instances, fetch->profile);
  struct mtc_bytes body = {0};
  if (instance && instance->is_known && !instance->is_tree) {
    (void)acme_refuse(request, ACME_MALFORMED, "certificates of this profile have no landmarks");
    request->problem.http_status = 404;
    acme_request_send(request);
    return;
  }
  if (acme_append_hex_serial(fetch->serial, &body, NULL)) body.failed = true;
  mtc_bytes_append_uint(&body, 1, 1);
  acme_fetch_call(request, MTC_RPC_CERTIFICATE, &body, fetched);
  mtc_bytes_free(&body);
}

mtc_status acme_landmark_answer(struct acme_request *request, struct mtc_error *error) {
  return acme_fetch_own(request, fetch_landmark, error);
}

/* Whoever knows the URL has it from the order's owner; a certificate is no secret. */
mtc_status acme_landmark_public(struct acme_request *request, struct mtc_error *error) {
  struct acme_order order = {0};
  mtc_status status = MTC_OK;
  if (request->server->config->yaml->landmark_public_url)
    status = acme_order_find(request->server->db, request->text, &order, error);
  bool is_own = !request->jws.kid || order.account_id == request->account.id;
  if (!status && (!order.id || order.state != ACME_VALID || !is_own)) {
    status = acme_refuse(request, ACME_MALFORMED, "there is no such resource");
    request->problem.http_status = 404;
  } else if (!status) {
    status = acme_fetch_make(request, &order);
  }
  acme_order_free(&order);
  request->after = fetch_landmark;
  return status;
}
