#include "entry/csr.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entry/fields.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define MAX_RSA_BITS 8192 /* verification time grows with the square */

/* extensionRequest 1.2.840.113549.1.9.14 (RFC 2985) */
static const struct mtc_span extension_request =
    DER(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e);
/* rsaEncryption with NULL parameters (RFC 3279) */
static const struct mtc_span rsa_encryption =
    DER(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00);
static const struct mtc_span common_name = DER(0x06, 0x03, 0x55, 0x04, 0x03);

/* attributes [0] IMPLICIT SET OF SEQUENCE { OID, SET OF ANY } */
static mtc_status parse_attributes(struct mtc_reader *reader, struct mtc_csr *csr,
                                   struct mtc_error *error) {
  struct mtc_der attributes, attribute, type, values, sequence;
  if (!mtc_der_read(reader, 0xa0, &attributes) || !mtc_der_check(attributes.contents))
    return mtc_fail(error, MTC_INPUT, "attributes are missing or not DER");
  struct mtc_reader rest = mtc_der_enter(&attributes);
  for (size_t i = 0; rest.len; i++) {
    if (!mtc_der_read(&rest, MTC_DER_SEQUENCE, &attribute))
      return mtc_fail(error, MTC_INPUT, "attribute %zu is not a SEQUENCE", i);
    struct mtc_reader fields = mtc_der_enter(&attribute);
    if (!mtc_der_read(&fields, MTC_DER_OID, &type) ||
        !mtc_der_read(&fields, MTC_DER_SET, &values) || fields.len)
      return mtc_fail(error, MTC_INPUT, "attribute %zu is not one of PKCS#10", i);
    if (!mtc_span_equal(type.tlv, extension_request)) continue;
    if (csr->extensions.data) return mtc_fail(error, MTC_INPUT, "extensions are requested twice");
    if (!mtc_der_whole(values.contents, MTC_DER_SEQUENCE, &sequence))
      return mtc_fail(error, MTC_INPUT, "the extension request is not exactly one Extensions");
    mtc_status status = mtc_fields_check_extensions(sequence.contents, error);
    if (status) return mtc_fail_within(error, status, "extension request");
    csr->extensions = sequence.contents;
  }
  return MTC_OK;
}

static unsigned key_type_of(struct mtc_span public_key, struct mtc_span algorithm) {
  if (mtc_span_equal(algorithm, rsa_encryption)) return MTC_KEY_RSA;
  switch (mtc_algorithm_of_public_key(public_key)) {
    case MTC_ALGORITHM_MLDSA44:
      return MTC_KEY_MLDSA44;
    case MTC_ALGORITHM_MLDSA65:
      return MTC_KEY_MLDSA65;
    case MTC_ALGORITHM_MLDSA87:
      return MTC_KEY_MLDSA87;
    case MTC_ALGORITHM_ECDSA_P256_SHA256:
      return MTC_KEY_P256;
    case MTC_ALGORITHM_ECDSA_P384_SHA384:
      return MTC_KEY_P384;
    case MTC_ALGORITHM_ED25519:
      return MTC_KEY_ED25519;
    case MTC_ALGORITHM_NONE:
      break;
  }
  return 0;
}

/* What RSA keys must be beyond their size: a public exponent that is odd and at least 65537. */
static bool rsa_exponent_is_sound(EVP_PKEY *key) {
  BIGNUM *exponent = NULL;
  bool is_sound = EVP_PKEY_get_bn_param(key, "e", &exponent) == 1 && BN_is_odd(exponent) &&
                  BN_num_bits(exponent) >= 17 && BN_num_bits(exponent) <= 256;
  BN_free(exponent);
  return is_sound;
}

/* Proof of possession: libcrypto parses the request again and checks its signature. */
static mtc_status check_signature(struct mtc_span der, struct mtc_csr *csr,
                                  struct mtc_error *error) {
  const uint8_t *at = der.data;
  mtc_status status = MTC_OK;
  EVP_PKEY *key = NULL;
  X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
  if (request) key = X509_REQ_get0_pubkey(request);
  if (!key) {
    status = mtc_fail(error, MTC_INPUT, "the public key is malformed");
    goto out;
  }
  csr->key_bits = (unsigned)EVP_PKEY_get_bits(key);
  if (csr->key_type == MTC_KEY_RSA && csr->key_bits > MAX_RSA_BITS) {
    status = mtc_fail(error, MTC_INPUT, "an RSA key of %u bits; at most %d are allowed",
                      csr->key_bits, MAX_RSA_BITS);
  } else if (csr->key_type == MTC_KEY_RSA && !rsa_exponent_is_sound(key)) {
    status =
        mtc_fail(error, MTC_INPUT, "the RSA public exponent is even, below 65537 or too large");
  } else if (X509_REQ_verify(request, key) != 1) {
    status =
        mtc_fail(error, MTC_INPUT, "the request's signature does not verify under its own key");
  }
out:
  X509_REQ_free(request);
  ERR_clear_error();
  return status;
}

