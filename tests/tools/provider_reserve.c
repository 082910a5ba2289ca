/*
 * mtc-provider-reserve URI COUNT [NAME.der]: what a program does to have COUNT serial numbers
 * reserved in a row, for a subject or for anybody. It prints the first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/store.h>

static EVP_PKEY *load_key(const char *uri) {
  EVP_PKEY *key = NULL;
  OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
  if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY)) {
    OSSL_STORE_INFO *info = OSSL_STORE_load(store);
    if (info) key = OSSL_STORE_INFO_get1_PKEY(info);
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  return key;
}

int main(int argc, char **argv) {
  static unsigned char name[131072];
  size_t len = 0;
  uint64_t serial = 0, count;
  if (argc < 3 || argc > 4) {
    (void)fputs("usage: mtc-provider-reserve URI COUNT [NAME.der]\n", stderr);
    return 2;
  }
  count = strtoull(argv[2], NULL, 10);
  if (argc == 4) {
    FILE *file = fopen(argv[3], "rbe");
    if (!file) return 2;
    len = fread(name, 1, sizeof name, file);
    (void)fclose(file);
  }
  OSSL_PARAM params[] = {OSSL_PARAM_uint64("mtc-serial", &serial),
                         OSSL_PARAM_uint64("mtc-count", &count), OSSL_PARAM_END, OSSL_PARAM_END};
  if (argc == 4) params[2] = OSSL_PARAM_construct_octet_string("mtc-subject", name, len);
  EVP_PKEY *key = load_key(argv[1]);
  int ok = key && EVP_PKEY_get_params(key, params);
  if (ok)
    (void)printf("%" PRIu64 "\n", serial);
  else
    ERR_print_errors_fp(stderr);
  EVP_PKEY_free(key);
  return ok ? 0 : 1;
}
