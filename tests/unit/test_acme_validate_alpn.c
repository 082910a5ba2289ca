/* tls-alpn-01 against TLS servers with the right certificate and with every wrong one. */
#include "validate_fixture.h"

#include <openssl/err.h>

#include "mtc/digest.h"
#include "support/listener.h"
#include "support/tls_certificate.h"

#define SAN "2.5.29.17"
#define ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"

static struct knotd knotd;
static struct listener server;
static struct acme_validator *validator;
static char resolver_address[32];
static EVP_PKEY *key, *other_key;
static uint8_t digest[34], wrong_digest[34];

/* What a server does, by the first label of the name asked for. */
struct behaviour {
  const char *label;
  enum acme_problem_type problem;
  const char *text;
};

static const struct behaviour behaviours[] = {
    {"good", ACME_NONE, ""},
    {"rsa", ACME_NONE, ""},
    {"tls12", ACME_NONE, ""},
    {"upper", ACME_NONE, ""},
    {"tls11", ACME_TLS, " at 127.0.0.1 port "},
    {"no-alpn", ACME_INCORRECT_RESPONSE, "does not speak acme-tls/1"},
    {"other-alpn", ACME_TLS, "bad extension"},
    {"alert", ACME_TLS, "no application protocol"},
    {"no-extension", ACME_INCORRECT_RESPONSE, "no acmeIdentifier"},
    {"not-critical", ACME_INCORRECT_RESPONSE, "not critical"},
    {"twice", ACME_INCORRECT_RESPONSE, "several acmeIdentifier"},
    {"wrong-digest", ACME_INCORRECT_RESPONSE, "not the key authorization's digest"},
    {"bare-digest", ACME_INCORRECT_RESPONSE, "no OCTET STRING of 32 bytes"},
    {"long-digest", ACME_INCORRECT_RESPONSE, "no OCTET STRING of 32 bytes"},
    {"bit-string", ACME_INCORRECT_RESPONSE, "no OCTET STRING of 32 bytes"},
    {"empty-digest", ACME_INCORRECT_RESPONSE, "no OCTET STRING of 32 bytes"},
    {"no-san", ACME_INCORRECT_RESPONSE, "has no subjectAltName"},
    {"two-sans", ACME_INCORRECT_RESPONSE, "several subjectAltNames"},
    {"bad-san", ACME_INCORRECT_RESPONSE, "subjectAltName is malformed"},
    {"two-names", ACME_INCORRECT_RESPONSE, "not just one"},
    {"no-names", ACME_INCORRECT_RESPONSE, "not just one"},
    {"other-name", ACME_INCORRECT_RESPONSE, "is not the identifier"},
    {"wildcard", ACME_INCORRECT_RESPONSE, "is not the identifier"},
    {"nul", ACME_INCORRECT_RESPONSE, "is not the identifier"},
    {"mail", ACME_INCORRECT_RESPONSE, "is not the identifier"},
    {"address", ACME_INCORRECT_RESPONSE, "is not the identifier"},
    {"signed-by-other", ACME_INCORRECT_RESPONSE, "not self-signed"},
    {"issued", ACME_INCORRECT_RESPONSE, "not self-signed"},
    {"chain", ACME_INCORRECT_RESPONSE, "more than one certificate"},
    {"close", ACME_TLS, " at 127.0.0.1 port "},
    {"plain", ACME_TLS, " at 127.0.0.1 port "},
};

static bool is(const char *label, const char *name) {
  size_t len = strlen(label);
  return strncmp(name, label, len) == 0 && name[len] == '.';
}

static void append_name(struct mtc_bytes *out, uint8_t tag, const void *text, size_t len) {
  mtc_bytes_append_uint(out, tag, 1);
  mtc_bytes_append_prefixed(out, mtc_span_of(text, len), 1);
}

