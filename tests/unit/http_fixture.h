/* An HTTP server with a handler for tests, and raw clients. Included once a test program. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "mtc/runtime.h"

enum { MAX_HELD = 1024, PATIENCE_MS = 60000, BIG_LEN = 8 << 20 };

/* "/hold" waits in `held` for release_held, "/later" for a thread of the test, "/stall" blocks its
 * thread of the server until `held` is empty, "/big" answers 8 MiB, "/inject" tries to split its
 * answer; everything else is told what it asked. */
static struct fixture {
  struct http_server *server;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct http_request *held[MAX_HELD];
  size_t num_held, num_handled;
  bool stopping; /* the answering threads */
} now = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void answer_echo(struct http_request *request) {
  struct http_answer answer = {0};
  struct mtc_span body = http_request_body(request);
  const char *query = http_request_query(request);
  const char *header = http_request_header(request, "x-test");
  http_answer_header(&answer, "X-Answer", "yes");
  mtc_bytes_append_format(&answer.body, "%s %s %s from %s, %s: ", http_request_method(request),
                          http_request_path(request), query ? query : "-",
                          http_request_address(request), header ? header : "-");
  mtc_bytes_append_span(&answer.body, body);
  http_send(request, &answer);
}

static inline void handle(void *context, struct http_request *request) {
  struct fixture *fixture = context;
  const char *path = http_request_path(request);
  struct http_answer answer = {0};
  pthread_mutex_lock(&fixture->mutex);
  fixture->num_handled++;
  bool hold = strcmp(path, "/hold") == 0 || strcmp(path, "/later") == 0;
  bool stall = strcmp(path, "/stall") == 0;
  if (hold || stall) fixture->held[fixture->num_held++] = request;
  pthread_cond_broadcast(&fixture->changed);
  while (stall && fixture->num_held)
    pthread_cond_wait(&fixture->changed, &fixture->mutex);
  pthread_mutex_unlock(&fixture->mutex);
  if (hold || stall) return;
  if (strcmp(path, "/big") == 0) {
    memset(mtc_bytes_reserve(&answer.body, BIG_LEN), 'b', BIG_LEN);
    answer.body.len = BIG_LEN;
    http_send(request, &answer);
  } else if (strcmp(path, "/inject") == 0) {
    http_answer_header(&answer, "X-Test", "a\r\nX-Forged: 1");
    http_send(request, &answer);
  } else if (strcmp(path, "/nothing") == 0) {
    answer.status = 204;
    http_answer_header(&answer, "X-Empty", "");
    http_send(request, &answer);
  } else {
    answer_echo(request);
  }
}

static inline void wait_for_held(size_t num) {
  pthread_mutex_lock(&now.mutex);
  while (now.num_held < num)
    pthread_cond_wait(&now.changed, &now.mutex);
  pthread_mutex_unlock(&now.mutex);
}

static inline void release_held(void) {
  pthread_mutex_lock(&now.mutex);
  struct http_request *held[MAX_HELD];
  size_t num = now.num_held;
  memcpy(held, now.held, num * sizeof *held);
  now.num_held = 0;
  pthread_cond_broadcast(&now.changed);
  pthread_mutex_unlock(&now.mutex);
  for (size_t i = 0; i < num; i++)
    answer_echo(held[i]);
}

static inline struct http_options usual_options(void) {
  return (struct http_options){.address = "127.0.0.1",
                               .threads = 2,
                               .max_connections = 2000,
                               .max_body_len = 65536,
                               .idle_timeout_s = 60,
                               .request_timeout_s = 60};
}

static inline void open_server(const struct http_options *options) {
  struct mtc_error error = {{0}};
  now.num_held = now.num_handled = 0;
  mtc_status status = http_server_open(options, handle, &now, &now.server, &error);
  if (status) fail_msg("%s", error.text);
}

static inline void close_server(void) {
  http_server_close(now.server, PATIENCE_MS);
  now.server = NULL;
}

static inline int dial_from(const char *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address)};
  struct sockaddr_in peer = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(now.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&peer, sizeof peer), 0);
  return fd;
}

static inline int dial(void) {
  return dial_from("127.0.0.1");
}

/* False when the peer has gone. */
static inline bool put(int fd, const void *data, size_t len) {
  const uint8_t *next = data;
  while (len) {
    ssize_t sent = send(fd, next, len, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    next += sent;
    len -= (size_t)sent;
  }
  return true;
}

static inline bool put_text(int fd, const char *text) {
  return put(fd, text, strlen(text));
}

/* Appends what comes next; false at the end of the connection. */
static inline bool get_more(int fd, struct mtc_bytes *out) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  if (poll(&wait, 1, PATIENCE_MS) != 1) fail_msg("the server says nothing");
  uint8_t buffer[65536];
  ssize_t len = recv(fd, buffer, sizeof buffer, 0);
  if (len > 0) mtc_bytes_append(out, buffer, (size_t)len);
  return len > 0;
}

/* One answer off the front of `input`: its status, 0 when the connection ended before it. */
static inline unsigned get_answer(int fd, struct mtc_bytes *input, bool without_body,
                                  struct mtc_bytes *out) {
  size_t head_len = 0;
  size_t body_len = 0;
  mtc_bytes_clear(out);
  for (;;) {
    mtc_bytes_append(input, "", 1);
    input->len--;
    char *text = (char *)input->data;
    char *end = strstr(text, "\r\n\r\n");
    if (end) {
      const char *length = strcasestr(text, "\r\nContent-Length: ");
      head_len = (size_t)(end + 4 - text);
      if (length && length < end) body_len = strtoul(length + 18, NULL, 10);
      if (without_body) body_len = 0;
      if (input->len >= head_len + body_len) break;
    }
    if (!get_more(fd, input)) return 0;
  }
  unsigned status = (unsigned)strtoul((char *)input->data + 9, NULL, 10);
  mtc_bytes_append(out, input->data, head_len + body_len);
  mtc_bytes_append(out, "", 1);
  out->len--;
  input->len -= head_len + body_len;
  memmove(input->data, input->data + head_len + body_len, input->len);
  return status;
}

/* Sends one request on a connection of its own; `out` may be NULL. */
static inline unsigned ask(const char *request, size_t len, struct mtc_bytes *out) {
  struct mtc_bytes input = {0};
  struct mtc_bytes own = {0};
  int fd = dial();
  put(fd, request, len);
  unsigned status = get_answer(fd, &input, strncmp(request, "HEAD", 4) == 0, out ? out : &own);
  close(fd);
  mtc_bytes_free(&input);
  mtc_bytes_free(&own);
  return status;
}

static inline void expect_body(const struct mtc_bytes *answer, const char *body) {
  const char *end = strstr((const char *)answer->data, "\r\n\r\n");
  assert_non_null(end);
  assert_string_equal(end + 4, body);
}

#endif
