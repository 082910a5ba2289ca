/* finalize. Source: RFC 8555, "Applying for Certificate Issuance" */
#include <string.h>

#include "acme/order.h"
#include "mtc/runtime.h"

static void begin(struct acme_request *request) {
  struct acme_issuing *issuing = request->effect;
  request->effect = NULL;
  request->free_effect = NULL;
  acme_issue_begin(issuing, request);
}

static void leave(void *effect) {
  acme_issue_leave(effect);
}

/* What the CSR and the order must have in common; last, the limits count the order. */
static mtc_status compare(struct acme_request *request, const struct acme_order *order,
                          const struct acme_csr *csr, struct mtc_error *error) {
  struct acme_identifier identifiers[ACME_MAX_IDENTIFIERS];
  size_t num = 0;
  bool is_compromised = false;
  mtc_status status = acme_order_identifiers(order, identifiers, &num, error);
  if (!status && num != csr->num_identifiers)
    (void)acme_fail(&request->problem, ACME_BAD_CSR, "the CSR has %zu names, the order %zu",
                    csr->num_identifiers, num);
  for (size_t i = 0; i < num && !status && !request->problem.type; i++)
    if (identifiers[i].type != csr->identifiers[i].type ||
        strcmp(identifiers[i].value, csr->identifiers[i].value) != 0)
      (void)acme_fail(&request->problem, ACME_BAD_CSR,
                      "the CSR has the name \"%s\" where the order has \"%s\"",
                      csr->identifiers[i].value, identifiers[i].value);
  /* It would let every TLS server that has the certificate act for the account. */
  if (!status && !request->problem.type && strcmp(request->key.spki_sha256, csr->spki_sha256) == 0)
    (void)acme_fail(&request->problem, ACME_BAD_CSR, "the CSR's key is the account's");
  /* The CA refuses it, too, but only when the order has ended. */
  if (!status && !request->problem.type)
    status = acme_compromised_find(request->server->db, csr->spki_sha256, &is_compromised, error);
  if (!status && is_compromised)
    (void)acme_fail(&request->problem, ACME_BAD_CSR,
                    "a certificate with the CSR's key was revoked for keyCompromise");
  if (!status && !request->problem.type)
    return acme_order_limits_take(request, order, identifiers, num, error);
  return status;
}

static mtc_status check_csr(struct acme_request *request, const struct acme_order *order,
                            const char **out_text, struct mtc_error *error) {
  const char *text = json_string_value(json_object_get(request->jws.json, "csr"));
  struct mtc_bytes der = {0};
  struct acme_csr csr;
  mtc_status status = MTC_OK;
  *out_text = text;
  if (!text) return acme_refuse(request, ACME_MALFORMED, "csr is missing");
  if (!acme_append_decoded_base64url(&der, mtc_span_of_text(text)))
    status = acme_refuse(request, ACME_BAD_CSR, "csr is not base64url without padding");
  else if (!acme_csr_read(mtc_span_of_bytes(&der), &csr, &request->problem))
    status = compare(request, order, &csr, error);
  mtc_bytes_free(&der);
  return status;
}

static mtc_status finalize(struct acme_request *request, struct acme_order *order,
                           struct mtc_error *error) {
  struct acme_server *server = request->server;
  struct acme_issuing *issuing;
  enum acme_state state = ACME_PENDING;
  const char *csr;
  mtc_status status = acme_order_state(server->db, order, acme_now_s(), &state, error);
  if (status) return status;
  if (state != ACME_READY)
    return acme_refuse(request, ACME_ORDER_NOT_READY, "the order is %s, not ready",
                       acme_state_name(state));
  status = check_csr(request, order, &csr, error);
  if (status || request->problem.type) return status;
  char *copy = mtc_strdup(csr);
  if (!copy) return MTC_NOMEM;
  mtc_free(order->csr);
  order->csr = copy;
  order->state = ACME_PROCESSING;
  order->claimed_s = acme_now_s();
  status = acme_issue_prepare(server, order, &issuing, error);
  if (status) return status;
  request->effect = issuing;
  request->free_effect = leave;
  status = acme_order_update(server->db, order, error);
  if (status) return status;
  request->json = acme_order_json(server, order, ACME_PROCESSING);
  acme_request_header(request, "Location", "%s/order/%016llx", server->config->url,
                      (unsigned long long)order->id);
  request->after = begin;
  return MTC_OK;
}

mtc_status acme_finalize(struct acme_request *request, struct mtc_error *error) {
  struct acme_order order;
  if (!request->jws.json) return acme_refuse(request, ACME_MALFORMED, "the payload is empty");
  mtc_status status = acme_order_take(request, &order, error);
  if (!status && order.id) status = finalize(request, &order, error);
  acme_order_free(&order);
  return status;
}
