/* Keys and certification requests. */
#include "acme/client_certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "mtc/entry.h"

mtc_status acme_client_make_key(unsigned key_type, EVP_PKEY **out, struct mtc_error *error) {
  switch (key_type) {
    case MTC_KEY_P256:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
      break;
    case MTC_KEY_P384:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
      break;
    case MTC_KEY_RSA:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
      break;
    case MTC_KEY_ED25519:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
      break;
    case MTC_KEY_MLDSA44:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44");
      break;
    case MTC_KEY_MLDSA65:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-65");
      break;
    case MTC_KEY_MLDSA87:
      *out = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-87");
      break;
    default:
      *out = NULL;
      return mtc_fail(error, MTC_INPUT, "key type %u", key_type);
  }
  ERR_clear_error();
  return *out ? MTC_OK : mtc_fail(error, MTC_FATAL, "libcrypto made no key");
}

static GENERAL_NAME *make_name(const struct acme_identifier *identifier) {
  uint8_t address[16];
  bool is_v6 = strchr(identifier->value, ':');
  const char *value = identifier->value;
  GENERAL_NAME *name = GENERAL_NAME_new();
  ASN1_STRING *string = ASN1_STRING_type_new(
      identifier->type == ACME_IP_ADDRESS ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  int is_set = 0;
  if (string && identifier->type == ACME_DNS_NAME)
    is_set = ASN1_STRING_set(string, value, (int)strlen(value));
  else if (string && inet_pton(is_v6 ? AF_INET6 : AF_INET, value, address) == 1)
    is_set = ASN1_STRING_set(string, address, is_v6 ? 16 : 4);
  if (!name || !is_set) {
    GENERAL_NAME_free(name);
    ASN1_STRING_free(string);
    return NULL;
  }
  GENERAL_NAME_set0_value(name, identifier->type == ACME_IP_ADDRESS ? GEN_IPADD : GEN_DNS, string);
  return name;
}

static GENERAL_NAMES *make_names(const struct acme_identifier *identifiers, size_t num) {
  GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
  for (size_t i = 0; names && i < num; i++) {
    GENERAL_NAME *name = make_name(&identifiers[i]);
    if (name && sk_GENERAL_NAME_push(names, name)) continue;
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    names = NULL;
  }
  return names;
}

mtc_status acme_client_append_csr(EVP_PKEY *key, const struct acme_identifier *identifiers,
                                  size_t num, struct mtc_bytes *out, struct mtc_error *error) {
  /* These sign without a digest of their own. */
  bool has_digest = EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "RSA");
  unsigned char *der = NULL;
  X509_REQ *request = X509_REQ_new();
  GENERAL_NAMES *names = make_names(identifiers, num);
  STACK_OF(X509_EXTENSION) *extensions = NULL;
  bool is_made =
      request && names && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
      X509_REQ_set_pubkey(request, key) &&
      X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1 &&
      X509_REQ_add_extensions(request, extensions) &&
      X509_REQ_sign(request, key, has_digest ? EVP_sha256() : NULL) > 0;
  int len = is_made ? i2d_X509_REQ(request, &der) : 0;
  if (len > 0) mtc_bytes_append(out, der, (size_t)len);
  OPENSSL_free(der);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  GENERAL_NAMES_free(names);
  X509_REQ_free(request);
  ERR_clear_error();
  if (len > 0 && !out->failed) return MTC_OK;
  return mtc_fail(error, MTC_NOMEM, "libcrypto made no certification request");
}
