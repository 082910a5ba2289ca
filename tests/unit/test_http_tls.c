/* The HTTP server with TLS of its own: versions, chain, files that do not fit. */
#include "http_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static char folder[] = "/tmp/mtc-http-XXXXXX";
static char chain_path[64], leaf_path[64], key_path[64], other_key_path[64], junk_path[64];

static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key) {
  X509 *certificate = X509_new();
  X509_NAME *subject = X509_get_subject_name(certificate);
  assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer ? 2 : 1), 1);
  assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
  assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 36000));
  assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                              (const unsigned char *)name, -1, -1, 0),
                   1);
  X509_NAME *issuer_name = issuer ? X509_get_subject_name(issuer) : subject;
  assert_int_equal(X509_set_issuer_name(certificate, issuer_name), 1);
  assert_int_equal(X509_set_pubkey(certificate, key), 1);
  X509_EXTENSION *extension =
      X509V3_EXT_conf_nid(NULL, NULL, issuer ? NID_subject_alt_name : NID_basic_constraints,
                          issuer ? "DNS:localhost" : "critical,CA:TRUE");
  assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
  assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
  return certificate;
}

static void write_key(const char *path, EVP_PKEY *key) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  fclose(file);
}

static int make_files(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(chain_path, sizeof chain_path, "%s/chain.pem", folder);
  snprintf(leaf_path, sizeof leaf_path, "%s/leaf.pem", folder);
  snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
  snprintf(other_key_path, sizeof other_key_path, "%s/other.pem", folder);
  snprintf(junk_path, sizeof junk_path, "%s/junk.pem", folder);
  EVP_PKEY *ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  X509 *ca = make_certificate("test CA", ca_key, NULL, ca_key);
  X509 *leaf = make_certificate("localhost", key, ca, ca_key);
  FILE *file = fopen(chain_path, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, leaf) + PEM_write_X509(file, ca), 2);
  fclose(file);
  file = fopen(junk_path, "w");
  assert_non_null(file);
  fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
  fclose(file);
  write_key(key_path, key);
  write_key(other_key_path, ca_key);
  X509_free(leaf);
  X509_free(ca);
  EVP_PKEY_free(key);
  EVP_PKEY_free(ca_key);
  return 0;
}

static int remove_files(void **state) {
  (void)state;
  unlink(chain_path);
  unlink(key_path);
  unlink(other_key_path);
  unlink(junk_path);
  return rmdir(folder);
}

static struct http_options tls_options(void) {
  struct http_options options = usual_options();
  options.certificate = chain_path;
  options.key = key_path;
  return options;
}

/* A client of one version and, below TLS 1.3, one cipher suite; NULL when there is no agreement. */
static SSL *connect_with(SSL_CTX *context, int version, const char *suites) {
  SSL_CTX_set_security_level(context, 0);
  assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
  assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
  if (suites) assert_int_equal(SSL_CTX_set_cipher_list(context, suites), 1);
  SSL *ssl = SSL_new(context);
  assert_int_equal(SSL_set_fd(ssl, dial()), 1);
  if (SSL_connect(ssl) == 1) return ssl;
  close(SSL_get_fd(ssl));
  SSL_free(ssl);
  return NULL;
}

static bool is_served(int version, const char *suites) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL *ssl = connect_with(context, version, suites);
  if (ssl) {
    static const char request[] =
        "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"
        "GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct mtc_bytes input = {0};
    char buffer[4096];
    int len;
    assert_true(SSL_write(ssl, request, sizeof request - 1) > 0);
    while ((len = SSL_read(ssl, buffer, sizeof buffer)) > 0)
      mtc_bytes_append(&input, buffer, (size_t)len);
    mtc_bytes_append(&input, "", 1);
    assert_non_null(strstr((char *)input.data, "POST /p - from 127.0.0.1, -: ab"));
    assert_non_null(strstr((char *)input.data, "GET /end - from"));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(ssl)), 2);
    mtc_bytes_free(&input);
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
  }
  SSL_CTX_free(context);
  return ssl != NULL;
}

static void versions_and_suites(void **state) {
  (void)state;
  struct http_options options = tls_options();
  open_server(&options);
  assert_true(is_served(TLS1_3_VERSION, NULL));
  assert_true(is_served(TLS1_2_VERSION, NULL));
  assert_true(is_served(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
  assert_false(is_served(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
  assert_false(is_served(TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384"));
  assert_false(is_served(TLS1_1_VERSION, NULL));
  assert_false(is_served(TLS1_VERSION, NULL));
  /* Plain HTTP to a TLS port. */
  struct mtc_bytes input = {0};
  int fd = dial();
  put_text(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (get_more(fd, &input))
    continue;
  mtc_bytes_append(&input, "", 1);
  assert_null(strstr((char *)input.data, "HTTP/"));
  close(fd);
  mtc_bytes_free(&input);
  close_server();
}

static void a_handshake_that_stalls_is_dropped(void **state) {
  (void)state;
  struct http_options options = tls_options();
  options.request_timeout_s = 1;
  open_server(&options);
  int fd = dial();
  /* A ClientHello's beginning, a byte at a time. */
  put(fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9);
  bool dropped = false;
  for (int i = 0; i < 500 && !dropped; i++) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char buffer[64];
    dropped = poll(&wait, 1, 50) == 1 && recv(fd, buffer, sizeof buffer, 0) <= 0;
    if (!dropped) dropped = !put(fd, "\x03", 1);
  }
  assert_true(dropped);
  close(fd);
  close_server();
}

static void expect_error(const char *certificate, const char *key, mtc_status expected,
                         const char *text) {
  struct mtc_error error = {{0}};
  struct http_server *server = NULL;
  struct http_options options = tls_options();
  options.certificate = certificate;
  options.key = key;
  assert_int_equal(http_server_open(&options, handle, &now, &server, &error), expected);
  assert_null(server);
  if (!strstr(error.text, text)) fail_msg("'%s' does not say '%s'", error.text, text);
}

static void files_are_checked(void **state) {
  (void)state;
  expect_error(leaf_path, key_path, MTC_IO, leaf_path); /* was never written */
  expect_error(chain_path, leaf_path, MTC_IO, leaf_path);
  expect_error(chain_path, NULL, MTC_INPUT, "without its key");
  expect_error(key_path, key_path, MTC_INPUT, "no PEM certificate");
  expect_error(junk_path, key_path, MTC_INPUT, "junk.pem: no PEM certificate");
  expect_error(chain_path, chain_path, MTC_INPUT, "no PEM private key");
  expect_error(chain_path, other_key_path, MTC_INPUT, "other.pem: this is not the key");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions_and_suites),
      cmocka_unit_test(a_handshake_that_stalls_is_dropped),
      cmocka_unit_test(files_are_checked),
  };
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
