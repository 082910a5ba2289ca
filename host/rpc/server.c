/* The server's thread: one epoll loop over the listener, the wake-up and the connections. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

#define MAX_EVENTS 64
#define ACCEPT_RETRY_MS 1000
#define IDLE_MS 5000 /* without traffic a connection may be closed for another */

struct mtc_rpc_server {
  struct rpc_core *core;
  mtc_rpc_handler *handler;
  void *context;
  char *path;
  struct stat name; /* of the socket, so that only our own name is removed */
  int listen_fd, wake_fd, epoll_fd;
  atomic_bool stopping;
  bool is_accepting;
  bool must_retry;        /* out of descriptors or memory: accept again later */
  unsigned idle_ms;       /* how long it stays when nobody is connected; 0: for ever */
  int64_t alone_since_ms; /* monotonic; while there is no connection */
  size_t num_connections;
  struct rpc_connection *connections[RPC_MAX_CONNECTIONS];
};

static bool watch(const struct mtc_rpc_server *server, int operation, int fd, uint32_t events,
                  void *key) {
  struct epoll_event event = {.events = events, .data = {.ptr = key}};
  return epoll_ctl(server->epoll_fd, operation, fd, &event) == 0;
}

static void set_accepting(struct mtc_rpc_server *server, bool accepting) {
  if (server->is_accepting == accepting) return;
  server->is_accepting = accepting;
  if (!watch(server, EPOLL_CTL_MOD, server->listen_fd, accepting ? EPOLLIN : 0,
             &server->listen_fd)) {
    mtc_log(MTC_LOG_ERROR, "rpc-accept", "reason=\"%s\"", strerror(errno));
  }
}

mtc_status mtc_rpc_server_open(const char *socket_path, mtc_rpc_handler *handler, void *context,
                               struct mtc_rpc_server **out, struct mtc_error *error) {
  struct mtc_rpc_server *server = mtc_alloc(1, sizeof *server);
  if (!server) return mtc_fail(error, MTC_NOMEM, "socket %s: out of memory", socket_path);
  mtc_status status = MTC_OK;
  server->handler = handler;
  server->context = context;
  server->listen_fd = -1;
  server->is_accepting = true;
  atomic_init(&server->stopping, false);
  server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  server->core = mtc_rpc_core_make(server->wake_fd);
  server->path = mtc_strdup(socket_path);
  if (!server->core || !server->path) {
    status = mtc_fail(error, MTC_NOMEM, "socket %s: out of memory", socket_path);
    goto out;
  }
  if (server->wake_fd < 0 || server->epoll_fd < 0) {
    status =
        mtc_fail(error, MTC_IO, "socket %s: no event descriptor: %s", socket_path, strerror(errno));
    goto out;
  }
  status = mtc_rpc_listen(socket_path, &server->listen_fd, error);
  if (status != MTC_OK) goto out;
  if (lstat(socket_path, &server->name) != 0 ||
      !watch(server, EPOLL_CTL_ADD, server->wake_fd, EPOLLIN, &server->wake_fd) ||
      !watch(server, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN, &server->listen_fd)) {
    status = mtc_fail(error, MTC_IO, "cannot watch socket %s: %s", socket_path, strerror(errno));
    goto out;
  }
  *out = server;
  return MTC_OK;
out:
  mtc_rpc_server_close(server);
  return status;
}

static void close_connection(struct mtc_rpc_server *server, struct rpc_connection *connection) {
  for (size_t i = 0; i < server->num_connections; i++) {
    if (server->connections[i] != connection) continue;
    server->connections[i] = server->connections[--server->num_connections];
    server->alone_since_ms = mtc_clock_monotonic_ms();
    break;
  }
  /* Closing alone does not end the watch while another process has a copy of the socket: one that
   * is being started has, until it executes its program. An event would then name what is freed. */
  (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
  mtc_rpc_connection_close(connection);
  set_accepting(server, true);
}

static void serve(struct mtc_rpc_server *server, struct rpc_connection *connection,
                  uint32_t events) {
  if (!mtc_rpc_connection_serve(connection, events, server->handler, server->context)) {
    close_connection(server, connection);
    return;
  }
  uint32_t interest = mtc_rpc_connection_wants(connection);
  if (interest == connection->interest) return;
  connection->interest = interest;
  if (!watch(server, EPOLL_CTL_MOD, connection->fd, interest, connection)) {
    close_connection(server, connection);
  }
}

/* Full of peers that ask for nothing, or never end what they ask, the server serves nobody. */
static bool make_room(struct mtc_rpc_server *server) {
  struct rpc_connection *longest = NULL;
  int64_t since_ms = mtc_clock_monotonic_ms() - IDLE_MS;
  if (server->num_connections < RPC_MAX_CONNECTIONS) return true;
  for (size_t i = 0; i < server->num_connections; i++) {
    struct rpc_connection *connection = server->connections[i];
    if (longest && connection->moved_ms >= longest->moved_ms) continue;
    if (mtc_rpc_connection_is_idle(connection, since_ms)) longest = connection;
  }
  if (!longest) return false;
  mtc_log(MTC_LOG_WARNING, "rpc-peer-dropped", "peer-pid=%ld reason=\"idle, others wait\"",
          (long)longest->peer);
  close_connection(server, longest);
  return true;
}

static void accept_some(struct mtc_rpc_server *server) {
  while (make_room(server)) {
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0 && errno == EAGAIN) return;
    struct rpc_connection *connection = fd < 0 ? NULL : mtc_rpc_connection_make(server->core, fd);
    if (!connection) {
      /* The listener stays readable: without a pause this would spin. */
      mtc_log(MTC_LOG_WARNING, "rpc-accept", "reason=\"%s\"",
              fd < 0 ? strerror(errno) : "out of memory");
      if (fd >= 0) (void)close(fd);
      server->must_retry = true;
      set_accepting(server, false);
      return;
    }
    server->connections[server->num_connections++] = connection;
    connection->interest = EPOLLIN;
    if (!watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection)) {
      mtc_log(MTC_LOG_WARNING, "rpc-accept", "reason=\"%s\"", strerror(errno));
      close_connection(server, connection);
    }
  }
  /* Further peers wait in the listener's queue, until one leaves or has been idle. */
  server->must_retry = true;
  set_accepting(server, false);
}

