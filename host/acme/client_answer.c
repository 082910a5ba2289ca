/* Directory, orders, authorizations, problems. */
#include "acme/client_answer.h"

#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

#define MAX_BODY_LEN (1u << 20)

static const char *const statuses[] = {
    [ACME_CLIENT_PENDING] = "pending",       [ACME_CLIENT_READY] = "ready",
    [ACME_CLIENT_PROCESSING] = "processing", [ACME_CLIENT_VALID] = "valid",
    [ACME_CLIENT_INVALID] = "invalid",       [ACME_CLIENT_DEACTIVATED] = "deactivated",
    [ACME_CLIENT_EXPIRED] = "expired",       [ACME_CLIENT_REVOKED] = "revoked",
};

static mtc_status parse(struct mtc_span body, json_t **out, struct mtc_error *error) {
  json_error_t problem;
  *out = NULL;
  if (body.len > MAX_BODY_LEN) return mtc_fail(error, MTC_IO, "a body of %zu bytes", body.len);
  *out = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &problem);
  if (!*out) return mtc_fail(error, MTC_IO, "line %d: no JSON: %s", problem.line, problem.text);
  if (json_is_object(*out)) return MTC_OK;
  json_decref(*out);
  *out = NULL;
  return mtc_fail(error, MTC_IO, "no JSON object");
}

static mtc_status read_url(const json_t *value, const char *name, bool allow_plain,
                           char out[ACME_CLIENT_MAX_URL], struct mtc_error *error) {
  const char *text = json_string_value(value);
  out[0] = 0;
  if (!text) return mtc_fail(error, MTC_IO, "%s: a URL is wanted", name);
  if (acme_client_url_check(text, allow_plain, error))
    return mtc_fail_within(error, MTC_IO, "%s", name);
  (void)snprintf(out, ACME_CLIENT_MAX_URL, "%s", text);
  return MTC_OK;
}

static mtc_status read_status(const json_t *json, enum acme_client_status *out,
                              struct mtc_error *error) {
  const char *text = json_string_value(json_object_get(json, "status"));
  for (unsigned i = 0; text && i < sizeof statuses / sizeof *statuses; i++) {
    if (strcmp(text, statuses[i]) != 0) continue;
    *out = (enum acme_client_status)i;
    return MTC_OK;
  }
  return mtc_fail(error, MTC_IO, "status: none that there is");
}

mtc_status acme_client_read_directory(struct mtc_span body, bool allow_plain,
                                      struct acme_client_directory *out, struct mtc_error *error) {
  struct {
    const char *name;
    char *url;
    bool is_optional;
  } urls[] = {
      {"newNonce", out->new_nonce, false},  {"newAccount", out->new_account, false},
      {"newOrder", out->new_order, false},  {"revokeCert", out->revoke_cert, false},
      {"keyChange", out->key_change, true}, {"renewalInfo", out->renewal_info, true},
  };
  json_t *json;
  *out = (struct acme_client_directory){0};
  mtc_status status = parse(body, &json, error);
  for (size_t i = 0; !status && i < sizeof urls / sizeof *urls; i++) {
    const json_t *value = json_object_get(json, urls[i].name);
    if (value || !urls[i].is_optional)
      status = read_url(value, urls[i].name, allow_plain, urls[i].url, error);
  }
  const json_t *meta = json_object_get(json, "meta");
  const json_t *terms = json_object_get(meta, "termsOfService");
  if (!status && terms) status = read_url(terms, "termsOfService", true, out->terms, error);
  out->needs_external_account = json_is_true(json_object_get(meta, "externalAccountRequired"));
  json_decref(json);
  return status ? mtc_fail_within(error, status, "the server's directory") : MTC_OK;
}

