/* Certification requests as finalize takes them. */
#include <openssl/x509v3.h>
#include <stdio.h>

#include "app/mtc/bench_acme.h"

static X509_REQ *make_request(const char *name, EVP_PKEY *key) {
  char text[80];
  (void)snprintf(text, sizeof text, "DNS:%s", name);
  X509_REQ *request = X509_REQ_new();
  X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
  STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
  bool is_made = request && names && extensions && sk_X509_EXTENSION_push(extensions, names) > 0 &&
                 X509_REQ_set_version(request, 0) && X509_REQ_set_pubkey(request, key) &&
                 X509_REQ_add_extensions(request, extensions) &&
                 X509_REQ_sign(request, key, EVP_sha256());
  X509_EXTENSION_free(names);
  sk_X509_EXTENSION_free(extensions);
  if (is_made) return request;
  X509_REQ_free(request);
  return NULL;
}

mtc_status bench_csr_append(const char *name, struct mtc_bytes *out, struct mtc_error *error) {
  EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  X509_REQ *request = key ? make_request(name, key) : NULL;
  uint8_t *der = NULL;
  int len = request ? i2d_X509_REQ(request, &der) : 0;
  if (len > 0) {
    mtc_bytes_append_text(out, "{\"csr\":\"");
    acme_append_base64url(out, mtc_span_of(der, (size_t)len));
    mtc_bytes_append_text(out, "\"}");
  }
  OPENSSL_free(der);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  if (len > 0 && mtc_bytes_status(out) == MTC_OK) return MTC_OK;
  return mtc_fail(error, MTC_NOMEM, "libcrypto cannot make a certification request");
}
