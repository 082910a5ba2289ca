/* Requests: from the HTTP server through the checks that all have in common to their handlers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/core.h"
#include "mtc/runtime.h"

static const char jose_type[] = "application/jose+json";

static void request_done(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_request *request = (struct acme_request *)job;
  (void)text; /* logged where it happened; clients learn nothing of the inside */
  if (status) {
    acme_problem_free(&request->problem);
    (void)acme_fail(&request->problem, ACME_SERVER_INTERNAL,
                    "the server's database failed; nothing was changed");
    request->problem.http_status = 503;
    request->problem.retry_after_s = 5;
  }
  if (!request->problem.type && request->after)
    request->after(request);
  else
    acme_request_send(request);
}

/* The account of a kid, and its signature where it was not checked by a key from the cache. */
static mtc_status check_account(struct acme_request *request, struct mtc_error *error) {
  struct acme_server *server = request->server;
  uint64_t id;
  size_t base_len = strlen(server->config->url);
  const char *kid = request->jws.kid;
  if (strncmp(kid, server->config->url, base_len) != 0 ||
      strncmp(kid + base_len, "/account/", 9) != 0 ||
      !acme_parse_id(kid + base_len + 9, strlen(kid + base_len + 9), &id))
    return acme_refuse(request, ACME_ACCOUNT_DOES_NOT_EXIST,
                       "the kid is no account URL of this server");
  mtc_status status = acme_account_load(server->db, id, &request->account, error);
  if (status) return status;
  const struct acme_account *account = &request->account;
  if (!account->id)
    return acme_refuse(request, ACME_ACCOUNT_DOES_NOT_EXIST, "there is no such account");
  /* The key in the cache may be one that another process has seen replaced. */
  bool is_current = strcmp(account->thumbprint, request->key.thumbprint) == 0;
  if (!is_current) {
    request->is_verified = false;
    acme_key_cache_drop(server->keys, id);
  } else if (!request->is_verified && request->jws.algorithm == request->key.algorithm) {
    return acme_refuse(request, ACME_MALFORMED, "the signature is wrong");
  }
  if (!request->is_verified) {
    acme_key_free(&request->key);
    if (acme_key_from_text(account->jwk, &request->key, &request->problem) ||
        acme_jws_verify(&request->jws, &request->key, &request->problem))
      return MTC_OK;
    request->is_verified = true;
    acme_key_cache_put(server->keys, id, &request->key);
  }
  if (account->state != ACME_VALID)
    return acme_refuse(request, ACME_UNAUTHORIZED, "the account is %s",
                       acme_state_name(account->state));
  return MTC_OK;
}

static mtc_status request_run(struct acme_job *job, struct mtc_error *error) {
  struct acme_request *request = (struct acme_request *)job;
  if (request->jws.kid) {
    mtc_status status = check_account(request, error);
    if (status || request->problem.type) return status;
  }
  return request->route->handler(request, error);
}

static void queue(struct acme_request *request) {
  request->job.run = request_run;
  request->job.done = request_done;
  acme_jobs_put(request->server->jobs, &request->job);
}

/* The header's URL is signed, so that a request cannot be sent on to another resource. */
static bool is_own_url(const struct acme_request *request) {
  const struct acme_config *config = request->server->config;
  const char *path = http_request_path(request->http), *query = http_request_query(request->http);
  const char *url = request->jws.url;
  size_t origin_len = strlen(config->url) - strlen(config->path), path_len = strlen(path);
  if (strncmp(url, config->url, origin_len) != 0) return false;
  url += origin_len;
  if (strncmp(url, path, path_len) != 0) return false;
  url += path_len;
  if (!query) return *url == 0;
  return *url == '?' && strcmp(url + 1, query) == 0;
}

static bool has_jose_type(const struct http_request *http) {
  const char *type = http_request_header(http, "Content-Type");
  size_t len = sizeof jose_type - 1;
  return type && strncasecmp(type, jose_type, len) == 0 &&
         (type[len] == 0 || type[len] == ';' || type[len] == ' ');
}

