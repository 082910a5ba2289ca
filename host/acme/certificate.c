/* The order's certificate. Source: RFC 8555, "Downloading the Certificate"; merkle-tree-certs,
 * "ACME Extensions" */
#include "acme/certificate.h"

#include <string.h>

#include "acme/certificate_cache.h"
#include "acme/order.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"

mtc_status acme_fetch_make(struct acme_request *request, const struct acme_order *order) {
  enum acme_chain_format format = acme_choose_chain(http_request_header(request->http, "Accept"));
  if (format == ACME_CHAIN_NONE) {
    (void)acme_refuse(request, ACME_MALFORMED, "certificates are %s or %s",
                      acme_chain_media_type(ACME_CHAIN_PLAIN),
                      acme_chain_media_type(ACME_CHAIN_PROPERTIES));
    request->problem.http_status = 406;
    return MTC_OK;
  }
  struct acme_fetch *fetch = mtc_alloc(1, sizeof *fetch);
  if (!fetch) return MTC_NOMEM;
  fetch->format = format;
  fetch->order_id = order->id;
  (void)snprintf(fetch->profile, sizeof fetch->profile, "%s", order->profile);
  (void)snprintf(fetch->serial, sizeof fetch->serial, "%s", order->serial);
  (void)snprintf(fetch->landmark_token, sizeof fetch->landmark_token, "%s", order->landmark_token);
  request->effect = fetch;
  return MTC_OK;
}

void acme_fetch_unavailable(struct acme_request *request) {
  (void)acme_refuse(request, ACME_SERVER_INTERNAL, "the CA cannot be reached now");
  request->problem.http_status = 503;
  request->problem.retry_after_s = 10;
  acme_request_send(request);
}

static void called(void *context, const struct acme_ca_result *result) {
  struct acme_request *request = context;
  mtc_bytes_clear(&request->reply);
  request->reply_status = result->status;
  if (!result->status) {
    mtc_bytes_append_span(&request->reply, result->body);
    request->reply_status = mtc_bytes_status(&request->reply);
  } else {
    mtc_log(MTC_LOG_DEBUG, "ca", "status=%s error=%s", mtc_status_name(result->status),
            result->text);
  }
  acme_jobs_put(request->server->jobs, &request->job);
}

void acme_fetch_call(struct acme_request *request, enum mtc_rpc_method method,
                     const struct mtc_bytes *body,
                     void (*done)(struct acme_job *job, mtc_status status, const char *text)) {
  const struct acme_fetch *fetch = request->effect;
  const struct acme_instance *instance =
      acme_instances_find(request->server->instances, fetch->profile);
  request->job.run = NULL;
  request->job.done = done;
  if (!instance || !instance->ca || mtc_bytes_status(body) ||
      acme_ca_call(instance->ca, method, mtc_span_of_bytes(body), ACME_CA_TIMEOUT_MS, called,
                   request))
    acme_fetch_unavailable(request);
}

static void add_landmark_link(struct acme_request *request) {
  const struct acme_fetch *fetch = request->effect;
  const struct acme_config *config = request->server->config;
  const char *relation = config->is_landmark_alternate ? "alternate" : "acme-optional-alternate";
  if (fetch->landmark_token[0])
    acme_request_header(request, "Link", "<%s/landmark/%s>;rel=\"%s\"", config->url,
                        fetch->landmark_token, relation);
  else
    acme_request_header(request, "Link", "<%s/order/%016llx/landmark>;rel=\"%s\"", config->url,
                        (unsigned long long)fetch->order_id, relation);
}

void acme_fetch_deliver(struct acme_request *request, const struct acme_instance *instance,
                        struct mtc_span certificate, struct mtc_span properties, bool is_landmark) {
  const struct acme_fetch *fetch = request->effect;
  acme_append_chain(fetch->format, certificate, mtc_span_of_bytes(&instance->certificate),
                    properties, &request->answer.body);
  acme_request_header(request, "Content-Type", "%s", acme_chain_media_type(fetch->format));
  acme_request_header(request, "Vary", "Accept");
  if (instance->is_tree && !is_landmark) {
    if (instance->prefix_url[0])
      acme_request_header(request, "Link", "<%s>;rel=\"c2sp.org/mtc-tlog/prefix-url\"",
                          instance->prefix_url);
    add_landmark_link(request);
  }
  acme_request_send(request);
}

