#include "acme/client_session.h"

#include <stdlib.h>
#include <string.h>

#include "mtc/runtime.h"

#define MAX_NONCE_TRIES 5

static int64_t now_s(void) {
  return mtc_clock_now_ms() / 1000;
}

/* What an answer of HTTP means for what is done next. */
static mtc_status judge(struct acme_client_session *session, const char *url,
                        const struct acme_client_response *response, struct mtc_error *error) {
  long http_status = response->http_status;
  session->problem = (struct acme_client_problem){0};
  session->retry_after_s =
      acme_client_retry_after(response->retry_after[0] ? response->retry_after : NULL, now_s());
  if (http_status >= 200 && http_status < 300) return MTC_OK;
  acme_client_read_problem(mtc_span_of_bytes(&response->body), http_status, &session->problem);
  bool may_pass = http_status == 429 || http_status >= 500 ||
                  session->problem.type == ACME_RATE_LIMITED ||
                  session->problem.type == ACME_BAD_NONCE;
  return mtc_fail(error, may_pass ? MTC_BUSY : MTC_INPUT, "%s: %s", url, session->problem.text);
}

mtc_status acme_client_get(struct acme_client_session *session, const char *url,
                           struct acme_client_response *out, struct mtc_error *error) {
  struct acme_client_request request = {.method = "GET", .url = url};
  session->retry_after_s = 0;
  mtc_status status = acme_client_http_send(session->http, &request, out, error);
  return status ? status : judge(session, url, out, error);
}

mtc_status acme_client_find_directory(struct acme_client_session *session,
                                      struct mtc_error *error) {
  struct acme_client_response response = {0};
  if (session->has_directory) return MTC_OK;
  mtc_status status = acme_client_get(session, session->config->directory, &response, error);
  if (!status)
    status = acme_client_read_directory(mtc_span_of_bytes(&response.body), session->allow_plain,
                                        &session->directory, error);
  session->has_directory = !status;
  acme_client_response_free(&response);
  /* A server in front of which something else answers "not found" may come back. */
  return status == MTC_INPUT ? MTC_IO : status;
}

static mtc_status find_nonce(struct acme_client_session *session, struct mtc_error *error) {
  struct acme_client_response response = {0};
  struct acme_client_request request = {.method = "HEAD", .url = session->directory.new_nonce};
  if (session->nonce[0]) return MTC_OK;
  mtc_status status = acme_client_http_send(session->http, &request, &response, error);
  if (!status) status = judge(session, request.url, &response, error);
  if (!status && !response.nonce[0])
    status = mtc_fail(error, MTC_IO, "%s: the answer has no Replay-Nonce", request.url);
  if (!status) memcpy(session->nonce, response.nonce, sizeof session->nonce);
  acme_client_response_free(&response);
  return status;
}

static mtc_status post_once(struct acme_client_session *session, const char *url,
                            struct mtc_span payload, const char *accept,
                            struct acme_client_response *out, struct mtc_error *error) {
  struct mtc_bytes body = {0};
  mtc_status status = find_nonce(session, error);
  if (status) return status;
  struct acme_jws_header header = {
      .url = url,
      .nonce = session->nonce,
      .kid = session->account[0] ? session->account : NULL,
  };
  status = acme_jws_sign(&session->key, &header, payload, &body, error);
  session->nonce[0] = 0; /* whatever comes of it, it is used */
  struct acme_client_request request = {
      .method = "POST", .url = url, .accept = accept, .body = mtc_span_of_bytes(&body)};
  if (!status) status = acme_client_http_send(session->http, &request, out, error);
  if (!status) memcpy(session->nonce, out->nonce, sizeof session->nonce);
  if (!status) status = judge(session, url, out, error);
  mtc_bytes_free(&body);
  return status;
}

mtc_status acme_client_post(struct acme_client_session *session, const char *url, json_t *payload,
                            const char *accept, struct acme_client_response *out,
                            struct mtc_error *error) {
  char *text = payload ? json_dumps(payload, JSON_COMPACT) : NULL;
  bool failed = payload && !text;
  mtc_status status = MTC_BUSY;
  json_decref(payload);
  session->problem = (struct acme_client_problem){0};
  session->retry_after_s = 0;
  if (failed) return mtc_fail(error, MTC_NOMEM, "out of memory");
  for (unsigned i = 0; i < MAX_NONCE_TRIES; i++) {
    status = post_once(session, url, mtc_span_of_text(text ? text : ""), accept, out, error);
    if (!status || session->problem.type != ACME_BAD_NONCE) break;
  }
  free(text);
  return status;
}
