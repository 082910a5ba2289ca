/* A CA without a daemon, and library contexts that load the provider. */
#ifndef PROVIDER_FIXTURE_H
#define PROVIDER_FIXTURE_H

#include "support/files.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "mtc/entry.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"

#define NOW_S 1790000000
#define LOG_NUMBER 1

/* What the tests of one process have: libcrypto knows one algorithm of CA keys in a process. */
static enum mtc_algorithm test_algorithm = MTC_ALGORITHM_MLDSA44;

struct test_ca {
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  EVP_PKEY *key;
  struct mtc_bytes public_key, certificate; /* DER */
  char path[64];                            /* the certificate in PEM */
};

static inline EVP_PKEY *make_key(void) {
  switch (test_algorithm) {
    case MTC_ALGORITHM_ECDSA_P256_SHA256:
      return EVP_EC_gen("P-256");
    case MTC_ALGORITHM_ED25519:
      return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
      return EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44");
  }
}

static inline void append_public_key(EVP_PKEY *key, struct mtc_bytes *out) {
  unsigned char *der = NULL;
  int len = i2d_PUBKEY(key, &der);
  assert_true(len > 0);
  mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
}

static inline void make_test_ca(struct test_ca *ca, const struct mtc_wire *wire, const char *id) {
  struct mtc_error error = {""};
  struct mtc_bytes pem = {0};
  *ca = (struct test_ca){.wire = wire, .key = make_key()};
  assert_non_null(ca->key);
  assert_int_equal(mtc_tai_parse(mtc_span_of_text(id), &ca->ca_id, &error), MTC_OK);
  append_public_key(ca->key, &ca->public_key);
  const struct mtc_ca_params params = {.wire = wire,
                                       .ca_id = ca->ca_id,
                                       .algorithm = test_algorithm,
                                       .public_key = mtc_span_of_bytes(&ca->public_key),
                                       .min_serial = UINT64_C(1) << 48,
                                       .max_serial = UINT64_C(1) << 60,
                                       .not_before = NOW_S - 86400,
                                       .not_after = NOW_S + 86400 * 1000,
                                       .crl_sign = true};
  assert_int_equal(mtc_ca_certificate_make(&params, &ca->certificate, &error), MTC_OK);
  mtc_pem_append("CERTIFICATE", mtc_span_of_bytes(&ca->certificate), &pem);
  (void)snprintf(ca->path, sizeof ca->path, "/tmp/mtc-provider-%ld-%s.pem", (long)getpid(), id);
  assert_int_equal(mtc_file_write_unsynced(ca->path, mtc_span_of_bytes(&pem), 0644, &error),
                   MTC_OK);
  mtc_bytes_free(&pem);
}

static inline void free_test_ca(struct test_ca *ca) {
  (void)unlink(ca->path);
  EVP_PKEY_free(ca->key);
  mtc_bytes_free(&ca->public_key);
  mtc_bytes_free(&ca->certificate);
}

static inline void sign(EVP_PKEY *key, struct mtc_span message, struct mtc_bytes *out) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  unsigned char value[8192];
  size_t len = sizeof value;
  const char *digest = EVP_PKEY_is_a(key, "EC") ? "SHA2-256" : NULL;
  assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
  assert_int_equal(EVP_DigestSign(context, value, &len, message.data, message.len), 1);
  EVP_MD_CTX_free(context);
  mtc_bytes_append(out, value, len);
}

static inline void make_entry(const struct test_ca *ca, struct mtc_bytes *entry,
                              struct mtc_bytes *public_key) {
  static const struct mtc_profile profile = {.name = "test",
                                             .validity_s = 86400 * 7,
                                             .key_types = MTC_KEY_P256,
                                             .min_rsa_bits = 2048,
                                             .max_names = 1,
                                             .subject_common_name = true};
  struct mtc_error error = {""};
  X509_REQ *request = X509_REQ_new();
  EVP_PKEY *key = EVP_EC_gen("P-256");
  unsigned char *der = NULL;
  X509_NAME *name = X509_REQ_get_subject_name(request);
  assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                              (const unsigned char *)"www.example.com", -1, -1, 0),
                   1);
  assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
  assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
  int len = i2d_X509_REQ(request, &der);
  assert_true(len > 0);
  if (mtc_entry_from_csr(ca->wire, &ca->ca_id, &profile, mtc_span_of(der, (size_t)len), NOW_S,
                         entry, public_key, &error))
    fail_msg("%s", error.text);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  X509_REQ_free(request);
}

/* The certificate of entry 0, alone in its log: signed by the CA's key as the draft says, or, with
 * `raw`, by that key over the TBSCertificate itself. */
