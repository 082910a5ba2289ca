/* One client's way through ACME: the answer to each step says which is next. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/bench_acme.h"

#define MAX_NONCE_ERRORS 5
#define POLL_US 10000

static bool is_measured(const struct bench_client *client) {
  return client->step >= BENCH_ORDER;
}

mtc_status bench_client_fail(struct bench_client *client, const char *name, const char *detail,
                             struct mtc_error *error) {
  struct bench_acme *bench = client->bench;
  if (!is_measured(client))
    return mtc_fail(error, MTC_IO, "client %s, before its first order: %s: %s", client->name, name,
                    detail);
  if (!bench->first_failure[0])
    (void)snprintf(bench->first_failure, sizeof bench->first_failure, "%s: %s", name, detail);
  for (size_t i = 0; i < BENCH_MAX_ERRORS; i++) {
    struct bench_failure *failure = &bench->failures[i];
    if (failure->num && strcmp(failure->name, name) != 0) continue;
    (void)snprintf(failure->name, sizeof failure->name, "%s", name);
    failure->num++;
    break;
  }
  client->step = BENCH_IDLE;
  return MTC_OK;
}

static mtc_status post(struct bench_client *client, const char *url, const char *kid,
                       struct mtc_span payload, struct mtc_error *error) {
  const struct acme_jws_header header = {.url = url, .nonce = client->nonce, .kid = kid};
  struct mtc_bytes jws = {0};
  const char *path = bench_target_path(&client->bench->target, url);
  if (!path)
    return mtc_fail(error, MTC_IO, "\"%s\" is no URL of %s", url, client->bench->target.origin);
  mtc_status status = acme_jws_sign(&client->key, &header, payload, &jws, error);
  if (!status)
    bench_link_ask(&client->link, &client->bench->target, "POST", path, mtc_span_of_bytes(&jws));
  client->nonce[0] = 0;
  mtc_bytes_free(&jws);
  return status;
}

static mtc_status post_order(struct bench_client *client, struct mtc_error *error) {
  struct bench_acme *bench = client->bench;
  char payload[256];
  (void)snprintf(payload, sizeof payload,
                 "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]%s%s%s}", client->name,
                 bench->profile ? ",\"profile\":\"" : "", bench->profile ? bench->profile : "",
                 bench->profile ? "\"" : "");
  return post(client, bench->new_order, client->account, mtc_span_of_text(payload), error);
}

static mtc_status ask(struct bench_client *client, struct mtc_error *error) {
  struct bench_acme *bench = client->bench;
  const struct mtc_span nothing = {0};
  switch (client->step) {
    case BENCH_DIRECTORY:
      bench_link_ask(&client->link, &bench->target, "GET",
                     bench_target_path(&bench->target, bench->directory), nothing);
      return MTC_OK;
    case BENCH_NONCE:
      bench_link_ask(&client->link, &bench->target, "HEAD",
                     bench_target_path(&bench->target, bench->new_nonce), nothing);
      return MTC_OK;
    case BENCH_ACCOUNT:
      return post(client, bench->new_account, NULL,
                  mtc_span_of_text("{\"termsOfServiceAgreed\":true,"
                                   "\"contact\":[\"mailto:bench@example.com\"]}"),
                  error);
    case BENCH_AUTHORIZE:
    case BENCH_ORDER:
      return post_order(client, error);
    case BENCH_AUTHORIZATION:
      return post(client, client->authorization, client->account, nothing, error);
    case BENCH_CHALLENGE:
      return post(client, client->challenge, client->account, mtc_span_of_text("{}"), error);
    case BENCH_FINALIZE:
      return post(client, client->finalize, client->account,
                  mtc_span_of_bytes(&client->csrs[client->next_csr]), error);
    case BENCH_PROVED:
    case BENCH_POLL:
      return post(client, client->order, client->account, nothing, error);
    case BENCH_DOWNLOAD:
      return post(client, client->certificate, client->account, nothing, error);
    case BENCH_IDLE:
      break;
  }
  return MTC_OK;
}

mtc_status bench_client_ask(struct bench_client *client, struct mtc_error *error) {
  client->wake_us = 0;
  if (client->link.state == BENCH_LINK_CLOSED) {
    mtc_status status = bench_link_open(&client->link, &client->bench->target,
                                        client->bench->epoll_fd, client, error);
    if (status) return status;
  }
  return ask(client, error);
}

static void copy_text(char *out, size_t size, const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  (void)snprintf(out, size, "%s", text ? text : "");
}

static mtc_status take_directory(struct bench_client *client, const json_t *json,
                                 struct mtc_error *error) {
  struct bench_acme *bench = client->bench;
  copy_text(bench->new_nonce, sizeof bench->new_nonce, json, "newNonce");
  copy_text(bench->new_account, sizeof bench->new_account, json, "newAccount");
  copy_text(bench->new_order, sizeof bench->new_order, json, "newOrder");
  client->step = BENCH_IDLE;
  if (bench_target_path(&bench->target, bench->new_nonce) && bench->new_account[0] &&
      bench->new_order[0])
    return MTC_OK;
  return mtc_fail(error, MTC_IO, "%s: no ACME directory of this server", bench->directory);
}

static mtc_status take_authorization(struct bench_client *client, const json_t *json,
                                     struct mtc_error *error) {
  struct mtc_bytes authorization = {0};
  size_t i;
  json_t *challenge;
  json_array_foreach(json_object_get(json, "challenges"), i, challenge) {
    const char *type = json_string_value(json_object_get(challenge, "type"));
    const char *token = json_string_value(json_object_get(challenge, "token"));
    if (!type || !token || strcmp(type, "http-01") != 0) continue;
    copy_text(client->challenge, sizeof client->challenge, challenge, "url");
    acme_key_authorization(&client->key, token, &authorization);
    mtc_status status = bench_responder_add(client->bench->responder, token,
                                            mtc_span_of_bytes(&authorization), error);
    mtc_bytes_free(&authorization);
    client->step = BENCH_CHALLENGE;
    return status;
  }
  return mtc_fail(error, MTC_IO, "%s: no http-01 challenge is offered", client->name);
}

/* What every answer about an order has. */
static mtc_status take_order(struct bench_client *client, const struct bench_answer *answer,
                             const json_t *json, struct mtc_error *error) {
  const char *status = json_string_value(json_object_get(json, "status"));
  if (answer->location.len)
    (void)snprintf(client->order, sizeof client->order, "%.*s", (int)answer->location.len,
                   (const char *)answer->location.data);
  if (!status) return bench_client_fail(client, "malformed", "an order without a status", error);
  bool is_ready = strcmp(status, "ready") == 0;
  bool is_waiting = strcmp(status, "pending") == 0 || strcmp(status, "processing") == 0;
  copy_text(client->finalize, sizeof client->finalize, json, "finalize");
  if (client->step == BENCH_AUTHORIZE && is_waiting) {
    const json_t *list = json_object_get(json, "authorizations");
    const char *url = json_string_value(json_array_get(list, 0));
    (void)snprintf(client->authorization, sizeof client->authorization, "%s", url ? url : "");
    client->step = BENCH_AUTHORIZATION;
  } else if (client->step == BENCH_AUTHORIZE && is_ready) {
    client->step = BENCH_IDLE;
  } else if (client->step == BENCH_PROVED && (is_ready || is_waiting)) {
    if (is_ready) client->step = BENCH_IDLE;
    if (is_waiting) client->wake_us = bench_now_us() + POLL_US;
  } else if (client->step == BENCH_ORDER && is_ready) {
    client->step = BENCH_FINALIZE;
  } else if (strcmp(status, "valid") == 0 && client->step != BENCH_ORDER) {
    copy_text(client->certificate, sizeof client->certificate, json, "certificate");
    client->step = BENCH_DOWNLOAD;
  } else if (strcmp(status, "processing") == 0 && client->step != BENCH_ORDER) {
    client->step = BENCH_POLL;
    client->bench->num_polls++;
    client->wake_us = bench_now_us() + POLL_US;
  } else {
    char text[64];
    (void)snprintf(text, sizeof text, "order is %.20s", status);
    const char *detail =
        json_string_value(json_object_get(json_object_get(json, "error"), "detail"));
    return bench_client_fail(client, text, detail ? detail : "", error);
  }
  return MTC_OK;
}

