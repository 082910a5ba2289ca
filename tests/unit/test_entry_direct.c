/* Directly signed certificates: what is built, seen by OpenSSL, and which issuers are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "mtc/entry.h"

enum { NOW_S = 1800000000, DAY_S = 86400 };

static const struct mtc_profile profile = {.name = "classic",
                                           .validity_s = 90 * DAY_S,
                                           .backdate_s = 300,
                                           .key_types = MTC_KEY_P256,
                                           .max_names = 100,
                                           .ext_key_usage_server = true,
                                           .policy_oid = "2.23.140.1.2.1"};

static void add(X509 *certificate, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  assert_non_null(extension);
  assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

/* What an issuer's certificate has; NULL: that extension is left out. */
struct issuer {
  const char *basic_constraints, *key_usage, *key_identifier;
};
static const struct issuer good = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign", "hash"};

static EVP_PKEY *make_key(const char *type) {
  EVP_PKEY *key = strcmp(type, "P-256") == 0 || strcmp(type, "P-521") == 0
                      ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", type)
                      : EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048);
  assert_non_null(key);
  return key;
}

static void make_issuer(const struct issuer *issuer, EVP_PKEY *key, struct mtc_bytes *out) {
  X509 *certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             (const unsigned char *)"Classic", -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  ASN1_TIME_set(X509_getm_notBefore(certificate), NOW_S - 100);
  ASN1_TIME_set(X509_getm_notAfter(certificate), NOW_S + 30 * DAY_S);
  X509_set_pubkey(certificate, key);
  if (issuer->basic_constraints) add(certificate, NID_basic_constraints, issuer->basic_constraints);
  if (issuer->key_usage) add(certificate, NID_key_usage, issuer->key_usage);
  if (issuer->key_identifier) add(certificate, NID_subject_key_identifier, issuer->key_identifier);
  assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
  unsigned char *der = NULL;
  int len = i2d_X509(certificate, &der);
  mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
  X509_free(certificate);
}

