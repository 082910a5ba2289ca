#include "app/mtc/bench_responder.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "http/server.h"
#include "mtc/runtime.h"

#define PREFIX "/.well-known/acme-challenge/"

struct token {
  char name[128], authorization[256];
};

struct bench_responder {
  struct http_server *server;
  pthread_mutex_t mutex; /* the tokens */
  struct token *tokens;
  unsigned num_tokens, max_tokens;
};

static void answer(void *context, struct http_request *request) {
  struct bench_responder *responder = context;
  struct http_answer reply = {.status = 404};
  const char *path = http_request_path(request);
  bool is_challenge = strncmp(path, PREFIX, strlen(PREFIX)) == 0;
  pthread_mutex_lock(&responder->mutex);
  for (unsigned i = 0; is_challenge && i < responder->num_tokens; i++) {
    const struct token *token = &responder->tokens[i];
    if (strcmp(token->name, path + strlen(PREFIX)) != 0) continue;
    reply.status = 200;
    mtc_bytes_append_text(&reply.body, token->authorization);
    break;
  }
  pthread_mutex_unlock(&responder->mutex);
  http_send(request, &reply);
}

mtc_status bench_responder_open(unsigned port, unsigned max_tokens, struct bench_responder **out,
                                struct mtc_error *error) {
  const struct http_options options = {.address = "127.0.0.1",
                                       .port = port,
                                       .threads = 1,
                                       .max_connections = 256,
                                       .max_body_len = 1024,
                                       .idle_timeout_s = 10,
                                       .request_timeout_s = 10};
  *out = NULL;
  struct bench_responder *responder = mtc_alloc(1, sizeof *responder);
  struct token *tokens = mtc_alloc(max_tokens, sizeof *tokens);
  if (!responder || !tokens) {
    mtc_free(responder);
    mtc_free(tokens);
    return mtc_fail(error, MTC_NOMEM, "%u challenges: out of memory", max_tokens);
  }
  pthread_mutex_init(&responder->mutex, NULL);
  responder->tokens = tokens;
  responder->max_tokens = max_tokens;
  mtc_status status = http_server_open(&options, answer, responder, &responder->server, error);
  if (status) {
    bench_responder_close(responder);
    return status;
  }
  *out = responder;
  return MTC_OK;
}

mtc_status bench_responder_add(struct bench_responder *responder, const char *token,
                               struct mtc_span authorization, struct mtc_error *error) {
  pthread_mutex_lock(&responder->mutex);
  bool has_room = responder->num_tokens < responder->max_tokens;
  if (has_room) {
    struct token *entry = &responder->tokens[responder->num_tokens++];
    (void)snprintf(entry->name, sizeof entry->name, "%s", token);
    (void)snprintf(entry->authorization, sizeof entry->authorization, "%.*s",
                   (int)authorization.len, (const char *)authorization.data);
  }
  pthread_mutex_unlock(&responder->mutex);
  return has_room ? MTC_OK : mtc_fail(error, MTC_NOMEM, "more challenges than expected");
}

void bench_responder_close(struct bench_responder *responder) {
  if (!responder) return;
  http_server_close(responder->server, 1000);
  pthread_mutex_destroy(&responder->mutex);
  mtc_free(responder->tokens);
  mtc_free(responder);
}
