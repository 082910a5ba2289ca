#include "entry/csr.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "entry/fields.h"
#include "entry/public_key.h"
#include "entry/verify_key.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

/* extensionRequest 1.2.840.113549.1.9.14 (RFC 2985) */
static const struct mtc_span extension_request =
    DER(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e);
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

/* A request whose signature is over an MD5 or SHA-1 digest could have been made for another key. */
static bool signature_is_weak(const X509_REQ *request) {
  const X509_ALGOR *algorithm;
  const ASN1_OBJECT *oid;
  int digest = NID_undef, key;
  X509_REQ_get0_signature(request, NULL, &algorithm);
  X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
  if (OBJ_obj2nid(oid) == NID_rsassaPss) {
    RSA_PSS_PARAMS *parameters =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
    digest = NID_sha1; /* DEFAULT sha1 */
    if (parameters && parameters->hashAlgorithm) {
      X509_ALGOR_get0(&oid, NULL, NULL, parameters->hashAlgorithm);
      digest = OBJ_obj2nid(oid);
    }
    RSA_PSS_PARAMS_free(parameters);
  } else {
    (void)OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key);
  }
  return digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_mdc2 ||
         digest == NID_sha || digest == NID_sha1;
}

static mtc_status refuse_key(struct mtc_error *error) {
  return mtc_fail(error, MTC_INPUT, "the public key is malformed");
}

static mtc_status refuse_signature(struct mtc_error *error) {
  return mtc_fail(error, MTC_INPUT, "the request's signature does not verify under its own key");
}

/* RSA, and digests that are not the usual ones of a curve: libcrypto parses the request again. */
static mtc_status check_as_x509(struct mtc_span der, struct mtc_error *error) {
  const uint8_t *at = der.data;
  mtc_status status = MTC_OK;
  EVP_PKEY *key = NULL;
  X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
  if (request) key = X509_REQ_get0_pubkey(request);
  if (!key)
    status = refuse_key(error);
  else if (signature_is_weak(request))
    status = mtc_fail(error, MTC_INPUT,
                      "the request is signed over an MD5 or SHA-1 digest: sign it with SHA-256");
  else if (X509_REQ_verify(request, key) != 1)
    status = refuse_signature(error);
  X509_REQ_free(request);
  ERR_clear_error();
  return status;
}

/* Proof of possession. */
static mtc_status check_signature(struct mtc_span der, const struct mtc_csr *csr,
                                  struct mtc_error *error) {
  enum mtc_algorithm algorithm = mtc_algorithm_of_public_key(csr->public_key);
  if (!algorithm || !mtc_span_equal(csr->signature_algorithm, mtc_algorithm_identifier(algorithm)))
    return check_as_x509(der, error);
  EVP_PKEY *key = mtc_verify_key_make(algorithm, csr->public_key);
  if (!key) return refuse_key(error);
  mtc_status status = mtc_verify_key_check(key, algorithm, csr->info, csr->signature);
  EVP_PKEY_free(key);
  return status == MTC_INPUT ? refuse_signature(error) : status;
}

static mtc_status split(struct mtc_span der, struct mtc_csr *csr, struct mtc_error *error) {
  struct mtc_der request, info, element;
  uint64_t version;
  if (der.len > MTC_MAX_CSR_LEN)
    return mtc_fail(error, MTC_INPUT, "%zu bytes; at most %u are allowed", der.len,
                    MTC_MAX_CSR_LEN);
  if (!mtc_der_whole(der, MTC_DER_SEQUENCE, &request))
    return mtc_fail(error, MTC_INPUT, "not a SEQUENCE in DER, or bytes after it");
  struct mtc_reader outer = mtc_der_enter(&request);
  if (!mtc_der_read(&outer, MTC_DER_SEQUENCE, &info))
    return mtc_fail(error, MTC_INPUT, "certificationRequestInfo is not a SEQUENCE in DER");
  csr->info = info.tlv;
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
  csr->signature_algorithm = element.tlv;
  if (!mtc_der_read(&outer, MTC_DER_BIT_STRING, &element) || !mtc_der_check(element.tlv) ||
      outer.len || element.contents.data[0] != 0)
    return mtc_fail(error, MTC_INPUT,
                    "the signature is not a BIT STRING of whole octets in DER, or bytes follow it");
  csr->signature = mtc_span_of(element.contents.data + 1, element.contents.len - 1);
  return mtc_public_key_check(csr->public_key, &csr->key_type, &csr->key_bits, error);
}

mtc_status mtc_csr_split(struct mtc_span der, struct mtc_csr *out, struct mtc_error *error) {
  struct mtc_csr csr = {0};
  mtc_status status = split(der, &csr, error);
  if (status) return mtc_fail_within(error, status, "CSR");
  *out = csr;
  return MTC_OK;
}

mtc_status mtc_csr_parse(struct mtc_span der, struct mtc_csr *out, struct mtc_error *error) {
  struct mtc_csr csr = {0};
  mtc_status status = split(der, &csr, error);
  if (!status) status = check_signature(der, &csr, error);
  if (status) return mtc_fail_within(error, status, "CSR");
  *out = csr;
  return MTC_OK;
}

/* What a common name that can hold a host name is not; NULL: it is a string of single bytes. */
static const char *string_problem(uint8_t tag) {
  switch (tag) {
    case MTC_DER_UTF8_STRING:
    case 0x13: /* PrintableString */
    case MTC_DER_IA5_STRING:
      return NULL;
    case 0x14:
      return "a TeletexString";
    case 0x1c:
      return "a UniversalString";
    case 0x1e:
      return "a BMPString";
    default:
      return "no string";
  }
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
      const char *problem = string_problem(value.tag);
      if (problem)
        return mtc_fail(error, MTC_INPUT,
                        "the subject's common name is %s, not a UTF8String, PrintableString or "
                        "IA5String; or name the host in a subjectAltName",
                        problem);
      *out = value.contents;
    }
  }
  return MTC_OK;
}