/* The first eight octets of a tree's serial number are all of it. */
static mtc_status make_properties(const struct acme_instance *instance, const char *serial,
                                  struct mtc_bytes *out) {
  struct mtc_bytes bytes = {0};
  uint64_t number = 0;
  struct mtc_reader reader;
  mtc_status status = acme_append_hex_serial(serial, &bytes, NULL);
  reader = mtc_reader_of(mtc_span_of_bytes(&bytes));
  if (!status && !mtc_read_uint(&reader, 8, &number)) status = MTC_CORRUPT;
  if (!status)
    status = mtc_properties_append_standalone(instance->wire, &instance->ca_id, number >> 48, out);
  mtc_bytes_free(&bytes);
  return status;
}

static void deliver(struct acme_request *request, const struct acme_instance *instance,
                    struct mtc_span certificate) {
  const struct acme_fetch *fetch = request->effect;
  struct mtc_bytes properties = {0};
  mtc_status status = MTC_OK;
  if (instance->is_tree)
    status = make_properties(instance, fetch->serial, &properties);
  else
    mtc_bytes_append_uint(&properties, 0, 2);
  if (!status) status = mtc_bytes_status(&properties);
  if (status)
    acme_fetch_unavailable(request);
  else
    acme_fetch_deliver(request, instance, certificate, mtc_span_of_bytes(&properties), false);
  mtc_bytes_free(&properties);
}

static void fetched(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_request *request = (struct acme_request *)job;
  const struct acme_fetch *fetch = request->effect;
  const struct acme_instance *instance =
      acme_instances_find(request->server->instances, fetch->profile);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&request->reply));
  struct mtc_span certificate;
  uint64_t landmark;
  (void)status, (void)text;
  if (request->reply_status || (instance->is_tree && !mtc_read_uint(&reader, 8, &landmark)) ||
      !mtc_read_prefixed(&reader, 3, &certificate)) {
    acme_fetch_unavailable(request);
    return;
  }
  deliver(request, instance, certificate);
}

static void fetch_standalone(struct acme_request *request) {
  const struct acme_server *server = request->server;
  const struct acme_fetch *fetch = request->effect;
  const struct acme_instance *instance = acme_instances_find(server->instances, fetch->profile);
  struct mtc_span certificate = acme_certificate_cache_get(server->certificates, fetch->order_id);
  struct mtc_bytes serial = {0}, body = {0};
  if (!instance || !instance->is_known) {
    acme_fetch_unavailable(request);
    return;
  }
  if (certificate.len) {
    deliver(request, instance, certificate);
    return;
  }
  if (acme_append_hex_serial(fetch->serial, &serial, NULL)) body.failed = true;
  if (instance->is_tree) {
    mtc_bytes_append_span(&body, mtc_span_of_bytes(&serial));
    mtc_bytes_append_uint(&body, 0, 1);
  } else {
    mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&serial), 1);
  }
  acme_fetch_call(request, instance->is_tree ? MTC_RPC_CERTIFICATE : MTC_RPC_DIRECT_CERTIFICATE,
                  &body, fetched);
  mtc_bytes_free(&serial);
  mtc_bytes_free(&body);
}

mtc_status acme_fetch_own(struct acme_request *request, void (*fetch)(struct acme_request *request),
                          struct mtc_error *error) {
  struct acme_order order;
  if (request->jws.json)
    return acme_refuse(request, ACME_MALFORMED,
                       "certificates are read by POST-as-GET (empty payload)");
  mtc_status status = acme_order_take(request, &order, error);
  if (!status && order.id && order.state != ACME_VALID)
    status = acme_refuse(request, ACME_ORDER_NOT_READY, "the order has no certificate");
  else if (!status && order.id)
    status = acme_fetch_make(request, &order);
  acme_order_free(&order);
  request->after = fetch;
  return status;
}

mtc_status acme_certificate_answer(struct acme_request *request, struct mtc_error *error) {
  return acme_fetch_own(request, fetch_standalone, error);
}
