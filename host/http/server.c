/* The server's life: options, loops, the reaper of slow clients, the orderly end. */
#include "http/server.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/listener.h"
#include "http/loop.h"
#include "http/tls.h"
#include "mtc/runtime.h"

/* A file descriptor a connection, and what the rest of the program may have open. */
#define OTHER_FILES 256u

void http_server_release(struct http_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool last = --server->num_references == 0;
  pthread_mutex_unlock(&server->mutex);
  if (!last) return;
  http_connections_close(server->connections);
  mtc_free(server->proxies);
  pthread_cond_destroy(&server->changed);
  pthread_mutex_destroy(&server->mutex);
  mtc_free(server);
}

/* Waits for a change until the given moment of the monotonic clock; the mutex is held. */
static void wait_until(struct http_server *server, int64_t moment_ms) {
  struct timespec moment = {.tv_sec = moment_ms / 1000, .tv_nsec = (moment_ms % 1000) * 1000000};
  pthread_cond_timedwait(&server->changed, &server->mutex, &moment);
}

static void *reap(void *context) {
  struct http_server *server = context;
  int64_t period_ms = (int64_t)server->request_timeout_s * 125;
  if (period_ms > 2000) period_ms = 2000;
  pthread_mutex_lock(&server->mutex);
  int64_t next_ms = mtc_clock_monotonic_ms() + period_ms;
  while (!server->stopping) {
    int64_t now_ms = mtc_clock_monotonic_ms();
    if (now_ms < next_ms) {
      wait_until(server, next_ms);
      continue;
    }
    pthread_mutex_unlock(&server->mutex);
    http_connections_drop_slow(server->connections, now_ms);
    pthread_mutex_lock(&server->mutex);
    next_ms = mtc_clock_monotonic_ms() + period_ms;
  }
  pthread_mutex_unlock(&server->mutex);
  return NULL;
}

static mtc_status raise_file_limit(unsigned max_connections, struct mtc_error *error) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return MTC_OK;
  rlim_t wanted = (rlim_t)max_connections + OTHER_FILES;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return MTC_OK;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
    return mtc_fail(error, MTC_INPUT,
                    "%u connections need %llu open files; the process may have %llu: raise its "
                    "limit (LimitNOFILE=) or take fewer connections",
                    max_connections, (unsigned long long)wanted,
                    (unsigned long long)limit.rlim_max);
  }
  limit.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return MTC_OK;
  return mtc_fail(error, MTC_IO, "the limit of open files cannot be raised to %llu",
                  (unsigned long long)wanted);
}

static mtc_status read_proxies(struct http_server *server, const struct http_options *options,
                               struct mtc_error *error) {
  if (options->num_proxies == 0) return MTC_OK;
  server->proxies = mtc_alloc(options->num_proxies, sizeof *server->proxies);
  if (!server->proxies) return mtc_fail(error, MTC_NOMEM, "no memory for the proxies");
  for (unsigned i = 0; i < options->num_proxies; i++) {
    if (!http_address_parse(mtc_span_of_text(options->proxies[i]), &server->proxies[i])) {
      return mtc_fail(error, MTC_INPUT, "proxy %u: '%s' is no numeric address", i + 1,
                      options->proxies[i]);
    }
    server->num_proxies++;
  }
  return MTC_OK;
}

static mtc_status start(struct http_server *server, const struct http_options *options,
                        struct mtc_error *error) {
  struct mtc_bytes certificate = {0};
  struct mtc_bytes key = {0};
  mtc_status status = read_proxies(server, options, error);
  if (status == MTC_OK) {
    status = http_connections_open(
        options->max_connections, options->max_connections_per_address, options->request_timeout_s,
        options->idle_timeout_s, server->proxies, server->num_proxies, &server->connections, error);
  }
  if (status == MTC_OK) status = raise_file_limit(options->max_connections, error);
  if (status == MTC_OK && options->certificate) {
    status = http_tls_read(options->certificate, options->key, &certificate, &key, error);
  }
  if (status == MTC_OK) {
    status = http_listener_open(options->address, options->port, &server->listener, &server->port,
                                error);
  }
  if (status == MTC_OK) {
    status = http_loops_open(server, options, (const char *)certificate.data,
                             (const char *)key.data, &server->loops, error);
  }
  mtc_bytes_free(&certificate);
  mtc_bytes_wipe(&key);
  if (status) return status;
  server->has_reaper = pthread_create(&server->reaper, NULL, reap, server) == 0;
  return server->has_reaper ? MTC_OK : mtc_fail(error, MTC_IO, "no thread for the HTTP server");
}

mtc_status http_server_open(const struct http_options *options, http_handler *handler,
                            void *context, struct http_server **out, struct mtc_error *error) {
  *out = NULL;
  if (options->max_connections == 0 || options->idle_timeout_s == 0 ||
      options->request_timeout_s == 0) {
    return mtc_fail(error, MTC_INPUT,
                    "max_connections, idle_timeout_s and request_timeout_s must not be 0");
  }
  struct http_server *server = mtc_alloc(1, sizeof *server);
  if (!server) return mtc_fail(error, MTC_NOMEM, "no memory for the HTTP server");
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&server->mutex, NULL);
  pthread_cond_init(&server->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  server->num_references = 1;
  server->listener = -1;
  server->handler = handler;
  server->context = context;
  server->max_body_len = options->max_body_len;
  server->request_timeout_s = options->request_timeout_s;
  mtc_status status = start(server, options, error);
  if (status) {
    http_server_close(server, 0);
    return status;
  }
  *out = server;
  return MTC_OK;
}

unsigned http_server_port(const struct http_server *server) {
  return server->port;
}

void http_server_close(struct http_server *server, unsigned patience_ms) {
  if (!server) return;
  http_loops_stop_listening(server->loops);
  int64_t end_ms = mtc_clock_monotonic_ms() + patience_ms;
  pthread_mutex_lock(&server->mutex);
  server->draining = true;
  while (server->num_open && mtc_clock_monotonic_ms() < end_ms)
    wait_until(server, end_ms);
  server->stopping = true;
  http_exchange_abandon(server);
  pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->mutex);
  if (server->has_reaper) pthread_join(server->reaper, NULL);
  /* Closes every connection: each request of which the application has not let go is detached. */
  http_loops_close(server->loops);
  if (server->listener >= 0) close(server->listener);
  http_server_release(server);
}
