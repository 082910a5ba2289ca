/* A TCP listener on loopback whose connections are served by a thread each. */
#ifndef SUPPORT_LISTENER_H
#define SUPPORT_LISTENER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENER_CONNECTIONS 256

struct listener {
  int fd, stop_fd;
  unsigned port;
  void (*serve)(struct listener *listener, int fd); /* closes nothing */
  void *context;
  pthread_t thread;
  pthread_t connections[LISTENER_CONNECTIONS];
  unsigned num_connections;
};

struct listener_connection {
  struct listener *listener;
  int fd;
};

static inline void *listener_connection(void *context) {
  struct listener_connection connection = *(struct listener_connection *)context;
  free(context);
  connection.listener->serve(connection.listener, connection.fd);
  (void)close(connection.fd);
  return NULL;
}

static inline void *listener_run(void *context) {
  struct listener *listener = context;
  struct pollfd fds[2] = {{.fd = listener->fd, .events = POLLIN},
                          {.fd = listener->stop_fd, .events = POLLIN}};
  while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    struct listener_connection *connection = malloc(sizeof *connection);
    *connection = (struct listener_connection){listener, fd};
    if (listener->num_connections == LISTENER_CONNECTIONS ||
        pthread_create(&listener->connections[listener->num_connections], NULL, listener_connection,
                       connection) != 0)
      abort();
    listener->num_connections++;
  }
  return NULL;
}

/* True when the test is over or the peer has gone, at the latest after `patience_ms`. */
static inline bool listener_ended(const struct listener *listener, int fd, int patience_ms) {
  struct pollfd fds[2] = {{.fd = fd, .events = POLLRDHUP},
                          {.fd = listener->stop_fd, .events = POLLIN}};
  return poll(fds, 2, patience_ms) != 0;
}

/* On all addresses (a network of the test's own) or 127.0.0.1 alone. */
static inline void listener_start(struct listener *listener, bool everywhere) {
  struct sockaddr_in6 all = {.sin6_family = AF_INET6};
  struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_storage bound;
  socklen_t len = sizeof bound;
  int on = 1;
  listener->num_connections = 0;
  listener->stop_fd = eventfd(0, EFD_CLOEXEC);
  listener->fd = socket(everywhere ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int failed = everywhere ? bind(listener->fd, (struct sockaddr *)&all, sizeof all)
                          : bind(listener->fd, (struct sockaddr *)&loopback, sizeof loopback);
  assert_int_equal(failed, 0);
  assert_int_equal(listen(listener->fd, 64), 0);
  assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&bound, &len), 0);
  memcpy(&loopback, &bound, sizeof loopback); /* the port stands in the same place of both */
  listener->port = ntohs(loopback.sin_port);
  assert_int_equal(pthread_create(&listener->thread, NULL, listener_run, listener), 0);
}

static inline void listener_stop(struct listener *listener) {
  (void)eventfd_write(listener->stop_fd, 1);
  (void)pthread_join(listener->thread, NULL);
  for (unsigned i = 0; i < listener->num_connections; i++)
    (void)pthread_join(listener->connections[i], NULL);
  (void)close(listener->fd);
  (void)close(listener->stop_fd);
}

#endif
