/* mtc-provider-load: many threads that issue through the OpenSSL provider as CA software would, one
 * X509_sign after another. Prints what was issued, as JSON. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "mtc/runtime.h"

struct load {
  EVP_PKEY *issuing_key, *subject_key;
  X509 *ca;
  uint64_t first_serial;
  int count;
  atomic_int next, num_failed;
};

/* What the store has for an expectation: the issuing key, or a certificate. */
static OSSL_STORE_INFO *load_one(const char *uri, int expected) {
  OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  OSSL_STORE_INFO *info = NULL;
  if (store && OSSL_STORE_expect(store, expected) == 1) info = OSSL_STORE_load(store);
  OSSL_STORE_close(store);
  return info;
}

static bool issue(struct load *load, int number) {
  X509 *certificate = X509_new();
  X509_NAME *name = X509_NAME_new();
  char host[32];
  (void)snprintf(host, sizeof host, "%d.example.com", number);
  bool ok = certificate && name && X509_set_version(certificate, X509_VERSION_3) &&
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate),
                                    load->first_serial + (uint64_t)number) &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1,
                                       -1, 0) &&
            X509_set_subject_name(certificate, name) &&
            X509_set_issuer_name(certificate, X509_get_subject_name(load->ca)) &&
            X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
            X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
            X509_set_pubkey(certificate, load->subject_key) &&
            X509_sign(certificate, load->issuing_key, NULL) > 0 &&
            X509_verify(certificate, X509_get0_pubkey(load->ca)) == 1;
  if (!ok) ERR_print_errors_fp(stderr);
  X509_NAME_free(name);
  X509_free(certificate);
  return ok;
}

static void *work(void *argument) {
  struct load *load = argument;
  for (int number; (number = atomic_fetch_add(&load->next, 1)) < load->count;) {
    if (!issue(load, number)) atomic_fetch_add(&load->num_failed, 1);
  }
  return NULL;
}

static int run(struct load *load, int num_threads) {
  pthread_t threads[256];
  int num_started = 0;
  int64_t start_ms = mtc_clock_monotonic_ms();
  while (num_started < num_threads && pthread_create(&threads[num_started], NULL, work, load) == 0)
    num_started++;
  for (int i = 0; i < num_started; i++)
    pthread_join(threads[i], NULL);
  int64_t elapsed_ms = mtc_clock_monotonic_ms() - start_ms;
  (void)printf("{\"threads\": %d, \"issued\": %d, \"failed\": %d, \"elapsed_ms\": %lld}\n",
               num_started, load->count - load->num_failed, load->num_failed,
               (long long)elapsed_ms);
  return load->num_failed || num_started < num_threads;
}

int main(int argc, char **argv) {
  struct load load = {0};
  int rc = 1, num_threads = argc == 5 ? atoi(argv[3]) : 0;
  if (num_threads < 1 || num_threads > 256) {
    (void)fprintf(stderr, "usage: mtc-provider-load mtc:URI COUNT THREADS FIRST-SERIAL\n");
    return 2;
  }
  load.count = atoi(argv[2]);
  load.first_serial = strtoull(argv[4], NULL, 10);
  OSSL_STORE_INFO *key = load_one(argv[1], OSSL_STORE_INFO_PKEY);
  OSSL_STORE_INFO *ca = load_one(argv[1], OSSL_STORE_INFO_CERT);
  load.issuing_key = key ? OSSL_STORE_INFO_get1_PKEY(key) : NULL;
  load.ca = ca ? OSSL_STORE_INFO_get1_CERT(ca) : NULL;
  load.subject_key = EVP_EC_gen("P-256");
  if (load.issuing_key && load.ca && load.subject_key)
    rc = run(&load, num_threads);
  else
    ERR_print_errors_fp(stderr);
  EVP_PKEY_free(load.issuing_key);
  EVP_PKEY_free(load.subject_key);
  X509_free(load.ca);
  OSSL_STORE_INFO_free(key);
  OSSL_STORE_INFO_free(ca);
  return rc;
}
