/* tls-alpn-01: the TLS server of the name shows, under the protocol acme-tls/1, a certificate with
 * the digest of the key authorization. Whoever runs it may send a byte a second, or none: socket
 * and handshake never block, and one deadline ends both. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acme/alpn_certificate.h"
#include "acme/challenge.h"

#define MAX_CHAIN_LEN 16384

static const unsigned char protocol[] =
    "\x0a"
    "acme-tls/1";

/* Waits until `fd` is ready; false: not by the deadline. */
static bool wait_for(int fd, short events, int64_t deadline_ms) {
  for (;;) {
    int64_t left = deadline_ms - mtc_clock_monotonic_ms();
    if (left <= 0) return false;
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready = poll(&poll_fd, 1, left > 60000 ? 60000 : (int)left);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/* A connected socket, or -1 and why not. */
static int connect_to(const struct acme_address *address, unsigned port, int64_t deadline_ms,
                      const char **why) {
  struct sockaddr_storage peer;
  socklen_t len = acme_address_socket(address, port, &peer);
  int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  int failed = 0;
  socklen_t failed_len = sizeof failed;
  if (fd < 0) {
    *why = strerrordesc_np(errno);
    return -1;
  }
  if (connect(fd, (struct sockaddr *)&peer, len) != 0) {
    failed = errno;
    if (failed == EINPROGRESS) {
      failed = 0;
      if (!wait_for(fd, POLLOUT, deadline_ms))
        failed = ETIMEDOUT;
      else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &failed_len) != 0)
        failed = errno;
    }
  }
  if (failed == 0) return fd;
  *why = failed == ETIMEDOUT ? "no connection in time" : strerrordesc_np(failed);
  (void)close(fd);
  return -1;
}

static SSL_CTX *make_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context) return NULL;
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); /* self-signed, and looked at below */
  SSL_CTX_set_max_cert_list(context, MAX_CHAIN_LEN);
  (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context, protocol, sizeof protocol - 1) != 0) {
    SSL_CTX_free(context);
    return NULL;
  }
  return context;
}

/* The server's name in SNI, which an address has in reverse (RFC 8738, "TLS with ALPN
 * Challenge"). */
static bool set_name(SSL *ssl, const struct acme_attempt *attempt) {
  char name[sizeof attempt->validation->identifier.value];
  struct acme_address address;
  (void)snprintf(name, sizeof name, "%s", attempt->name);
  if (attempt->validation->identifier.type == ACME_IP_ADDRESS) {
    if (!acme_address_parse(attempt->name, &address)) return false;
    acme_address_reverse_name(&address, name);
  }
  return SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* NULL: done; else why not. */
static const char *shake_hands(SSL *ssl, int fd, int64_t deadline_ms) {
  for (;;) {
    ERR_clear_error();
    int result = SSL_connect(ssl);
    if (result == 1) return NULL;
    int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      if (wait_for(fd, events, deadline_ms)) continue;
      return "no end of the handshake in time";
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "the connection was closed during the handshake";
  }
}

static enum acme_problem_type look_at(struct acme_attempt *attempt, const SSL *ssl,
                                      const char *peer) {
  const unsigned char *selected = NULL;
  unsigned selected_len = 0;
  const char *why = NULL;
  SSL_get0_alpn_selected(ssl, &selected, &selected_len);
  X509 *certificate = SSL_get0_peer_certificate(ssl);
  STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
  if (!selected || selected_len != protocol[0] || memcmp(selected, protocol + 1, selected_len) != 0)
    why = "it does not speak acme-tls/1";
  else if (!certificate)
    why = "it shows no certificate";
  else if (sk_X509_num(chain) != 1)
    why = "it shows more than one certificate";
  else
    why = acme_alpn_certificate_check(certificate, &attempt->validation->identifier,
                                      attempt->validation->key_authorization);
  if (!why) return ACME_NONE;
  return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE, "%s at %s port %u: %s",
                   attempt->name, peer, attempt->options->tls_port, why);
}

/* Over a socket that is connected. */
static enum acme_problem_type prove_over(struct acme_attempt *attempt, SSL *ssl, int fd,
                                         const char *peer) {
  if (!set_name(ssl, attempt) || SSL_set_fd(ssl, fd) != 1)
    return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "TLS: out of memory");
  const char *why = shake_hands(ssl, fd, attempt->deadline_ms);
  if (why)
    return acme_fail(&attempt->problem, ACME_TLS, "%s at %s port %u: %s", attempt->name, peer,
                     attempt->options->tls_port, why);
  return look_at(attempt, ssl, peer);
}

static enum acme_problem_type prove_at(struct acme_attempt *attempt, int fd, const char *peer) {
  SSL_CTX *context = make_context();
  SSL *ssl = context ? SSL_new(context) : NULL;
  enum acme_problem_type problem =
      ssl ? prove_over(attempt, ssl, fd, peer)
          : acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "TLS: out of memory");
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  return problem;
}

enum acme_problem_type acme_prove_tls_alpn(struct acme_attempt *attempt) {
  struct acme_address addresses[ACME_MAX_ADDRESSES];
  char peer[ACME_ADDRESS_TEXT_LEN] = "";
  const char *why = NULL;
  unsigned num = 0;
  enum acme_problem_type problem = acme_attempt_addresses(attempt, addresses, &num);
  if (problem) return problem;
  for (unsigned i = 0; i < num; i++) {
    int64_t share = acme_attempt_left_ms(attempt) / (num - i);
    acme_address_text(&addresses[i], peer);
    int fd = connect_to(&addresses[i], attempt->options->tls_port, mtc_clock_monotonic_ms() + share,
                        &why);
    if (fd < 0) continue;
    problem = prove_at(attempt, fd, peer);
    (void)close(fd);
    return problem;
  }
  return acme_fail(&attempt->problem, ACME_CONNECTION, "%s at %s port %u: %s", attempt->name, peer,
                   attempt->options->tls_port, why ? why : "no connection");
}
