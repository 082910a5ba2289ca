/* What the provider must not change: ordinary keys of the CA keys' algorithm, before and after an
 * MTC verification, in every order of providers and in many threads; loading and unloading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <malloc.h>
#include <openssl/objects.h>
#include <pthread.h>
#include <sys/wait.h>

#include "unit/provider_fixture.h"

#define NUM_THREADS 8
#define NUM_LOADS 1000

static void sign_and_verify(OSSL_LIB_CTX *library, EVP_PKEY *key, EVP_PKEY *verifying_key) {
  static const unsigned char message[] = "ordinary";
  unsigned char value[8192];
  size_t len = sizeof value;
  const char *digest = EVP_PKEY_is_a(key, "EC") ? "SHA2-256" : NULL;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, library, NULL, key, NULL), 1);
  assert_int_equal(EVP_DigestSign(context, value, &len, message, sizeof message), 1);
  assert_int_equal(
      EVP_DigestVerifyInit_ex(context, NULL, digest, library, NULL, verifying_key, NULL), 1);
  assert_int_equal(EVP_DigestVerify(context, value, len, message, sizeof message), 1);
  value[len / 2] ^= 1;
  assert_int_equal(
      EVP_DigestVerifyInit_ex(context, NULL, digest, library, NULL, verifying_key, NULL), 1);
  assert_int_not_equal(EVP_DigestVerify(context, value, len, message, sizeof message), 1);
  EVP_MD_CTX_free(context);
  ERR_clear_error();
}

/* A signature under a context string, by the interface for whole messages. */
static void sign_with_context_string(OSSL_LIB_CTX *library, EVP_PKEY *key) {
  unsigned char name[] = "context", message[] = "message", value[4096];
  size_t len = sizeof value;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, name, sizeof name),
      OSSL_PARAM_construct_end()};
  EVP_SIGNATURE *algorithm = EVP_SIGNATURE_fetch(library, "ML-DSA-44", NULL);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(library, key, NULL);
  assert_non_null(algorithm);
  assert_int_equal(EVP_PKEY_sign_message_init(context, algorithm, params), 1);
  assert_int_equal(EVP_PKEY_sign(context, value, &len, message, sizeof message), 1);
  assert_int_equal(EVP_PKEY_verify_message_init(context, algorithm, params), 1);
  assert_int_equal(EVP_PKEY_verify(context, value, len, message, sizeof message), 1);
  assert_int_equal(EVP_PKEY_verify_message_init(context, algorithm, NULL), 1);
  assert_int_not_equal(EVP_PKEY_verify(context, value, len, message, sizeof message), 1);
  EVP_PKEY_CTX_free(context);
  EVP_SIGNATURE_free(algorithm);
  ERR_clear_error();
}

static void exchange(OSSL_LIB_CTX *library, EVP_PKEY *key) {
  unsigned char secret[64];
  size_t len = sizeof secret;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(library, key, NULL);
  assert_int_equal(EVP_PKEY_derive_init(context), 1);
  assert_int_equal(EVP_PKEY_derive_set_peer(context, key), 1);
  assert_int_equal(EVP_PKEY_derive(context, secret, &len), 1);
  assert_int_equal(len, 32);
  EVP_PKEY_CTX_free(context);
}

static void use_ordinary_keys(OSSL_LIB_CTX *library) {
  const char *names[] = {"ML-DSA-44", "EC", "ED25519"};
  for (size_t i = 0; i < 3; i++) {
    EVP_PKEY *key = i == 1 ? EVP_PKEY_Q_keygen(library, NULL, "EC", "P-256")
                           : EVP_PKEY_Q_keygen(library, NULL, names[i]);
    BIO *pem = BIO_new(BIO_s_mem());
    OSSL_PARAM *params = NULL;
    EVP_PKEY *imported = NULL;
    assert_non_null(key);
    /* Through PEM, both parts, and through parameters. */
    assert_int_equal(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_PUBKEY(pem, key), 1);
    EVP_PKEY *private_key = PEM_read_bio_PrivateKey_ex(pem, NULL, NULL, NULL, library, NULL);
    EVP_PKEY *public_key = PEM_read_bio_PUBKEY_ex(pem, NULL, NULL, NULL, library, NULL);
    assert_non_null(private_key);
    assert_non_null(public_key);
    assert_int_equal(EVP_PKEY_eq(private_key, public_key), 1);
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 1);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(library, names[i], NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &imported, EVP_PKEY_KEYPAIR, params), 1);
    assert_int_equal(EVP_PKEY_eq(key, imported), 1);
    sign_and_verify(library, key, public_key);
    sign_and_verify(library, private_key, key);
    sign_and_verify(library, imported, public_key);
    if (i == 0) sign_with_context_string(library, key);
    if (i == 1) exchange(library, key);
    if (i == 1) exchange(library, imported);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    EVP_PKEY_free(imported);
    EVP_PKEY_free(private_key);
    EVP_PKEY_free(public_key);
    EVP_PKEY_free(key);
    BIO_free(pem);
  }
}

