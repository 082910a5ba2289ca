/* Own listeners: http-01 by the HTTP server of this project, tls-alpn-01 by a small TLS server that
 * speaks to one validator at a time and says nothing. */
#include "acme/client_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acme/client_alpn.h"
#include "http/server.h"
#include "mtc/runtime.h"

#define PREFIX "/.well-known/acme-challenge/"
#define HANDSHAKE_TIMEOUT_S 5

struct acme_client_listener {
  struct acme_client_answerable *answerable;
  size_t num;
  struct http_server *http; /* http-01 */
  SSL_CTX *tls;             /* tls-alpn-01, and the rest */
  int socket;
  int stop[2]; /* closing the second end ends the thread */
  pthread_t thread;
  bool has_thread;
  unsigned port;
};

bool acme_client_parse_address(const char *text, char out_address[64], unsigned *out_port) {
  const char *colon = strrchr(text, ':');
  uint64_t port;
  uint8_t binary[16];
  if (!colon || !mtc_parse_decimal(mtc_span_of_text(colon + 1), 65535, &port)) return false;
  size_t len = (size_t)(colon - text);
  bool is_v6 = text[0] == '[' && len > 2 && colon[-1] == ']';
  if (is_v6) {
    text++;
    len -= 2;
  }
  if (len == 0 || len >= 64) return false;
  memcpy(out_address, text, len);
  out_address[len] = 0;
  *out_port = (unsigned)port;
  return inet_pton(is_v6 ? AF_INET6 : AF_INET, out_address, binary) == 1;
}

static void answer_http(void *context, struct http_request *request) {
  const struct acme_client_listener *listener = context;
  const char *path = http_request_path(request), *method = http_request_method(request);
  struct http_answer answer = {.status = 404};
  size_t len = strlen(PREFIX);
  for (size_t i = 0; i < listener->num; i++) {
    if (strcmp(method, "GET") != 0 || strncmp(path, PREFIX, len) != 0 ||
        strcmp(path + len, listener->answerable[i].token) != 0)
      continue;
    answer.status = 200;
    http_answer_header(&answer, "Content-Type", "application/octet-stream");
    mtc_bytes_append_text(&answer.body, listener->answerable[i].key_authorization);
  }
  http_send(request, &answer);
}

static mtc_status open_http(struct acme_client_listener *listener, const char *address,
                            unsigned port, struct mtc_error *error) {
  struct http_options options = {
      .address = address,
      .port = port,
      .threads = 1,
      .max_connections = 64,
      .max_body_len = 1024,
      .idle_timeout_s = 5,
      .request_timeout_s = 10,
  };
  mtc_status status = http_server_open(&options, answer_http, listener, &listener->http, error);
  if (!status) listener->port = http_server_port(listener->http);
  return status;
}

static mtc_status open_socket(struct acme_client_listener *listener, const char *address,
                              unsigned port, struct mtc_error *error) {
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  bool is_v6 = strchr(address, ':');
  struct sockaddr *to = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
  socklen_t len = is_v6 ? sizeof v6 : sizeof v4;
  int yes = 1;
  (void)inet_pton(is_v6 ? AF_INET6 : AF_INET, address,
                  is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
  listener->socket = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->socket < 0 ||
      setsockopt(listener->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(listener->socket, to, len) != 0 || listen(listener->socket, 64) != 0 ||
      getsockname(listener->socket, to, &len) != 0 || pipe2(listener->stop, O_CLOEXEC) != 0)
    return mtc_fail(error, MTC_IO, "%s:%u: %s", address, port, strerror(errno));
  listener->port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
  return MTC_OK;
}

/* One handshake, which is all that a validator wants. A slow one is dropped. */
static void serve(struct acme_client_listener *listener, int fd) {
  struct timeval timeout = {.tv_sec = HANDSHAKE_TIMEOUT_S};
  int flags = fcntl(fd, F_GETFL);
  SSL *tls = SSL_new(listener->tls);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 && tls &&
      SSL_set_fd(tls, fd) == 1 && SSL_accept(tls) == 1)
    (void)SSL_shutdown(tls);
  SSL_free(tls);
}

static void *serve_tls(void *context) {
  struct acme_client_listener *listener = context;
  for (;;) {
    struct pollfd wanted[] = {{.fd = listener->socket, .events = POLLIN},
                              {.fd = listener->stop[0], .events = POLLIN}};
    if (poll(wanted, 2, -1) < 0 && errno != EINTR) break;
    if (wanted[1].revents) break;
    int fd = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serve(listener, fd);
    (void)close(fd);
  }
  return NULL;
}

static mtc_status open_tls(struct acme_client_listener *listener, const char *address,
                           unsigned port, struct mtc_error *error) {
  mtc_status status =
      acme_client_alpn_context(listener->answerable, listener->num, &listener->tls, error);
  if (!status) status = open_socket(listener, address, port, error);
  if (!status && pthread_create(&listener->thread, NULL, serve_tls, listener) != 0)
    return mtc_fail(error, MTC_NOMEM, "no thread for the listener");
  listener->has_thread = !status;
  return status;
}

mtc_status acme_client_listen(enum acme_client_method method, const char *at,
                              const struct acme_client_answerable *answerable, size_t num,
                              struct acme_client_listener **out, struct mtc_error *error) {
  char address[64];
  unsigned port;
  *out = NULL;
  if (!acme_client_parse_address(at, address, &port))
    return mtc_fail(error, MTC_INPUT, "listen: \"%s\" is no address:port", at);
  struct acme_client_listener *listener = mtc_alloc(1, sizeof *listener);
  if (!listener) return mtc_fail(error, MTC_NOMEM, "out of memory");
  listener->socket = listener->stop[0] = listener->stop[1] = -1;
  listener->answerable = mtc_alloc(num, sizeof *answerable);
  listener->num = num;
  mtc_status status = listener->answerable ? MTC_OK : MTC_NOMEM;
  if (!status) memcpy(listener->answerable, answerable, num * sizeof *answerable);
  if (!status)
    status = method == ACME_CLIENT_HTTP ? open_http(listener, address, port, error)
                                        : open_tls(listener, address, port, error);
  if (status) {
    acme_client_listener_close(listener);
    return mtc_fail_within(error, status, "challenge");
  }
  *out = listener;
  return MTC_OK;
}

unsigned acme_client_listener_port(const struct acme_client_listener *listener) {
  return listener->port;
}

void acme_client_listener_close(struct acme_client_listener *listener) {
  if (!listener) return;
  http_server_close(listener->http, 1000);
  if (listener->stop[1] >= 0) (void)close(listener->stop[1]);
  if (listener->has_thread) (void)pthread_join(listener->thread, NULL);
  if (listener->stop[0] >= 0) (void)close(listener->stop[0]);
  if (listener->socket >= 0) (void)close(listener->socket);
  SSL_CTX_free(listener->tls);
  mtc_free(listener->answerable);
  mtc_free(listener);
}