static void make_request(EVP_PKEY *key, struct mtc_bytes *out) {
  X509_REQ *request = X509_REQ_new();
  X509_REQ_set_pubkey(request, key);
  STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(
      extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:A.example.com"));
  X509_REQ_add_extensions(request, extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
  unsigned char *der = NULL;
  int len = i2d_X509_REQ(request, &der);
  mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
  X509_REQ_free(request);
}

static void sign(EVP_PKEY *key, struct mtc_span tbs, struct mtc_bytes *out) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  size_t len = 128;
  uint8_t *room = mtc_bytes_reserve(out, len);
  assert_int_equal(EVP_DigestSignInit_ex(context, NULL, "SHA2-256", NULL, NULL, key, NULL), 1);
  assert_int_equal(EVP_DigestSign(context, room, &len, tbs.data, tbs.len), 1);
  out->len += len;
  EVP_MD_CTX_free(context);
}

static void verify_strictly(X509 *root, X509 *leaf) {
  X509_STORE *store = X509_STORE_new();
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  X509_STORE_add_cert(store, root);
  X509_STORE_CTX_init(context, store, leaf, NULL);
  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_time(param, NOW_S);
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set1_host(param, "a.example.com", 0);
  if (X509_verify_cert(context) != 1)
    fail_msg("%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
}

static X509 *parse(const struct mtc_bytes *der) {
  const uint8_t *at = der->data;
  X509 *certificate = d2i_X509(NULL, &at, (long)der->len);
  assert_non_null(certificate);
  return certificate;
}

static void certificate_is_what_openssl_wants(void **state) {
  (void)state;
  EVP_PKEY *ca_key = make_key("P-256"), *key = make_key("P-256");
  struct mtc_bytes ca = {0}, csr = {0}, tbs = {0}, signature = {0}, der = {0};
  struct mtc_direct_issuer issuer;
  struct mtc_error error = {""};
  uint8_t serial[MTC_DIRECT_SERIAL_LEN];
  make_issuer(&good, ca_key, &ca);
  make_request(key, &csr);
  assert_int_equal(mtc_direct_issuer_parse(mtc_span_of_bytes(&ca), &issuer, &error), MTC_OK);
  assert_int_equal(issuer.algorithm, MTC_ALGORITHM_ECDSA_P256_SHA256);
  assert_int_equal(mtc_direct_serial(serial, &error), MTC_OK);
  assert_int_equal(serial[0] & 0xc0, 0x40);
  assert_int_equal(
      mtc_direct_tbs_make(&issuer, &profile, mtc_span_of_bytes(&csr), serial, NOW_S, &tbs, &error),
      MTC_OK);
  sign(ca_key, mtc_span_of_bytes(&tbs), &signature);
  assert_int_equal(mtc_direct_certificate_make(MTC_ALGORITHM_ED25519, mtc_span_of_bytes(&tbs),
                                               mtc_span_of_bytes(&signature), &der, &error),
                   MTC_INPUT);
  assert_int_equal(mtc_direct_certificate_make(issuer.algorithm, mtc_span_of_bytes(&tbs),
                                               mtc_span_of_bytes(&signature), &der, &error),
                   MTC_OK);
  X509 *root = parse(&ca), *leaf = parse(&der);
  verify_strictly(root, leaf);
  assert_int_equal(X509_get_version(leaf), 2);
  assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(leaf)), MTC_DIRECT_SERIAL_LEN);
  assert_int_equal(X509_check_ca(leaf), 0);
  assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
  assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
  assert_int_equal(
      ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(root)), 0);
  assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(leaf)), 20);
  assert_int_not_equal(X509_get_ext_by_NID(leaf, NID_certificate_policies, -1), -1);
  /* Not before the issuer, nor after it. */
  assert_int_equal(ASN1_TIME_compare(X509_get0_notBefore(leaf), X509_get0_notBefore(root)), 0);
  assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(leaf), X509_get0_notAfter(root)), 0);
  X509_free(root);
  X509_free(leaf);
  tbs.len = 0;
  static const int64_t outside[] = {NOW_S - 101, NOW_S + 30 * DAY_S + 1};
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(mtc_direct_tbs_make(&issuer, &profile, mtc_span_of_bytes(&csr), serial,
                                         outside[i], &tbs, &error),
                     MTC_INPUT);
  csr.len = 0;
  make_request(ca_key, &csr);
  assert_int_equal(
      mtc_direct_tbs_make(&issuer, &profile, mtc_span_of_bytes(&csr), serial, NOW_S, &tbs, &error),
      MTC_INPUT);
  assert_string_equal(error.text, "CSR: its key is the CA's own");
  csr.data[csr.len - 1] ^= 1;
  assert_int_equal(
      mtc_direct_tbs_make(&issuer, &profile, mtc_span_of_bytes(&csr), serial, NOW_S, &tbs, &error),
      MTC_INPUT);
  assert_int_equal(tbs.len, 0);
  struct mtc_bytes *all[] = {&ca, &csr, &tbs, &signature, &der};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    mtc_bytes_free(all[i]);
  EVP_PKEY_free(ca_key);
  EVP_PKEY_free(key);
}

static void issuer_that_is_no_ca_is_refused(void **state) {
  (void)state;
  static const struct {
    struct issuer issuer;
    const char *key, *text;
  } cases[] = {
      {{"critical,CA:FALSE", "critical,keyCertSign", "hash"}, "P-256", "no CA's"},
      {{"CA:TRUE", "critical,keyCertSign", "hash"}, "P-256", "no CA's"},
      {{NULL, "critical,keyCertSign", "hash"}, "P-256", "no CA's"},
      {{"critical,CA:TRUE", "critical,cRLSign,digitalSignature", "hash"}, "P-256", "keyCertSign"},
      {{"critical,CA:TRUE", NULL, "hash"}, "P-256", "keyCertSign"},
      {{"critical,CA:TRUE", "critical,keyCertSign", NULL}, "P-256", "subjectKeyIdentifier"},
      {{"critical,CA:TRUE", "critical,keyCertSign", "hash"}, "P-521", "its key is none"},
      {{"critical,CA:TRUE", "critical,keyCertSign", "hash"}, "RSA", "its key is none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    EVP_PKEY *key = make_key(cases[i].key);
    struct mtc_bytes der = {0};
    struct mtc_direct_issuer issuer;
    struct mtc_error error = {""};
    make_issuer(&cases[i].issuer, key, &der);
    assert_int_equal(mtc_direct_issuer_parse(mtc_span_of_bytes(&der), &issuer, &error), MTC_INPUT);
    if (!strstr(error.text, cases[i].text)) fail_msg("case %zu: %s", i, error.text);
    assert_int_equal(mtc_direct_issuer_parse(mtc_span_of(der.data, der.len - 1), &issuer, &error),
                     MTC_INPUT);
    mtc_bytes_free(&der);
    EVP_PKEY_free(key);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificate_is_what_openssl_wants),
      cmocka_unit_test(issuer_that_is_no_ca_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