static mtc_status parse(struct mtc_span der, struct mtc_csr *csr, struct mtc_error *error) {
  struct mtc_der request, info, element;
  uint64_t version;
  if (!mtc_der_whole(der, MTC_DER_SEQUENCE, &request))
    return mtc_fail(error, MTC_INPUT, "not a SEQUENCE in DER, or bytes after it");
  struct mtc_reader outer = mtc_der_enter(&request);
  if (!mtc_der_read(&outer, MTC_DER_SEQUENCE, &info))
    return mtc_fail(error, MTC_INPUT, "certificationRequestInfo is not a SEQUENCE in DER");
  struct mtc_reader reader = mtc_der_enter(&info);
  if (!mtc_der_read(&reader, MTC_DER_INTEGER, &element) ||
      !mtc_der_uint(element.contents, &version) || version != 0)
    return mtc_fail(error, MTC_INPUT, "the version is not v1 (0)");
  mtc_status status = mtc_fields_name(&reader, "subject", &csr->subject, error);
  if (!status)
    status = mtc_fields_public_key(&reader, &csr->public_key, &csr->public_key_algorithm, error);
  if (!status) status = parse_attributes(&reader, csr, error);
  if (status) return status;
  if (reader.len) return mtc_fail(error, MTC_INPUT, "%zu bytes after the attributes", reader.len);
  if (!mtc_der_read(&outer, MTC_DER_SEQUENCE, &element) ||
      !mtc_fields_algorithm_is_strict(&element))
    return mtc_fail(error, MTC_INPUT, "signatureAlgorithm is not an AlgorithmIdentifier in DER");
  if (!mtc_der_read(&outer, MTC_DER_BIT_STRING, &element) || !mtc_der_check(element.tlv) ||
      outer.len)
    return mtc_fail(error, MTC_INPUT,
                    "the signature is not a BIT STRING in DER, or bytes follow it");
  csr->key_type = key_type_of(csr->public_key, csr->public_key_algorithm);
  if (!csr->key_type)
    return mtc_fail(error, MTC_INPUT,
                    "the key is none of P-256, P-384, RSA, Ed25519, ML-DSA-44, -65, -87");
  return check_signature(der, csr, error);
}

mtc_status mtc_csr_parse(struct mtc_span der, struct mtc_csr *out, struct mtc_error *error) {
  struct mtc_csr csr = {0};
  if (der.len > MTC_MAX_CSR_LEN)
    return mtc_fail(error, MTC_INPUT, "CSR: %zu bytes; at most %u are allowed", der.len,
                    MTC_MAX_CSR_LEN);
  mtc_status status = parse(der, &csr, error);
  if (status) return mtc_fail_within(error, status, "CSR");
  *out = csr;
  return MTC_OK;
}

mtc_status mtc_csr_common_name(const struct mtc_csr *csr, struct mtc_span *out,
                               struct mtc_error *error) {
  struct mtc_der name, rdn, attribute, type, value;
  *out = mtc_span_of(NULL, 0);
  if (!mtc_der_whole(csr->subject, MTC_DER_SEQUENCE, &name)) return MTC_INPUT;
  struct mtc_reader rdns = mtc_der_enter(&name), attributes, fields;
  while (mtc_der_next(&rdns, &rdn)) {
    attributes = mtc_der_enter(&rdn);
    while (mtc_der_next(&attributes, &attribute)) {
      fields = mtc_der_enter(&attribute);
      if (!mtc_der_next(&fields, &type) || !mtc_der_next(&fields, &value)) continue;
      if (!mtc_span_equal(type.tlv, common_name)) continue;
      if (out->data) return mtc_fail(error, MTC_INPUT, "the subject has several common names");
      *out = value.contents;
    }
  }
  for (size_t i = 0; i < out->len; i++) {
    if (out->data[i] < 0x20 || out->data[i] == 0x7f)
      return mtc_fail(error, MTC_INPUT, "the subject's common name holds a NUL or control byte");
  }
  return MTC_OK;
}
