/* The server that a load generator talks to. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/bench_link.h"

static mtc_status split_url(const char *url, struct bench_target *out, struct mtc_error *error) {
  bool is_tls = strncmp(url, "https://", 8) == 0;
  if (!is_tls && strncmp(url, "http://", 7) != 0)
    return mtc_fail(error, MTC_INPUT, "%s: not an http or https URL", url);
  const char *host = url + (is_tls ? 8 : 7);
  size_t len = strcspn(host, "/");
  const char *host_end = host + len;
  const char *port = host_end;
  if (host[0] == '[') {
    const char *bracket = memchr(host, ']', len);
    if (bracket) port = bracket + 1;
  } else {
    port = host + strcspn(host, ":/");
  }
  size_t host_len = (size_t)(port - host);
  size_t port_len = (size_t)(host_end - port);
  bool is_bracketed = host_len > 2 && host[0] == '[';
  if (is_bracketed) {
    host++;
    host_len -= 2;
  }
  if (!host_len || host_len >= sizeof out->host || port_len > 6 ||
      (port_len && (port[0] != ':' || port_len == 1)))
    return mtc_fail(error, MTC_INPUT, "%s: no host and port in it", url);
  out->is_tls = is_tls;
  (void)snprintf(out->host, sizeof out->host, "%.*s", (int)host_len, host);
  if (port_len)
    (void)snprintf(out->port, sizeof out->port, "%.*s", (int)port_len - 1, port + 1);
  else
    (void)snprintf(out->port, sizeof out->port, "%s", is_tls ? "443" : "80");
  (void)snprintf(out->origin, sizeof out->origin, "%.*s", (int)(host_end - url), url);
  return MTC_OK;
}

mtc_status bench_target_open(const char *url, const char *ca_file, struct bench_target *out,
                             struct mtc_error *error) {
  *out = (struct bench_target){0};
  mtc_status status = split_url(url, out, error);
  if (status) return status;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  int code = getaddrinfo(out->host, out->port, &hints, &out->addresses);
  if (code) return mtc_fail(error, MTC_IO, "%s: %s", out->host, gai_strerror(code));
  if (!out->is_tls) return MTC_OK;
  out->tls = SSL_CTX_new(TLS_client_method());
  if (!out->tls) return mtc_fail(error, MTC_NOMEM, "no memory for TLS");
  SSL_CTX_set_verify(out->tls, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(out->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  int loaded = ca_file ? SSL_CTX_load_verify_locations(out->tls, ca_file, NULL)
                       : SSL_CTX_set_default_verify_paths(out->tls);
  if (loaded != 1)
    return mtc_fail(error, MTC_INPUT, "%s: no CA certificates in it",
                    ca_file ? ca_file : "the system's certificates");
  return MTC_OK;
}

void bench_target_close(struct bench_target *target) {
  if (target->addresses) freeaddrinfo(target->addresses);
  SSL_CTX_free(target->tls);
  *target = (struct bench_target){0};
}

const char *bench_target_path(const struct bench_target *target, const char *url) {
  size_t len = strlen(target->origin);
  return url && strncmp(url, target->origin, len) == 0 && url[len] == '/' ? url + len : NULL;
}
