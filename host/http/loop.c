/* Event loops around libmicrohttpd.
 *
 * Its own threads are not used: libmicrohttpd (to 1.0.1 at least) asks epoll for more, and waits
 * with the whole timeout, when it got as many events as it has room for, 128, before it treats
 * those it has. On a server that is quiet afterwards nobody answers these requests until the idle
 * timeout closes their connections. Here poll waits, and MHD_run, which never does, is called when
 * there is something to do.
 */
#include "http/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/tls.h"
#include "mtc/runtime.h"

/* Request line, headers and the answer's headers share this much of each connection, idle ones too:
 * what does not fit is answered with 414 or 431. */
#define CONNECTION_MEMORY 8192u

struct loop {
  struct http_loops *loops;
  struct MHD_Daemon *daemon;
  int events; /* libmicrohttpd's epoll: readable when MHD_run has something to do */
  pthread_t thread;
  bool has_thread;
};

struct http_loops {
  int stop;                   /* an eventfd, readable once the loops have to end */
  struct mtc_bytes start_log; /* what libmicrohttpd says while it starts */
  atomic_bool started;
  unsigned num;
  struct loop each[];
};

static void *serve(void *context) {
  const struct loop *loop = context;
  struct pollfd fds[] = {{.fd = loop->events, .events = POLLIN},
                         {.fd = loop->loops->stop, .events = POLLIN}};
  while (!fds[1].revents) {
    if (poll(fds, 2, MHD_get_timeout_i(loop->daemon)) < 0) fds[1].revents = 0; /* EINTR */
    MHD_run(loop->daemon);
  }
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

/* While the daemons start, what is said is the reason of a failure; later only a client's fault. */
__attribute__((format(printf, 2, 0))) static void log_line(void *context, const char *format,
                                                           va_list arguments) {
  struct http_loops *loops = context;
  char line[256];
  if (atomic_load(&loops->started)) return;
  vsnprintf(line, sizeof line, format, arguments);
  line[strcspn(line, "\n")] = 0;
  if (loops->start_log.len < 512) mtc_bytes_append_format(&loops->start_log, " %s", line);
}

static mtc_status start_daemon(struct http_server *server, const struct http_options *options,
                               const char *certificate, const char *key, struct loop *loop,
                               struct mtc_error *error) {
  struct http_loops *loops = loop->loops;
  /* One loop may come to hold all connections: libmicrohttpd would let those beyond its limit wait,
   * http_connections_admit closes them. */
  uint64_t limit = (uint64_t)options->max_connections + 64;
  struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_TLS_PRIORITIES},
      {MHD_OPTION_END, 0, NULL},
  };
  if (!certificate) tls[0].option = MHD_OPTION_END;
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG |
                   (certificate ? (unsigned)MHD_USE_TLS : 0u);
  loop->daemon = MHD_start_daemon(
      flags, 0, admit, server, http_exchange_access, server, MHD_OPTION_EXTERNAL_LOGGER, log_line,
      loops, MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_URI_LOG_CALLBACK,
      http_exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, server,
      MHD_OPTION_NOTIFY_CONNECTION, http_exchange_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
      keep_escapes, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
      MHD_OPTION_CONNECTION_LIMIT, limit > INT32_MAX ? INT32_MAX : (unsigned)limit,
      MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s, MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
      MHD_OPTION_NONCE_NC_SIZE, 0u, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls,
      MHD_OPTION_END);
  const union MHD_DaemonInfo *info = NULL;
  if (loop->daemon) info = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info) {
    loop->events = info->epoll_fd;
    return MTC_OK;
  }
  mtc_bytes_append(&loops->start_log, "", 1);
  const char *reason = loops->start_log.failed ? " no memory" : (const char *)loops->start_log.data;
  return mtc_fail(error, MTC_IO, "the HTTP server does not start:%s", reason);
}

/* A peer that has gone is no signal on these threads, also where a library writes without
 * MSG_NOSIGNAL; they inherit what is blocked here. */
static mtc_status start_threads(struct http_loops *loops, struct mtc_error *error) {
  sigset_t pipe;
  sigset_t before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  bool started = true;
  for (unsigned i = 0; i < loops->num && started; i++) {
    struct loop *loop = &loops->each[i];
    started = loop->has_thread = pthread_create(&loop->thread, NULL, serve, loop) == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started ? MTC_OK : mtc_fail(error, MTC_IO, "no thread for the HTTP server");
}

mtc_status http_loops_open(struct http_server *server, const struct http_options *options,
                           const char *certificate, const char *key, struct http_loops **out,
                           struct mtc_error *error) {
  unsigned num = options->threads ? options->threads : 1;
  struct http_loops *loops = mtc_alloc(1, sizeof *loops + num * sizeof *loops->each);
  *out = loops;
  if (!loops) return mtc_fail(error, MTC_NOMEM, "no memory for the HTTP server");
  loops->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (loops->stop < 0) {
    return mtc_fail(error, MTC_IO, "no event for the HTTP server: %s", strerror(errno));
  }
  mtc_status status = MTC_OK;
  while (status == MTC_OK && loops->num < num) {
    struct loop *loop = &loops->each[loops->num++];
    loop->loops = loops;
    status = start_daemon(server, options, certificate, key, loop, error);
  }
  if (status) return status;
  atomic_store(&loops->started, true);
  return start_threads(loops, error);
}

void http_loops_stop_listening(struct http_loops *loops) {
  if (!loops) return;
  for (unsigned i = 0; i < loops->num; i++) {
    if (loops->each[i].daemon) MHD_quiesce_daemon(loops->each[i].daemon);
  }
}

void http_loops_close(struct http_loops *loops) {
  if (!loops) return;
  if (loops->stop >= 0) eventfd_write(loops->stop, 1);
  for (unsigned i = 0; i < loops->num; i++) {
    const struct loop *loop = &loops->each[i];
    if (loop->has_thread) pthread_join(loop->thread, NULL);
    if (loop->daemon) MHD_stop_daemon(loop->daemon);
  }
  if (loops->stop >= 0) close(loops->stop);
  mtc_bytes_free(&loops->start_log);
  mtc_free(loops);
}