/* A signature by a key that is at hand is checked here, on the HTTP server's thread. */
static void verify_early(struct acme_request *request) {
  struct acme_jws *jws = &request->jws;
  uint64_t id;
  if (jws->jwk) {
    if (acme_key_from_jwk(jws->jwk, &request->key, &request->problem) ||
        acme_jws_verify(jws, &request->key, &request->problem))
      return;
    request->is_verified = true;
    return;
  }
  const char *slash = strrchr(jws->kid, '/');
  if (!slash || !acme_parse_id(slash + 1, strlen(slash + 1), &id) ||
      !acme_key_cache_get(request->server->keys, id, &request->key))
    return;
  /* One that does not fit may be older than a key change: the account's own decides. */
  struct acme_problem ignored = {0};
  request->is_verified = !acme_jws_verify(jws, &request->key, &ignored);
  acme_problem_free(&ignored);
}

/* Everything that can be said about a POST without the database. */
static enum acme_problem_type check_post(struct acme_request *request) {
  struct acme_problem *problem = &request->problem;
  enum acme_auth auth = request->route->auth;
  if (!has_jose_type(request->http)) {
    (void)acme_fail(problem, ACME_MALFORMED, "the Content-Type is not %s", jose_type);
    problem->http_status = 415;
    return problem->type;
  }
  if (acme_jws_parse(http_request_body(request->http), ACME_JWS_REQUEST, &request->jws, problem))
    return problem->type;
  if (!acme_nonces_take(request->server->nonces, request->jws.nonce))
    return acme_fail(problem, ACME_BAD_NONCE,
                     "the nonce is not this server's, too old or was used before");
  if (!is_own_url(request))
    return acme_fail(problem, ACME_UNAUTHORIZED, "the header's url is not that of the request");
  if ((auth == ACME_AUTH_KID || auth == ACME_AUTH_OPTIONAL) && !request->jws.kid)
    return acme_fail(problem, ACME_MALFORMED, "the header has no kid, which this resource needs");
  if (auth == ACME_AUTH_JWK && !request->jws.jwk)
    return acme_fail(problem, ACME_MALFORMED, "the header has no jwk, which this resource needs");
  verify_early(request);
  return problem->type;
}

static void handle_post(struct acme_request *request) {
  request->needs_nonce = true;
  if (request->route->auth == ACME_AUTH_NONE) {
    (void)acme_fail(&request->problem, ACME_MALFORMED, "this resource is for GET");
    request->problem.http_status = 405;
    acme_request_header(request, "Allow", "GET, HEAD");
  } else if (check_post(request) == ACME_NONE) {
    queue(request);
    return;
  }
  acme_request_send(request);
}

static void handle_get(struct acme_request *request) {
  const struct acme_route *route = request->route;
  if (route->auth > ACME_AUTH_OPTIONAL) {
    (void)acme_fail(&request->problem, ACME_MALFORMED, "this resource is for POST, or POST-as-GET");
    request->problem.http_status = 405;
    acme_request_header(request, "Allow", "POST");
  } else if (route->handler) {
    queue(request);
    return;
  } else if (strcmp(route->pattern, "/new-nonce") == 0) {
    request->needs_nonce = true;
    request->answer.status = request->is_head ? 200 : 204;
  } else {
    mtc_bytes_append_span(&request->answer.body, mtc_span_of_bytes(&request->server->directory));
    acme_request_header(request, "Content-Type", "application/json");
  }
  acme_request_send(request);
}

void acme_http_handle(void *context, struct http_request *http) {
  struct acme_server *server = context;
  struct acme_request *request = mtc_alloc(1, sizeof *request);
  const char *method = http_request_method(http), *path = http_request_path(http);
  size_t base_len = strlen(server->config->path);
  if (!request) {
    struct http_answer answer = {.status = 503};
    http_send(http, &answer);
    return;
  }
  request->server = server;
  request->http = http;
  request->is_head = strcmp(method, "HEAD") == 0;
  if (strncmp(path, server->config->path, base_len) == 0)
    request->route = acme_route_find(path + base_len, request);
  if (!request->route) {
    (void)acme_fail(&request->problem, ACME_MALFORMED, "there is no such resource");
    request->problem.http_status = 404;
    request->needs_nonce = strcmp(method, "POST") == 0;
    acme_request_send(request);
  } else if (strcmp(method, "POST") == 0) {
    handle_post(request);
  } else if (request->is_head || strcmp(method, "GET") == 0) {
    handle_get(request);
  } else {
    (void)acme_fail(&request->problem, ACME_MALFORMED, "the method is not GET, HEAD or POST");
    request->problem.http_status = 405;
    acme_request_header(request, "Allow", request->route->auth ? "POST" : "GET, HEAD");
    acme_request_send(request);
  }
}