/* Serves the connections that were answered; at most so many that events get their turn. */
static bool serve_touched(struct mtc_rpc_server *server) {
  for (size_t i = 0; i < RPC_MAX_CONNECTIONS; i++) {
    struct rpc_connection *connection = mtc_rpc_core_take_touched(server->core);
    if (!connection) return true;
    if (connection->fd >= 0) serve(server, connection, 0);
    mtc_rpc_connection_release(connection);
  }
  return false;
}

void mtc_rpc_server_set_idle(struct mtc_rpc_server *server, unsigned idle_ms) {
  server->idle_ms = idle_ms;
  server->alone_since_ms = mtc_clock_monotonic_ms();
}

/* How long to wait for somebody; 0: long enough. */
static int patience_ms(const struct mtc_rpc_server *server) {
  if (!server->idle_ms || server->num_connections) return -1;
  int64_t left_ms = server->alone_since_ms + server->idle_ms - mtc_clock_monotonic_ms();
  return left_ms > 0 ? (int)left_ms : 0;
}

mtc_status mtc_rpc_server_run(struct mtc_rpc_server *server) {
  int timeout_ms = patience_ms(server);
  while (!atomic_load(&server->stopping)) {
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(server->epoll_fd, events, MAX_EVENTS, timeout_ms);
    if (count < 0 && errno != EINTR) {
      mtc_log(MTC_LOG_ERROR, "rpc-wait", "reason=\"%s\"", strerror(errno));
      return MTC_IO;
    }
    /* Whoever connects from now on finds the socket closed, and starts the next daemon. */
    if (count == 0 && patience_ms(server) == 0) return MTC_OK;
    if (server->must_retry) {
      server->must_retry = false;
      set_accepting(server, true);
    }
    /* An event's connection is alive: only its own event closes one in this loop. Accepting may
     * close others, so it comes after. */
    bool must_accept = false;
    for (int i = 0; i < count; i++) {
      void *key = events[i].data.ptr;
      uint64_t wakes;
      if (key == &server->listen_fd) {
        must_accept = true;
      } else if (key != &server->wake_fd) {
        serve(server, key, events[i].events);
      } else if (read(server->wake_fd, &wakes, sizeof wakes) < 0) {
        continue; /* somebody's wake-up that was seen before */
      }
    }
    if (must_accept) accept_some(server);
    timeout_ms = serve_touched(server) ? patience_ms(server) : 0;
    if (server->must_retry && timeout_ms < 0) timeout_ms = ACCEPT_RETRY_MS;
  }
  return MTC_OK;
}

void mtc_rpc_server_stop(struct mtc_rpc_server *server) {
  int saved = errno;
  uint64_t one = 1;
  atomic_store(&server->stopping, true);
  /* A full counter wakes the server too. */
  if (write(server->wake_fd, &one, sizeof one) < 0) errno = saved;
  errno = saved;
}

static void remove_name(const struct mtc_rpc_server *server) {
  struct stat now;
  if (lstat(server->path, &now) == 0 && now.st_ino == server->name.st_ino &&
      now.st_dev == server->name.st_dev) {
    (void)unlink(server->path);
  }
}

void mtc_rpc_server_close(struct mtc_rpc_server *server) {
  if (!server) return;
  if (server->listen_fd >= 0) {
    if (server->path) remove_name(server);
    (void)close(server->listen_fd);
  }
  while (server->num_connections) {
    struct rpc_connection *connection = server->connections[--server->num_connections];
    /* What was answered in time still goes out, as far as the socket takes it. */
    if (!mtc_rpc_connection_flush(connection)) connection->at_end = true;
    mtc_rpc_connection_close(connection);
  }
  if (server->core) {
    struct rpc_connection *connection;
    while ((connection = mtc_rpc_core_take_touched(server->core)))
      mtc_rpc_connection_release(connection);
    pthread_mutex_lock(&server->core->mutex);
    server->core->wake_fd = -1;
    pthread_mutex_unlock(&server->core->mutex);
    mtc_rpc_core_release(server->core);
  }
  if (server->wake_fd >= 0) (void)close(server->wake_fd);
  if (server->epoll_fd >= 0) (void)close(server->epoll_fd);
  mtc_free(server->path);
  mtc_free(server);
}