/* A problem document, or what stands for it. */
static mtc_status take_problem(struct bench_client *client, unsigned status, const json_t *json,
                               struct mtc_error *error) {
  char name[64];
  const char *type = json_string_value(json_object_get(json, "type"));
  const char *detail = json_string_value(json_object_get(json, "detail"));
  const char *colon = type ? strrchr(type, ':') : NULL;
  if (colon && strcmp(colon + 1, "badNonce") == 0 && client->nonce[0] &&
      client->num_nonce_errors++ < MAX_NONCE_ERRORS) {
    client->bench->num_nonce_retries++;
    return MTC_OK;
  }
  if (colon)
    (void)snprintf(name, sizeof name, "%s", colon + 1);
  else
    (void)snprintf(name, sizeof name, "HTTP %u", status);
  return bench_client_fail(client, name, detail ? detail : "", error);
}

static mtc_status take_certificate(struct bench_client *client, const struct bench_answer *answer,
                                   struct mtc_error *error) {
  static const char begin[] = "-----BEGIN CERTIFICATE-----";
  struct bench_acme *bench = client->bench;
  if (!answer->body.len || !memmem(answer->body.data, answer->body.len, begin, strlen(begin)))
    return bench_client_fail(client, "malformed", "a download without a certificate", error);
  int64_t latency_us = bench_now_us() - client->due_us;
  bench->latency_us[bench->num_issued++] = (uint32_t)(latency_us > 0 ? latency_us : 1);
  client->step = BENCH_IDLE;
  return MTC_OK;
}

