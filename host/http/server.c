/* The server's life: options, libmicrohttpd's daemon, the reaper of slow clients, the orderly end.
 */
#include "http/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/listener.h"
#include "http/tls.h"
#include "mtc/runtime.h"

/* Request line, headers and the answer's headers share this much of each connection, idle ones too:
 * what does not fit is answered with 414 or 431. */
#define CONNECTION_MEMORY 8192u
/* A file descriptor a connection, and what the rest of the program may have open. */
#define OTHER_FILES 256u

void http_server_release(struct http_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool last = --server->num_references == 0;
  pthread_mutex_unlock(&server->mutex);
  if (!last) return;
  http_connections_close(server->connections);
  mtc_bytes_free(&server->start_log);
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

static enum MHD_Result admit(void *context, const struct sockaddr *address, socklen_t len) {
  struct http_server *server = context;
  (void)len;
  bool admitted = http_connections_admit(server->connections, http_address_of(address));
  return admitted ? MHD_YES : MHD_NO;
}

/* Paths stay as they were sent. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

/* While the daemon starts, what it says is the reason of a failure; later only a client's fault. */
__attribute__((format(printf, 2, 0))) static void log_line(void *context, const char *format,
                                                           va_list arguments) {
  struct http_server *server = context;
  char line[256];
  if (atomic_load(&server->started)) return;
  vsnprintf(line, sizeof line, format, arguments);
  line[strcspn(line, "\n")] = 0;
  if (server->start_log.len < 512) mtc_bytes_append_format(&server->start_log, " %s", line);
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

static mtc_status start_daemon(struct http_server *server, const struct http_options *options,
                               const char *certificate, const char *key, struct mtc_error *error) {
  unsigned threads = options->threads ? options->threads : 1;
  /* Each thread may come to hold all connections: libmicrohttpd would let those beyond its limit
   * wait, http_connections_admit closes them. */
  uint64_t limit = ((uint64_t)options->max_connections + 64) * threads;
  struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_TLS_PRIORITIES},
      {MHD_OPTION_END, 0, NULL},
  };
  if (!certificate) tls[0].option = MHD_OPTION_END;
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                   MHD_USE_ERROR_LOG | (certificate ? (unsigned)MHD_USE_TLS : 0u);
  server->daemon = MHD_start_daemon(
      flags, 0, admit, server, http_exchange_access, server, MHD_OPTION_EXTERNAL_LOGGER, log_line,
      server, MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_URI_LOG_CALLBACK,
      http_exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, server,
      MHD_OPTION_NOTIFY_CONNECTION, http_exchange_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
      keep_escapes, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
      MHD_OPTION_CONNECTION_LIMIT, limit > INT32_MAX ? INT32_MAX : (unsigned)limit,
      MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s, MHD_OPTION_THREAD_POOL_SIZE,
      threads > 1 ? threads : 0u, MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, MHD_OPTION_NONCE_NC_SIZE, 0u,
      MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
  if (!server->daemon) {
    mtc_bytes_append(&server->start_log, "", 1);
    const char *reason =
        server->start_log.failed ? " no memory" : (const char *)server->start_log.data;
    return mtc_fail(error, MTC_IO, "the HTTP server does not start:%s", reason);
  }
  atomic_store(&server->started, true);
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
    status = start_daemon(server, options, (const char *)certificate.data, (const char *)key.data,
                          error);
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
  if (server->daemon) MHD_quiesce_daemon(server->daemon);
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
  if (server->daemon) MHD_stop_daemon(server->daemon);
  if (server->listener >= 0) close(server->listener);
  http_server_release(server);
}
