/* HTTP/1.1 as a client speaks it that knows its server: every answer has a Content-Length. */
#include "app/mtc/bench_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_ANSWER (1u << 20)
#define READ_LEN 16384u

static bool start_tls(struct bench_link *link, const struct bench_target *target) {
  link->ssl = SSL_new(target->tls);
  if (!link->ssl || SSL_set_fd(link->ssl, link->fd) != 1) return false;
  struct in6_addr address;
  bool is_address = inet_pton(AF_INET, target->host, &address) == 1 ||
                    inet_pton(AF_INET6, target->host, &address);
  X509_VERIFY_PARAM *parameters = SSL_get0_param(link->ssl);
  char name[256]; /* OpenSSL's macro takes no const */
  (void)snprintf(name, sizeof name, "%s", target->host);
  int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, target->host)
                       : SSL_set1_host(link->ssl, target->host) &&
                             SSL_set_tlsext_host_name(link->ssl, name);
  SSL_set_connect_state(link->ssl);
  return set == 1;
}

mtc_status bench_link_open(struct bench_link *link, const struct bench_target *target, int epoll_fd,
                           void *context, struct mtc_error *error) {
  bench_link_close(link);
  const struct addrinfo *to = target->addresses;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                              .data.ptr = context};
  int on = 1;
  link->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (link->fd < 0) return mtc_fail(error, MTC_IO, "socket: %s", strerror(errno));
  link->state = BENCH_LINK_CONNECTING;
  (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(link->fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS)
    return mtc_fail(error, MTC_IO, "%s port %s: %s", target->host, target->port, strerror(errno));
  if (target->is_tls && !start_tls(link, target))
    return mtc_fail(error, MTC_NOMEM, "no memory for TLS");
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, link->fd, &event) != 0)
    return mtc_fail(error, MTC_IO, "epoll: %s", strerror(errno));
  return MTC_OK;
}

void bench_link_close(struct bench_link *link) {
  if (link->state != BENCH_LINK_CLOSED) (void)close(link->fd);
  SSL_free(link->ssl);
  mtc_bytes_free(&link->in);
  mtc_bytes_free(&link->out);
  *link = (struct bench_link){0};
}

void bench_link_ask(struct bench_link *link, const struct bench_target *target, const char *method,
                    const char *path, struct mtc_span jws) {
  const char *host = strstr(target->origin, "//") + 2;
  mtc_bytes_clear(&link->out);
  mtc_bytes_clear(&link->in);
  link->num_sent = 0;
  link->is_head = strcmp(method, "HEAD") == 0;
  mtc_bytes_append_format(&link->out, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: mtc-bench\r\n",
                          method, path, host);
  if (jws.len)
    mtc_bytes_append_format(
        &link->out, "Content-Type: application/jose+json\r\nContent-Length: %zu\r\n", jws.len);
  mtc_bytes_append_text(&link->out, "\r\n");
  mtc_bytes_append_span(&link->out, jws);
}

/* -1 lost, 0 would block, else the number of bytes. */
static ssize_t send_some(struct bench_link *link) {
  const uint8_t *data = link->out.data + link->num_sent;
  size_t len = link->out.len - link->num_sent;
  if (!link->ssl) {
    ssize_t sent = send(link->fd, data, len, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
  }
  size_t sent = 0;
  if (SSL_write_ex(link->ssl, data, len, &sent) == 1) return (ssize_t)sent;
  int code = SSL_get_error(link->ssl, 0);
  return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t receive_some(struct bench_link *link) {
  uint8_t *room = mtc_bytes_reserve(&link->in, READ_LEN);
  if (!room || link->in.len > MAX_ANSWER) return -1;
  if (!link->ssl) {
    ssize_t len = recv(link->fd, room, READ_LEN, 0);
    if (len > 0) return len;
    return len < 0 && errno == EAGAIN ? 0 : -1;
  }
  size_t len = 0;
  if (SSL_read_ex(link->ssl, room, READ_LEN, &len) == 1) return (ssize_t)len;
  int code = SSL_get_error(link->ssl, 0);
  return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static bool has_name(struct mtc_span line, const char *name, struct mtc_span *out_value) {
  size_t len = strlen(name);
  if (line.len <= len || line.data[len] != ':' ||
      strncasecmp((const char *)line.data, name, len) != 0)
    return false;
  len++;
  while (len < line.len && line.data[len] == ' ')
    len++;
  *out_value = mtc_span_of(line.data + len, line.len - len);
  return true;
}

/* Whether a whole answer is there; *out_malformed: there will be none. */
static bool take_answer(struct bench_link *link, struct bench_answer *out, bool *out_malformed) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&link->in));
  struct mtc_span line, value;
  uint64_t body_len = 0, status = 0;
  *out = (struct bench_answer){0};
  for (bool first = true;; first = false) {
    if (!mtc_read_line(&reader, &line)) return false;
    if (line.len && line.data[line.len - 1] == '\r') line.len--;
    if (!line.len) break;
    if (first) {
      *out_malformed = line.len < 12 || memcmp(line.data, "HTTP/1.1 ", 9) != 0 ||
                       !mtc_parse_decimal(mtc_span_of(line.data + 9, 3), 999, &status);
      if (*out_malformed) return false;
    }
    if (has_name(line, "Content-Length", &value) &&
        !mtc_parse_decimal(value, MAX_ANSWER, &body_len)) {
      *out_malformed = true;
      return false;
    }
    if (has_name(line, "Replay-Nonce", &value)) out->nonce = value;
    if (has_name(line, "Location", &value)) out->location = value;
  }
  out->status = (unsigned)status;
  if (link->is_head) body_len = 0;
  return mtc_read_span(&reader, body_len, &out->body);
}

enum bench_event bench_link_advance(struct bench_link *link, struct bench_answer *answer) {
  bool malformed = false;
  if (link->state == BENCH_LINK_CLOSED) return BENCH_LOST;
  while (link->num_sent < link->out.len) {
    ssize_t sent = send_some(link);
    if (sent < 0) return BENCH_LOST;
    if (sent == 0) return BENCH_WAIT;
    link->num_sent += (size_t)sent;
    link->state = BENCH_LINK_OPEN;
  }
  for (;;) {
    ssize_t received = receive_some(link);
    if (received < 0) return BENCH_LOST;
    if (received == 0) return BENCH_WAIT;
    link->in.len += (size_t)received;
    if (take_answer(link, answer, &malformed)) return BENCH_ANSWER;
    if (malformed) return BENCH_LOST;
  }
}
