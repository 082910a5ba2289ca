/* The provider's verification, in libcrypto: no certificate is accepted whose TBSCertificate is not
 * one that the CA of the corpus issued, whatever stands in it, in its proof, or in the key of its
 * issuer. */
#include "fuzz/issued.h"

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#define CORPUS MTC_VECTORS "/corpus-plants-07/"

OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *library;
static X509 *ca;
static struct mtc_bytes certificates[NUM_ISSUED];

static X509 *parse(const uint8_t *data, size_t len) {
  X509 *certificate = X509_new_ex(library, NULL);
  assert(certificate);
  if (!d2i_X509(&certificate, &data, (long)len)) {
    ERR_clear_error();
    return NULL; /* it was freed */
  }
  return certificate;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  char path[] = CORPUS "ca_cert.pem", policy[] = CORPUS "policy.txt";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("ca_certificates", path, 0),
                         OSSL_PARAM_construct_utf8_string("policy", policy, 0),
                         OSSL_PARAM_construct_utf8_string("reload_s", (char[]){"86400"}, 0),
                         OSSL_PARAM_construct_end()};
  library = OSSL_LIB_CTX_new();
  assert(library && OSSL_PROVIDER_add_builtin(library, "mtc", OSSL_provider_init));
  assert(OSSL_PROVIDER_load(library, "default"));
  assert(OSSL_PROVIDER_load_ex(library, "mtc", params));
  struct mtc_bytes der = load_certificate(wire_number(2), "ca_cert.pem");
  ca = parse(der.data, der.len);
  assert(ca && X509_get0_pubkey(ca));
  mtc_bytes_free(&der);
  for (size_t k = 0; k < NUM_ISSUED; k++) {
    certificates[k] = load_certificate(wire_number(2), issued[k]);
    X509 *certificate = parse(certificates[k].data, certificates[k].len);
    assert(X509_verify(certificate, X509_get0_pubkey(ca)) == 1);
    X509_free(certificate);
  }
  return 0;
}

static void check_issued(X509 *certificate) {
  unsigned char *tbs = NULL;
  int len = i2d_re_X509_tbs(certificate, &tbs);
  assert(len > 0 && is_issued(certificates, mtc_span_of(tbs, (size_t)len)));
  OPENSSL_free(tbs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  X509 *certificate = parse(data, len);
  if (!certificate) return 0;
  if (X509_verify(certificate, X509_get0_pubkey(ca)) == 1) check_issued(certificate);
  ERR_clear_error();
  X509_free(certificate);
  return 0;
}