static inline void make_certificate(const struct test_ca *ca, EVP_PKEY *key, bool raw,
                                    struct mtc_bytes *out) {
  struct mtc_bytes entry = {0}, public_key = {0}, message = {0}, value = {0}, proof = {0};
  struct mtc_error error = {""};
  struct mtc_tai log_id;
  struct mtc_hash hash;
  struct mtc_certificate parsed;
  make_entry(ca, &entry, &public_key);
  mtc_hash_leaf(mtc_span_of_bytes(&entry), &hash);
  assert_int_equal(mtc_tai_log_id(&ca->ca_id, LOG_NUMBER, &log_id), MTC_OK);
  assert_int_equal(mtc_cosigned_message_append(&ca->ca_id, &log_id, 0, (struct mtc_subtree){0, 1},
                                               &hash, &message),
                   MTC_OK);
  sign(key, mtc_span_of_bytes(&message), &value);
  struct mtc_cosignature cosignature = {mtc_span_of(ca->ca_id.bytes, ca->ca_id.len),
                                        mtc_span_of_bytes(&value)};
  const struct mtc_mtcproof mtcproof = {.subtree = {0, 1}};
  assert_int_equal(mtc_mtcproof_append(ca->wire, &mtcproof, &cosignature, 1, &proof, &error),
                   MTC_OK);
  assert_int_equal(
      mtc_certificate_assemble(ca->wire, mtc_span_of_bytes(&entry), mtc_span_of_bytes(&public_key),
                               LOG_NUMBER, 0, mtc_span_of_bytes(&proof), out, &error),
      MTC_OK);
  if (raw) {
    assert_int_equal(mtc_certificate_parse(mtc_span_of_bytes(out), &parsed, &error), MTC_OK);
    mtc_bytes_clear(&value);
    sign(key, parsed.tbs, &value);
    mtc_bytes_clear(out);
    assert_int_equal(mtc_certificate_assemble(ca->wire, mtc_span_of_bytes(&entry),
                                              mtc_span_of_bytes(&public_key), LOG_NUMBER, 0,
                                              mtc_span_of_bytes(&value), out, &error),
                     MTC_OK);
  }
  mtc_bytes_free(&entry);
  mtc_bytes_free(&public_key);
  mtc_bytes_free(&message);
  mtc_bytes_free(&value);
  mtc_bytes_free(&proof);
}

/* A library context with both providers, in one of two orders. */
struct test_context {
  OSSL_LIB_CTX *library;
  OSSL_PROVIDER *providers[2];
};

enum order { DEFAULT_FIRST, MTC_FIRST, PREFERRED, NUM_ORDERS };

static inline OSSL_PROVIDER *load_mtc(OSSL_LIB_CTX *library, const char *ca_path) {
  char *path = mtc_strdup(ca_path ? ca_path : "");
  char *algorithm = mtc_strdup(mtc_algorithm_name(test_algorithm));
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("key_algorithm", algorithm, 0),
                         ca_path ? OSSL_PARAM_construct_utf8_string("ca_certificates", path, 0)
                                 : OSSL_PARAM_construct_end(),
                         OSSL_PARAM_construct_end()};
  assert_int_equal(OSSL_PROVIDER_set_default_search_path(library, MTC_MODULES), 1);
  OSSL_PROVIDER *provider = OSSL_PROVIDER_load_ex(library, "mtc", params);
  if (!provider) ERR_print_errors_fp(stderr);
  assert_non_null(provider);
  mtc_free(path);
  mtc_free(algorithm);
  return provider;
}

static inline void open_context(struct test_context *context, enum order order,
                                const char *ca_path) {
  context->library = OSSL_LIB_CTX_new();
  assert_non_null(context->library);
  for (int i = 0; i < 2; i++) {
    bool is_mtc = (i == 0) == (order == MTC_FIRST);
    context->providers[i] = is_mtc ? load_mtc(context->library, ca_path)
                                   : OSSL_PROVIDER_load(context->library, "default");
    assert_non_null(context->providers[i]);
  }
  if (order == PREFERRED)
    assert_int_equal(EVP_set_default_properties(context->library, "?provider=mtc"), 1);
}

static inline void close_context(struct test_context *context) {
  for (int i = 0; i < 2; i++)
    assert_int_equal(OSSL_PROVIDER_unload(context->providers[i]), 1);
  OSSL_LIB_CTX_free(context->library);
}

static inline X509 *parse(const struct test_context *context, const struct mtc_bytes *der) {
  X509 *certificate = X509_new_ex(context->library, NULL);
  const unsigned char *at = der->data;
  assert_non_null(d2i_X509(&certificate, &at, (long)der->len));
  return certificate;
}

/* What was on the error stack: a provider's own texts go when it is unloaded. */
static char errors_seen[16384];

static inline void take_errors(void) {
  BIO *text = BIO_new(BIO_s_mem());
  ERR_print_errors(text);
  int len = BIO_read(text, errors_seen, sizeof errors_seen - 1);
  errors_seen[len > 0 ? len : 0] = 0;
  BIO_free(text);
}

static inline void assert_error(const char *text) {
  if (!strstr(errors_seen, text)) fail_msg("\"%s\" is not in: %s", text, errors_seen);
}

#endif
