/* What answers are made of. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/core.h"
#include "mtc/runtime.h"

#define MAX_HEADER_LEN 1024

mtc_status acme_refuse(struct acme_request *request, enum acme_problem_type type,
                       const char *format, ...) {
  char detail[sizeof request->problem.detail];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  (void)acme_fail(&request->problem, type, "%s", detail);
  return MTC_OK;
}

void acme_request_header(struct acme_request *request, const char *name, const char *format, ...) {
  char value[MAX_HEADER_LEN];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(value, sizeof value, format, arguments);
  va_end(arguments);
  http_answer_header(&request->answer, name, value);
}

static void add_json(struct acme_request *request, json_t *json) {
  char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
  mtc_bytes_clear(&request->answer.body);
  if (!text) {
    request->answer.status = 500;
    return;
  }
  mtc_bytes_append_text(&request->answer.body, text);
  free(text);
}

static void add_problem(struct acme_request *request) {
  struct acme_problem *problem = &request->problem;
  json_t *json = acme_problem_json(problem);
  request->answer.status = acme_problem_status(problem);
  add_json(request, json);
  json_decref(json);
  acme_request_header(request, "Content-Type", "application/problem+json");
  if (problem->retry_after_s)
    acme_request_header(request, "Retry-After", "%u", problem->retry_after_s);
  if (problem->link[0])
    acme_request_header(request, "Link", "<%s>;rel=\"terms-of-service\"", problem->link);
}

static void free_request(struct acme_request *request) {
  acme_jws_free(&request->jws);
  acme_key_free(&request->key);
  acme_account_free(&request->account);
  acme_problem_free(&request->problem);
  json_decref(request->json);
  http_answer_free(&request->answer);
  mtc_bytes_free(&request->reply);
  if (request->free_effect)
    request->free_effect(request->effect);
  else
    mtc_free(request->effect);
  mtc_free(request);
}

void acme_request_send(struct acme_request *request) {
  const struct acme_server *server = request->server;
  if (request->problem.type) {
    add_problem(request);
  } else if (request->json) {
    add_json(request, request->json);
    acme_request_header(request, "Content-Type", "application/json");
  }
  if (request->needs_nonce) {
    char nonce[ACME_NONCE_LEN + 1];
    acme_nonces_give(server->nonces, nonce);
    acme_request_header(request, "Replay-Nonce", "%s", nonce);
    acme_request_header(request, "Cache-Control", "no-store");
  }
  if (!request->route || strcmp(request->route->pattern, "/directory") != 0)
    acme_request_header(request, "Link", "<%s/directory>;rel=\"index\"", server->config->url);
  http_send(request->http, &request->answer);
  free_request(request);
}

int64_t acme_now_s(void) {
  return mtc_clock_now_ms() / 1000;
}

json_t *acme_json_time(int64_t time_s) {
  struct tm tm;
  char text[32];
  time_t time = (time_t)time_s;
  if (!gmtime_r(&time, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    return NULL;
  return json_string(text);
}

char *acme_json_text(const json_t *json) {
  char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
  char *copy = text ? mtc_strdup(text) : NULL;
  free(text);
  return copy;
}

char *acme_json_problem_text(const struct acme_problem *problem) {
  json_t *json = acme_problem_json(problem);
  char *text = acme_json_text(json);
  json_decref(json);
  return text;
}

json_t *acme_url(const struct acme_server *server, const char *folder, uint64_t id,
                 const char *rest) {
  char text[512];
  (void)snprintf(text, sizeof text, "%s/%s/%016llx%s", server->config->url, folder,
                 (unsigned long long)id, rest);
  return json_string(text);
}

mtc_status acme_append_hex_serial(const char *serial, struct mtc_bytes *out,
                                  struct mtc_error *error) {
  size_t len = strlen(serial);
  if (len < 2 || len > 40 || mtc_bytes_append_decoded_hex(out, mtc_span_of_text(serial)))
    return mtc_fail(error, MTC_CORRUPT, "\"%s\" is no serial number", serial);
  return MTC_OK;
}

mtc_status acme_check_account_key(struct acme_request *request, const struct acme_key *key,
                                  struct mtc_error *error) {
  bool is_compromised = false;
  mtc_status status =
      acme_compromised_find(request->server->db, key->spki_sha256, &is_compromised, error);
  if (status || !is_compromised) return status;
  return acme_refuse(request, ACME_BAD_PUBLIC_KEY,
                     "a certificate with this key was revoked for keyCompromise");
}
