/* provider_issue mtc:URI PUBLIC-KEY.pem NAME >CERTIFICATE.pem: issues a certificate for 5 days. */
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/store.h>

int main(int argc, char **argv) {
  uint64_t serial = 0; /* a serial number is a place in the log: the CA's key reserves it */
  OSSL_PARAM reserve[] = {OSSL_PARAM_uint64("mtc-serial", &serial), OSSL_PARAM_END};
  OSSL_STORE_INFO *info[2] = {NULL, NULL};
  const int expected[2] = {OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_CERT};
  for (int i = 0; argc == 4 && i < 2; i++) {
    OSSL_STORE_CTX *store = OSSL_STORE_open(argv[1], NULL, NULL, NULL, NULL);
    if (store && OSSL_STORE_expect(store, expected[i])) info[i] = OSSL_STORE_load(store);
    OSSL_STORE_close(store);
  }
  FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL;
  EVP_PKEY *subject_key = file ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
  EVP_PKEY *ca_key = info[0] ? OSSL_STORE_INFO_get0_PKEY(info[0]) : NULL;
  X509 *ca = info[1] ? OSSL_STORE_INFO_get0_CERT(info[1]) : NULL, *certificate = X509_new();
  int ok = ca_key && ca && subject_key && EVP_PKEY_get_params(ca_key, reserve) &&
           X509_set_version(certificate, X509_VERSION_3) &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(ca)) &&
           X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      (const unsigned char *)argv[3], -1, -1, 0) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 5 * 86400) &&
           X509_set_pubkey(certificate, subject_key) && X509_sign(certificate, ca_key, NULL) > 0 &&
           PEM_write_X509(stdout, certificate);
  if (!ok) ERR_print_errors_fp(stderr);
  return !ok; /* the end of the process frees what is left */
}