/* GeneralNames as the name asks for. */
static void make_san(const char *name, struct mtc_bytes *out) {
  struct mtc_bytes names = {0};
  if (is("other-name", name)) {
    append_name(&names, 0x82, "someone.example.com", 19);
  } else if (is("wildcard", name)) {
    append_name(&names, 0x82, "*.example.com", 13);
  } else if (is("nul", name)) {
    append_name(&names, 0x82, "nul.tls.example.com\0.example.com", 32);
  } else if (is("mail", name)) {
    append_name(&names, 0x81, name, strlen(name));
  } else if (is("address", name)) {
    append_name(&names, 0x87, "\x7f\0\0\1", 4);
  } else if (is("upper", name)) {
    append_name(&names, 0x82, "UPPER.tls.Example.COM", 21);
  } else if (strstr(name, "in-addr.arpa")) {
    append_name(&names, 0x87, "\x7f\0\0\1", 4);
  } else if (!is("no-names", name)) {
    append_name(&names, 0x82, name, strlen(name));
  }
  if (is("two-names", name)) append_name(&names, 0x82, "a.example.com", 13);
  mtc_bytes_append_uint(out, 0x30, 1);
  mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&names), 1);
  if (is("bad-san", name)) out->len--;
  mtc_bytes_free(&names);
}

static X509 *make_certificate(const char *name, EVP_PKEY *own) {
  struct tls_extension extensions[4];
  struct mtc_bytes san = {0};
  uint8_t longer[40] = {0x04, 33}, bits[34];
  size_t num = 0;
  make_san(name, &san);
  struct tls_extension names = {SAN, true, san.data, san.len};
  if (!is("no-san", name)) extensions[num++] = names;
  if (is("two-sans", name)) extensions[num++] = names;
  struct tls_extension identifier = {ACME_IDENTIFIER, true, digest, sizeof digest};
  memcpy(bits, digest, sizeof bits);
  bits[0] = 0x03;
  if (is("not-critical", name)) identifier.critical = false;
  if (is("wrong-digest", name)) identifier.data = wrong_digest;
  if (is("bare-digest", name)) identifier.data += 2, identifier.len -= 2;
  if (is("bit-string", name)) identifier.data = bits;
  if (is("empty-digest", name)) identifier.len = 0;
  if (is("long-digest", name)) {
    memcpy(longer + 2, digest + 2, 32);
    identifier.data = longer;
    identifier.len = 35;
  }
  if (!is("no-extension", name)) extensions[num++] = identifier;
  if (is("twice", name)) extensions[num++] = identifier;
  bool by_other = is("signed-by-other", name) || is("issued", name);
  X509 *certificate = tls_certificate(own, by_other ? other_key : own, "server",
                                      is("issued", name) ? "issuer" : "server", extensions, num);
  mtc_bytes_free(&san);
  return certificate;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *context) {
  (void)context;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name || is("no-alpn", name)) return SSL_TLSEXT_ERR_NOACK;
  if (is("alert", name)) return SSL_TLSEXT_ERR_ALERT_FATAL;
  if (is("other-alpn", name)) { /* not offered */
    *out = (const unsigned char *)"acme-tls/2";
    *out_len = 10;
    return SSL_TLSEXT_ERR_OK;
  }
  /* The one protocol that is offered. */
  if (in_len != 11 || memcmp(in,
                             "\x0a"
                             "acme-tls/1",
                             11) != 0)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = in + 1;
  *out_len = in[0];
  return SSL_TLSEXT_ERR_OK;
}

static int choose_certificate(SSL *ssl, void *context) {
  (void)context;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name || is("close", name)) return 0;
  EVP_PKEY *own = is("rsa", name) ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048) : key;
  X509 *certificate = make_certificate(name, own);
  int done = SSL_use_certificate(ssl, certificate) == 1 && SSL_use_PrivateKey(ssl, own) == 1;
  if (is("chain", name)) done = done && SSL_add1_chain_cert(ssl, certificate) == 1;
  X509_free(certificate);
  if (own != key) EVP_PKEY_free(own);
  return done;
}

/* The label as it stands in the ClientHello, which is read and left. */
static bool hello_has(int fd, const char *label) {
  uint8_t hello[2048];
  ssize_t len = recv(fd, hello, sizeof hello, MSG_PEEK);
  return len > 0 && memmem(hello, (size_t)len, label, strlen(label));
}

static void serve(struct listener *listener, int fd) {
  if (hello_has(fd, "silent.tls")) {
    while (!listener_ended(listener, fd, -1)) {
    }
    return;
  }
  if (hello_has(fd, "trickle.tls")) { /* a record of 16,000 bytes, one at a time */
    (void)send(fd, "\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c", 9, 0);
    while (!listener_ended(listener, fd, 20) && send(fd, "x", 1, 0) == 1) {
    }
    return;
  }
  if (hello_has(fd, "plain.tls")) {
    (void)send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0);
    return;
  }
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_cert_cb(context, choose_certificate, NULL);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  if (hello_has(fd, "tls12.tls")) (void)SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (hello_has(fd, "tls11.tls")) {
    (void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_security_level(context, 0);
  }
  SSL *ssl = SSL_new(context);
  if (SSL_set_fd(ssl, fd) == 1) (void)SSL_accept(ssl);
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
}

