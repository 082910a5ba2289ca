/* renewalInfo. Source: RFC 9773 */
#include "acme/core.h"
#include "acme/delivery.h"

#define RETRY_AFTER_S (6 * 3600)
#define REVOKED_WINDOW_S 3600

mtc_status acme_renewal_info(struct acme_request *request, struct mtc_error *error) {
  const struct acme_server *server = request->server;
  struct acme_issued issued;
  int64_t start_s, end_s;
  mtc_status status = acme_issued_load(server->db, request->text, &issued, error);
  if (status) return status;
  if (!issued.cert_id[0]) {
    (void)acme_refuse(request, ACME_MALFORMED, "the certificate is not known here");
    request->problem.http_status = 404;
    return MTC_OK;
  }
  const struct acme_instance *instance = acme_instances_find(server->instances, issued.profile);
  acme_renewal_window(issued.not_before_s, issued.not_after_s, instance ? instance->interval_s : 0,
                      &start_s, &end_s);
  if (issued.revoked_s) { /* at once */
    end_s = issued.revoked_s;
    start_s = end_s - REVOKED_WINDOW_S;
  }
  request->json = json_pack("{s:{s:o, s:o}}", "suggestedWindow", "start", acme_json_time(start_s),
                            "end", acme_json_time(end_s));
  if (server->config->yaml->explanation_url && request->json)
    (void)json_object_set_new(request->json, "explanationURL",
                              json_string(server->config->yaml->explanation_url));
  acme_request_header(request, "Retry-After", "%d", RETRY_AFTER_S);
  return MTC_OK;
}