struct work {
  const struct test_context *context;
  const struct test_ca *ca;
  const struct mtc_bytes *der;
  int num_rounds;
};

static void verify_mtc(const struct work *work) {
  X509 *ca = parse(work->context, &work->ca->certificate);
  X509 *certificate = parse(work->context, work->der);
  int result = X509_verify(certificate, X509_get0_pubkey(ca));
  if (result != 1) ERR_print_errors_fp(stderr);
  assert_int_equal(result, 1);
  X509_free(ca);
  X509_free(certificate);
}

static void *work_in_thread(void *argument) {
  const struct work *work = argument;
  for (int i = 0; i < work->num_rounds; i++) {
    verify_mtc(work);
    use_ordinary_keys(work->context->library);
  }
  OPENSSL_thread_stop_ex(work->context->library);
  return NULL;
}

static void test_before_and_after(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, false, &der);
  for (int order = 0; order < NUM_ORDERS; order++) {
    struct test_context context;
    open_context(&context, (enum order)order, ca.path);
    const struct work work = {&context, &ca, &der, 1};
    use_ordinary_keys(context.library);
    verify_mtc(&work);
    use_ordinary_keys(context.library);
    verify_mtc(&work);
    close_context(&context);
  }
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

static void test_threads(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, false, &der);
  for (int order = 0; order < NUM_ORDERS; order++) {
    struct test_context context;
    pthread_t threads[NUM_THREADS];
    open_context(&context, (enum order)order, ca.path);
    struct work work = {&context, &ca, &der, 5};
    for (int i = 0; i < NUM_THREADS; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, work_in_thread, &work), 0);
    for (int i = 0; i < NUM_THREADS; i++)
      assert_int_equal(pthread_join(threads[i], NULL), 0);
    close_context(&context);
  }
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

/*
 * What is in use after some rounds is in use after a thousand. libcrypto's own tables grow by some
 * 80 bytes a load, with its own legacy module as with this one; what one load of this one allocates
 * is thousands.
 */
static void test_loads_and_unloads(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  size_t in_use = 0;
  (void)state;
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, false, &der);
  for (int i = 0; i < NUM_LOADS; i++) {
    struct test_context context;
    open_context(&context, (enum order)(i % NUM_ORDERS), ca.path);
    const struct work work = {&context, &ca, &der, 1};
    if (i % 10 == 0) verify_mtc(&work);
    close_context(&context);
    if (i == NUM_LOADS / 10) in_use = mallinfo2().uordblks;
  }
  size_t grown = mallinfo2().uordblks > in_use ? mallinfo2().uordblks - in_use : 0;
  assert_true(grown < NUM_LOADS * 128);
  mtc_bytes_free(&der);
  free_test_ca(&ca);
}

/* A libcrypto that knows id-alg-mtcProof as a signature verifies by itself. */
static void test_stands_aside(void **state) {
  struct test_ca ca;
  struct mtc_bytes der = {0};
  struct test_context context;
  (void)state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child) {
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return;
  }
  int proof = OBJ_create("1.3.6.1.5.5.7.6.67", "native", "native");
  assert_true(OBJ_add_sigid(proof, NID_undef, NID_ML_DSA_44));
  make_test_ca(&ca, mtc_wire_get(MTC_WIRE_PLANTS_07), "32473.1");
  make_certificate(&ca, ca.key, false, &der);
  open_context(&context, DEFAULT_FIRST, ca.path);
  X509 *certificate = parse(&context, &ca.certificate);
  const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(X509_get0_pubkey(certificate));
  assert_string_equal(OSSL_PROVIDER_get0_name(provider), "default");
  use_ordinary_keys(context.library);
  X509_free(certificate);
  close_context(&context);
  mtc_bytes_free(&der);
  free_test_ca(&ca);
  exit(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stands_aside),
      cmocka_unit_test(test_before_and_after),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_loads_and_unloads),
  };
  const struct CMUnitTest other_algorithm[] = {cmocka_unit_test(test_before_and_after),
                                               cmocka_unit_test(test_threads)};
  pid_t child = fork();
  if (child == 0) {
    test_algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256;
    return cmocka_run_group_tests_name("P-256", other_algorithm, NULL, NULL);
  }
  int status = 1, failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (child < 0 || waitpid(child, &status, 0) != child || status) failed++;
  return failed;
}
