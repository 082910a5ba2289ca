/* The provider as a relying party, in library contexts of the test's own: what is accepted, what is
 * refused and with which reason. Each CA key algorithm has a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

#include "unit/provider_fixture.h"

/* What X509_verify says of a certificate under a CA's certificate. */
static int check(enum order order, const struct test_ca *configured, const struct test_ca *issuer,
                 const struct mtc_bytes *der) {
  struct test_context context;
  ERR_clear_error();
  open_context(&context, order, configured ? configured->path : NULL);
  X509 *ca = parse(&context, &issuer->certificate), *certificate = parse(&context, der);
  EVP_PKEY *key = X509_get0_pubkey(ca);
  assert_non_null(key);
  int result = X509_verify(certificate, key);
  take_errors();
  X509_free(ca);
  X509_free(certificate);
  close_context(&context);
  return result;
}

static void test_every_wire_version_and_order(void **state) {
  (void)state;
  for (int version = MTC_WIRE_PLANTS_05; version <= MTC_WIRE_PLANTS_07; version++) {
    struct test_ca ca;
    struct mtc_bytes der = {0};
    make_test_ca(&ca, mtc_wire_get((enum mtc_wire_version)version), "32473.1");
    make_certificate(&ca, ca.key, false, &der);
    for (int order = 0; order < NUM_ORDERS; order++) {
      int result = check((enum order)order, &ca, &ca, &der);
      if (result != 1) fail_msg("%s", errors_seen);
      assert_int_equal(result, 1);
      /* Each byte of the signature value counts. */
      der.data[der.len - 1] ^= 1;
      assert_int_not_equal(check((enum order)order, &ca, &ca, &der), 1);
      assert_error("the cosigner policy is not satisfied");
      der.data[der.len - 1] ^= 1;
    }
    mtc_bytes_free(&der);
    free_test_ca(&ca);
  }
}

static void test_closed_without_configuration(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  for (int raw = 0; raw < 2; raw++) {
    mtc_bytes_clear(&der);
    make_certificate(&ca, ca.key, raw, &der);
    for (int order = 0; order < NUM_ORDERS; order++)
      assert_int_not_equal(check((enum order)order, NULL, &ca, &der), 1);
  }
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

static void test_raw_signature_labelled_as_proof(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, true, &der);
  for (int order = 0; order < NUM_ORDERS; order++) {
    assert_int_not_equal(check((enum order)order, &ca, &ca, &der), 1);
    assert_error("the MTCProof is malformed");
  }
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

/* A certificate signed by the CA's key as an ordinary CA would: with the plain algorithm's label.
 */
static void make_ordinary(const struct test_ca *ca, struct mtc_bytes *out, bool unknown_critical) {
  X509 *certificate = X509_new(), *issuer = NULL;
  const unsigned char *at = ca->certificate.data;
  unsigned char *der = NULL;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  issuer = d2i_X509(NULL, &at, (long)ca->certificate.len);
  X509_set_version(certificate, X509_VERSION_3);
  assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), UINT64_C(1) << 48),
                   1);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  ASN1_TIME_set(X509_getm_notBefore(certificate), NOW_S - 10);
  ASN1_TIME_set(X509_getm_notAfter(certificate), NOW_S + 1000);
  X509_set_pubkey(certificate, key);
  if (unknown_critical) {
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.5", 1);
    ASN1_OCTET_STRING_set(value, (const unsigned char *)"\5", 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
  }
  const EVP_MD *digest = EVP_PKEY_is_a(ca->key, "EC") ? EVP_sha256() : NULL;
  assert_true(X509_sign(certificate, ca->key, digest) > 0);
  int len = i2d_X509(certificate, &der);
  mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  X509_free(issuer);
  X509_free(certificate);
}