static mtc_status take(struct bench_client *client, const struct bench_answer *answer,
                       const json_t *json, struct mtc_error *error) {
  if (answer->status >= 400) return take_problem(client, answer->status, json, error);
  client->num_nonce_errors = 0;
  switch (client->step) {
    case BENCH_DIRECTORY:
      return take_directory(client, json, error);
    case BENCH_NONCE:
      client->step = BENCH_ACCOUNT;
      return MTC_OK;
    case BENCH_ACCOUNT:
      (void)snprintf(client->account, sizeof client->account, "%.*s", (int)answer->location.len,
                     (const char *)answer->location.data);
      client->step = BENCH_AUTHORIZE;
      return MTC_OK;
    case BENCH_AUTHORIZATION:
      return take_authorization(client, json, error);
    case BENCH_CHALLENGE:
      client->step = BENCH_PROVED;
      client->wake_us = bench_now_us() + POLL_US;
      return MTC_OK;
    case BENCH_DOWNLOAD:
      return take_certificate(client, answer, error);
    case BENCH_AUTHORIZE:
    case BENCH_PROVED:
    case BENCH_ORDER:
    case BENCH_FINALIZE:
    case BENCH_POLL:
      return take_order(client, answer, json, error);
    case BENCH_IDLE:
      break;
  }
  return MTC_OK;
}

mtc_status bench_client_take(struct bench_client *client, const struct bench_answer *answer,
                             struct mtc_error *error) {
  bool is_json = client->step != BENCH_DOWNLOAD || answer->status >= 400;
  json_t *json = NULL;
  (void)snprintf(client->nonce, sizeof client->nonce, "%.*s", (int)answer->nonce.len,
                 answer->nonce.len ? (const char *)answer->nonce.data : "");
  if (is_json && answer->body.len)
    json = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
  client->wake_us = 0;
  mtc_status status = take(client, answer, json, error);
  json_decref(json);
  if (status || client->step == BENCH_IDLE) return status;
  if (!client->nonce[0] && client->step != BENCH_NONCE)
    return bench_client_fail(client, "malformed", "an answer without a Replay-Nonce", error);
  return client->wake_us ? MTC_OK : bench_client_ask(client, error);
}
