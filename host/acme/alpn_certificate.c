/* The certificate by which tls-alpn-01 is proved. */
#include "acme/alpn_certificate.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "acme/address.h"
#include "mtc/digest.h"

/* id-pe-acmeIdentifier, 1.3.6.1.5.5.7.1.31 */
static const uint8_t acme_identifier_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f};

static bool is_name(const GENERAL_NAME *name, const struct acme_identifier *identifier) {
  if (identifier->type == ACME_DNS_NAME) {
    if (name->type != GEN_DNS) return false;
    size_t len = (size_t)ASN1_STRING_length(name->d.dNSName);
    const char *text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
    return len == strlen(identifier->value) && strncasecmp(text, identifier->value, len) == 0;
  }
  struct acme_address wanted, had;
  return name->type == GEN_IPADD && acme_address_parse(identifier->value, &wanted) &&
         acme_address_of(mtc_span_of(ASN1_STRING_get0_data(name->d.iPAddress),
                                     (size_t)ASN1_STRING_length(name->d.iPAddress)),
                         &had) &&
         memcmp(&wanted, &had, sizeof had) == 0;
}

static const char *check_names(const X509 *certificate, const struct acme_identifier *identifier) {
  int found = 0;
  /* NULL, too, when there are two such extensions (found is then -2). */
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
  if (!names)
    return found == -1   ? "its certificate has no subjectAltName"
           : found == -2 ? "its certificate has several subjectAltNames"
                         : "its certificate's subjectAltName is malformed";
  const char *why = NULL;
  if (sk_GENERAL_NAME_num(names) != 1)
    why = "its certificate has not just one subjectAltName entry";
  else if (!is_name(sk_GENERAL_NAME_value(names, 0), identifier))
    why = "its certificate's subjectAltName is not the identifier";
  GENERAL_NAMES_free(names);
  return why;
}

static bool is_acme_identifier(X509_EXTENSION *extension) {
  const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
  return mtc_span_equal(mtc_span_of(OBJ_get0_data(object), OBJ_length(object)),
                        mtc_span_of(acme_identifier_oid, sizeof acme_identifier_oid));
}

/* The extension's value is an OCTET STRING of 32 bytes: 04 20, then the digest. */
static const char *check_digest(const X509 *certificate, const char *key_authorization) {
  X509_EXTENSION *found = NULL;
  for (int i = 0; i < X509_get_ext_count(certificate); i++) {
    X509_EXTENSION *extension = X509_get_ext(certificate, i);
    if (!is_acme_identifier(extension)) continue;
    if (found) return "its certificate has several acmeIdentifier extensions";
    found = extension;
  }
  if (!found) return "its certificate has no acmeIdentifier extension";
  if (!X509_EXTENSION_get_critical(found))
    return "its certificate's acmeIdentifier extension is not critical";
  const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(found);
  const uint8_t *data = ASN1_STRING_get0_data(value);
  if (ASN1_STRING_length(value) != 2 + MTC_HASH_LEN || data[0] != 0x04 || data[1] != MTC_HASH_LEN)
    return "its certificate's acmeIdentifier extension is no OCTET STRING of 32 bytes";
  struct mtc_hash wanted;
  mtc_hash_message(mtc_span_of_text(key_authorization), &wanted);
  return memcmp(data + 2, wanted.bytes, MTC_HASH_LEN) == 0
             ? NULL
             : "its certificate's acmeIdentifier extension is not the key authorization's digest";
}

const char *acme_alpn_certificate_check(X509 *certificate, const struct acme_identifier *identifier,
                                        const char *key_authorization) {
  const char *why = check_names(certificate, identifier);
  if (!why) why = check_digest(certificate, key_authorization);
  if (!why && X509_self_signed(certificate, 1) != 1) why = "its certificate is not self-signed";
  return why;
}