static void test_raw_signature_with_its_own_label(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_ordinary(&ca, &der, false);
  for (int order = 0; order < NUM_ORDERS; order++) {
    assert_int_not_equal(check((enum order)order, &ca, &ca, &der), 1);
    assert_error("without a log");
  }
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

static void test_key_of_another_ca(void **state) {
  struct test_ca ca, other;
  struct mtc_bytes der = {0}, pem = {0};
  struct mtc_error error;
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_test_ca(&other, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.2");
  /* Both are configured: the file of one has the certificates of both. */
  mtc_pem_append("CERTIFICATE", mtc_span_of_bytes(&other.certificate), &pem);
  mtc_pem_append("CERTIFICATE", mtc_span_of_bytes(&ca.certificate), &pem);
  assert_int_equal(mtc_file_write_unsynced(ca.path, mtc_span_of_bytes(&pem), 0644, &error), MTC_OK);
  make_certificate(&ca, ca.key, false, &der);
  for (int order = 0; order < NUM_ORDERS; order++) {
    assert_int_equal(check((enum order)order, &ca, &ca, &der), 1);
    assert_int_not_equal(check((enum order)order, &ca, &other, &der), 1);
    assert_error("the key is not that of the issuing CA");
  }
  mtc_bytes_clear(&der);
  make_certificate(&ca, other.key, false, &der);
  assert_int_not_equal(check(DEFAULT_FIRST, &ca, &ca, &der), 1);
  assert_error("invalid signature of 32473.1");
  mtc_bytes_free(&der);
  mtc_bytes_free(&pem);
  free_test_ca(&ca);
  free_test_ca(&other);
}

static void test_wrong_configuration_says_so(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  struct mtc_error error;
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, false, &der);
  assert_int_equal(mtc_file_write_unsynced(ca.path, mtc_span_of_text("nothing\n"), 0644, &error),
                   MTC_OK);
  assert_int_not_equal(check(MTC_FIRST, &ca, &ca, &der), 1);
  assert_error("holds no certificate in PEM");
  (void)unlink(ca.path);
  assert_int_not_equal(check(MTC_FIRST, &ca, &ca, &der), 1);
  assert_error("No such file");
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

/* X509_verify_cert of `der` under the CA certificate; *out_error is what it says. */
static int check_chain(const struct test_context *context, const struct test_ca *ca,
                       const struct mtc_bytes *der, X509_CRL *crl, int *out_error) {
  X509_STORE *store = X509_STORE_new();
  X509 *anchor = parse(context, &ca->certificate), *certificate = parse(context, der);
  X509_STORE_CTX *verification = X509_STORE_CTX_new_ex(context->library, NULL);
  assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
  if (crl) assert_int_equal(X509_STORE_add_crl(store, crl), 1);
  assert_int_equal(X509_STORE_CTX_init(verification, store, certificate, NULL), 1);
  X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(verification);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | (crl ? X509_V_FLAG_CRL_CHECK : 0));
  X509_VERIFY_PARAM_set_time(param, NOW_S);
  int result = X509_verify_cert(verification);
  *out_error = X509_STORE_CTX_get_error(verification);
  X509_STORE_CTX_free(verification);
  X509_STORE_free(store);
  X509_free(anchor);
  X509_free(certificate);
  return result;
}

static X509_CRL *make_crl(const struct test_context *context, const struct test_ca *ca,
                          bool unknown_critical) {
  X509 *issuer = parse(context, &ca->certificate);
  X509_CRL *crl = X509_CRL_new_ex(context->library, NULL);
  ASN1_TIME *time = ASN1_TIME_set(NULL, NOW_S - 10);
  X509_CRL_set_version(crl, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
  X509_CRL_set1_lastUpdate(crl, time);
  ASN1_TIME_set(time, NOW_S + 1000);
  X509_CRL_set1_nextUpdate(crl, time);
  if (unknown_critical) {
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.5", 1);
    ASN1_OCTET_STRING_set(value, (const unsigned char *)"\5", 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
    X509_CRL_add_ext(crl, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
  }
  const EVP_MD *digest = EVP_PKEY_is_a(ca->key, "EC") ? EVP_sha256() : NULL;
  assert_true(X509_CRL_sign(crl, ca->key, digest) > 0);
  ASN1_TIME_free(time);
  X509_free(issuer);
  /* libcrypto looks at a list's extensions when it parses it. */
  unsigned char *der = NULL;
  int len = i2d_X509_CRL(crl, &der);
  const unsigned char *at = der;
  X509_CRL_free(crl);
  crl = X509_CRL_new_ex(context->library, NULL);
  assert_non_null(d2i_X509_CRL(&crl, &at, len));
  OPENSSL_free(der);
  return crl;
}

static void test_critical_extensions(void **state) {
  struct test_ca ca, unconfigured;
  struct mtc_bytes der = {0}, ordinary = {0}, other = {0};
  struct test_context context;
  int problem;
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_test_ca(&unconfigured, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.7");
  make_certificate(&ca, ca.key, false, &der);
  make_certificate(&unconfigured, unconfigured.key, false, &other);
  make_ordinary(&ca, &ordinary, true);
  for (int order = 0; order < NUM_ORDERS; order++) {
    open_context(&context, (enum order)order, ca.path);
    assert_int_equal(check_chain(&context, &ca, &der, NULL, &problem), 1);
    assert_int_not_equal(check_chain(&context, &ca, &ordinary, NULL, &problem), 1);
    assert_int_equal(problem, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION);
    assert_int_not_equal(check_chain(&context, &unconfigured, &other, NULL, &problem), 1);
    assert_int_equal(problem, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION);
    for (int unknown = 0; unknown < 2; unknown++) {
      X509_CRL *crl = make_crl(&context, &ca, unknown);
      int result = check_chain(&context, &ca, &der, crl, &problem);
      assert_int_equal(result == 1, !unknown);
      if (unknown) assert_int_equal(problem, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION);
      X509_CRL_free(crl);
    }
    close_context(&context);
  }
  ERR_clear_error();
  mtc_bytes_clear(&ordinary);
  make_ordinary(&ca, &ordinary, false);
  open_context(&context, DEFAULT_FIRST, ca.path);
  assert_int_not_equal(check_chain(&context, &ca, &ordinary, NULL, &problem), 1);
  assert_int_equal(problem, X509_V_ERR_CERT_SIGNATURE_FAILURE);
  close_context(&context);
  mtc_bytes_free(&der);
  mtc_bytes_free(&other);
  mtc_bytes_free(&ordinary);
  free_test_ca(&ca);
  free_test_ca(&unconfigured);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_wire_version_and_order),
      cmocka_unit_test(test_closed_without_configuration),
      cmocka_unit_test(test_raw_signature_labelled_as_proof),
      cmocka_unit_test(test_raw_signature_with_its_own_label),
      cmocka_unit_test(test_key_of_another_ca),
      cmocka_unit_test(test_wrong_configuration_says_so),
      cmocka_unit_test(test_critical_extensions),
  };
  const enum mtc_algorithm algorithms[] = {MTC_ALGORITHM_MLDSA44, MTC_ALGORITHM_ECDSA_P256_SHA256,
                                           MTC_ALGORITHM_ED25519};
  int failed = 0;
  for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      test_algorithm = algorithms[i];
      return cmocka_run_group_tests_name(mtc_algorithm_name(test_algorithm), tests, NULL, NULL);
    }
    if (waitpid(child, &status, 0) != child || status) failed++;
  }
  return failed;
}
