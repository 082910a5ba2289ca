/* Certificates of a TLS server in a test, right and wrong ones, and handshakes by them. */
#ifndef SUPPORT_TLS_CERTIFICATE_H
#define SUPPORT_TLS_CERTIFICATE_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_extension {
  const char *oid; /* "2.5.29.17" ... */
  bool critical;
  const uint8_t *data;
  size_t len;
};

static inline void tls_add_extension(X509 *certificate, const struct tls_extension *extension) {
  ASN1_OBJECT *object = OBJ_txt2obj(extension->oid, 1);
  ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
  assert_int_equal(ASN1_OCTET_STRING_set(value, extension->data, (int)extension->len), 1);
  X509_EXTENSION *made = X509_EXTENSION_create_by_OBJ(NULL, object, extension->critical, value);
  assert_int_equal(X509_add_ext(certificate, made, -1), 1);
  X509_EXTENSION_free(made);
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(object);
}

/* A certificate for `key`, signed by `signer` (itself where they are the same). */
static inline X509 *tls_certificate(EVP_PKEY *key, EVP_PKEY *signer, const char *subject,
                                    const char *issuer, const struct tls_extension *extensions,
                                    size_t num) {
  X509 *certificate = X509_new();
  X509_NAME *name = X509_NAME_new(), *issuer_name = X509_NAME_new();
  assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
  (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                              (const unsigned char *)subject, -1, -1, 0),
                   1);
  assert_int_equal(X509_NAME_add_entry_by_txt(issuer_name, "CN", MBSTRING_ASC,
                                              (const unsigned char *)issuer, -1, -1, 0),
                   1);
  assert_int_equal(X509_set_subject_name(certificate, name), 1);
  assert_int_equal(X509_set_issuer_name(certificate, issuer_name), 1);
  assert_int_equal(X509_set_pubkey(certificate, key), 1);
  for (size_t i = 0; i < num; i++)
    tls_add_extension(certificate, &extensions[i]);
  assert_true(X509_sign(certificate, signer, EVP_sha256()) > 0);
  X509_NAME_free(name);
  X509_NAME_free(issuer_name);
  return certificate;
}

#endif