static void append_text(char *out, size_t size, const char *text) {
  size_t len = strlen(out);
  for (size_t i = 0; text[i] && len + 1 < size; i++)
    out[len++] = (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x7f ? text[i] : '?';
  out[len] = 0;
}

/* A problem as a line: "unauthorized: detail (dns www.example.com: caa: detail)". */
static void describe(const json_t *problem, char *out, size_t size, unsigned depth) {
  static const char prefix[] = "urn:ietf:params:acme:error:";
  const char *type = json_string_value(json_object_get(problem, "type"));
  const char *detail = json_string_value(json_object_get(problem, "detail"));
  const json_t *subproblems = json_object_get(problem, "subproblems");
  if (type && strncmp(type, prefix, sizeof prefix - 1) == 0) type += sizeof prefix - 1;
  append_text(out, size, type ? type : "a problem without a type");
  append_text(out, size, ": ");
  append_text(out, size, detail ? detail : "no details");
  for (size_t i = 0; depth == 0 && i < json_array_size(subproblems); i++) {
    const json_t *subproblem = json_array_get(subproblems, i);
    const json_t *identifier = json_object_get(subproblem, "identifier");
    const char *value = json_string_value(json_object_get(identifier, "value"));
    append_text(out, size, i ? "; " : " (");
    append_text(out, size, value ? value : "?");
    append_text(out, size, ": ");
    describe(subproblem, out, size, 1);
    if (i + 1 == json_array_size(subproblems)) append_text(out, size, ")");
  }
}

mtc_status acme_client_read_order(struct mtc_span body, bool allow_plain,
                                  struct acme_client_order *out, struct mtc_error *error) {
  json_t *json;
  *out = (struct acme_client_order){0};
  mtc_status status = parse(body, &json, error);
  if (!status) status = read_status(json, &out->status, error);
  if (!status)
    status =
        read_url(json_object_get(json, "finalize"), "finalize", allow_plain, out->finalize, error);
  const json_t *certificate = json_object_get(json, "certificate");
  if (!status && certificate)
    status = read_url(certificate, "certificate", allow_plain, out->certificate, error);
  if (!status && out->status == ACME_CLIENT_VALID && !out->certificate[0])
    status = mtc_fail(error, MTC_IO, "certificate: missing, but the order is valid");
  const json_t *list = json_object_get(json, "authorizations");
  size_t num = json_array_size(list);
  if (!status && (num == 0 || num > ACME_MAX_IDENTIFIERS))
    status = mtc_fail(error, MTC_IO, "authorizations: 1 to %u are wanted", ACME_MAX_IDENTIFIERS);
  if (!status) out->authorizations = mtc_alloc(num, sizeof *out->authorizations);
  if (!status && !out->authorizations) status = MTC_NOMEM;
  for (size_t i = 0; !status && i < num; i++)
    status = read_url(json_array_get(list, i), "authorizations", allow_plain,
                      out->authorizations[i], error);
  out->num_authorizations = num;
  const json_t *problem = json_object_get(json, "error");
  if (!status && problem) describe(problem, out->problem, sizeof out->problem, 0);
  json_decref(json);
  if (!status) return MTC_OK;
  acme_client_order_free(out);
  return mtc_fail_within(error, status, "the server's order");
}

void acme_client_order_free(struct acme_client_order *order) {
  mtc_free(order->authorizations);
  *order = (struct acme_client_order){0};
}

/* It becomes a file's name: nothing but base64url. */
static bool is_token(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  size_t len = text ? strlen(text) : 0;
  return len > 0 && len <= ACME_CLIENT_MAX_TOKEN && strspn(text, allowed) == len;
}

static void read_challenge(const json_t *json, bool allow_plain,
                           struct acme_client_authorization *out) {
  struct mtc_error ignored;
  const char *token = json_string_value(json_object_get(json, "token"));
  if (!is_token(token) || read_status(json, &out->challenge_status, &ignored) ||
      read_url(json_object_get(json, "url"), "url", allow_plain, out->url, &ignored))
    return;
  (void)snprintf(out->token, sizeof out->token, "%s", token);
  out->has_challenge = true;
}

mtc_status acme_client_read_authorization(struct mtc_span body, bool allow_plain,
                                          enum acme_client_method method,
                                          struct acme_client_authorization *out,
                                          struct mtc_error *error) {
  static const char *const types[] = {"http-01", "dns-01", "tls-alpn-01"};
  struct acme_problem problem = {0};
  json_t *json;
  *out = (struct acme_client_authorization){0};
  mtc_status status = parse(body, &json, error);
  if (!status) status = read_status(json, &out->status, error);
  if (!status &&
      acme_identifier_parse(json_object_get(json, "identifier"), &out->identifier, &problem))
    status = mtc_fail(error, MTC_IO, "identifier: %s", problem.detail);
  acme_problem_free(&problem);
  const json_t *list = json_object_get(json, "challenges");
  for (size_t i = 0; !status && i < json_array_size(list) && i < 64; i++) {
    const json_t *challenge = json_array_get(list, i);
    const char *type = json_string_value(json_object_get(challenge, "type"));
    const json_t *reason = json_object_get(challenge, "error");
    if (reason && !out->problem[0]) describe(reason, out->problem, sizeof out->problem, 0);
    if (type && strcmp(type, types[method]) == 0 && !out->has_challenge)
      read_challenge(challenge, allow_plain, out);
  }
  json_decref(json);
  return status ? mtc_fail_within(error, status, "the server's authorization") : MTC_OK;
}

void acme_client_read_problem(struct mtc_span body, long http_status,
                              struct acme_client_problem *out) {
  struct mtc_error ignored;
  json_t *json;
  *out = (struct acme_client_problem){0};
  if (parse(body, &json, &ignored)) {
    (void)snprintf(out->text, sizeof out->text, "HTTP status %ld without a problem document",
                   http_status);
    return;
  }
  const char *type = json_string_value(json_object_get(json, "type"));
  if (type) out->type = acme_problem_find(type);
  describe(json, out->text, sizeof out->text, 0);
  json_decref(json);
}

mtc_status acme_client_read_window(struct mtc_span body, int64_t *out_start_s, int64_t *out_end_s,
                                   struct mtc_error *error) {
  json_t *json;
  mtc_status status = parse(body, &json, error);
  const json_t *window = json_object_get(json, "suggestedWindow");
  const char *start = json_string_value(json_object_get(window, "start"));
  const char *end = json_string_value(json_object_get(window, "end"));
  *out_start_s = *out_end_s = 0;
  if (!status && (!start || !end || !acme_client_read_time(start, out_start_s) ||
                  !acme_client_read_time(end, out_end_s)))
    status = mtc_fail(error, MTC_IO, "suggestedWindow: start and end are wanted, as times");
  if (!status && *out_end_s <= *out_start_s)
    status = mtc_fail(error, MTC_IO, "suggestedWindow: its end is not after its start");
  json_decref(json);
  return status ? mtc_fail_within(error, status, "the server's renewal information") : MTC_OK;
}