static int set_up(void **state) {
  (void)state;
  static const char records[] =
      "*.tls.example A 127.0.0.1\ntls.example TXT x\n"
      "nothing.example TXT x\n";
  const struct knotd_zone zones[] = {{"com", false, records}};
  struct mtc_hash hash;
  mtc_hash_message(mtc_span_of_text(KEY_AUTHORIZATION), &hash);
  digest[0] = 0x04;
  digest[1] = 32;
  memcpy(digest + 2, hash.bytes, 32);
  memcpy(wrong_digest, digest, sizeof digest);
  wrong_digest[33] ^= 1;
  key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  other_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  knotd_start(&knotd, zones, 1);
  server.serve = serve;
  listener_start(&server, false);
  (void)snprintf(resolver_address, sizeof resolver_address, "127.0.0.1@%u", knotd.port);
  struct acme_validator_options options = {.threads = 2,
                                           .timeout_ms = 20000,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .tls_port = server.port,
                                           .allow_private = true};
  validator = open_validator(&options);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  acme_validator_close(validator);
  listener_stop(&server);
  knotd_stop(&knotd);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other_key);
  return 0;
}

static void a_certificate_proves_or_not(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s.tls.example.com", behaviours[i].label);
    struct acme_validation validation = validation_of(ACME_TLS_ALPN_01, name);
    struct acme_validation_result result = validate_it(validator, &validation);
    if (result.problem != behaviours[i].problem) print_error("%s:\n", name);
    check_result(&result, behaviours[i].problem, behaviours[i].text, 0);
  }
}

static void an_address_is_asked_for_in_reverse(void **state) {
  (void)state;
  struct acme_validation validation = validation_of(ACME_TLS_ALPN_01, "127.0.0.1");
  expect_result(validator, &validation, ACME_NONE, "");
  /* The server shows a certificate for 127.0.0.1 to whoever it thinks that it is. */
  validation = validation_of(ACME_TLS_ALPN_01, "127.0.0.2");
  struct acme_validation_result result = validate_it(validator, &validation);
  assert_true(result.problem == ACME_CONNECTION || result.problem == ACME_INCORRECT_RESPONSE);
}

static void time_ends(void **state) {
  (void)state;
  struct acme_validator_options options = {.threads = 2,
                                           .timeout_ms = 700,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .tls_port = server.port,
                                           .allow_private = true};
  struct acme_validator *hasty = open_validator(&options);
  struct acme_validation validation = validation_of(ACME_TLS_ALPN_01, "silent.tls.example.com");
  expect_result(hasty, &validation, ACME_TLS, "no end of the handshake in time");
  validation = validation_of(ACME_TLS_ALPN_01, "trickle.tls.example.com");
  expect_result(hasty, &validation, ACME_TLS, "no end of the handshake in time");
  acme_validator_close(hasty);
}

static void no_connection(void **state) {
  (void)state;
  struct acme_validator_options options = {.threads = 2,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .tls_port = free_port(),
                                           .allow_private = true};
  struct acme_validator *lonely = open_validator(&options);
  struct acme_validation validation = validation_of(ACME_TLS_ALPN_01, "good.tls.example.com");
  expect_result(lonely, &validation, ACME_CONNECTION, "Connection refused");
  validation = validation_of(ACME_TLS_ALPN_01, "nothing.example.com");
  expect_result(lonely, &validation, ACME_DNS, "no A or AAAA record");
  acme_validator_close(lonely);
  options.allow_private = false;
  options.tls_port = server.port;
  struct acme_validator *strict = open_validator(&options);
  validation = validation_of(ACME_TLS_ALPN_01, "good.tls.example.com");
  expect_result(strict, &validation, ACME_CONNECTION, "127.0.0.1 is not connected to: loopback");
  validation = validation_of(ACME_TLS_ALPN_01, "127.0.0.1");
  expect_result(strict, &validation, ACME_CONNECTION, "127.0.0.1 is not connected to: loopback");
  acme_validator_close(strict);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_certificate_proves_or_not),
      cmocka_unit_test(an_address_is_asked_for_in_reverse),
      cmocka_unit_test(time_ends),
      cmocka_unit_test(no_connection),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  (void)signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
