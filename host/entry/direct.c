/* Certificates that a CA instance signs itself: ordinary X.509, made by the same rules as entries.
 */
#include <string.h>

#include <openssl/rand.h>

#include "entry/fields.h"
#include "entry/from_csr.h"
#include "mtc/runtime.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define KEY_CERT_SIGN 0x04
#define MAX_KEY_IDENTIFIER 64
#define KEY_IDENTIFIER_LEN 20 /* RFC 7093, method 1: the leftmost 160 bits of SHA-256 */

static const struct mtc_span version_3 = DER(0xa0, 0x03, 0x02, 0x01, 0x02);
static const struct mtc_span subject_key_identifier_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x0e);
static const struct mtc_span key_usage_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x0f);
static const struct mtc_span basic_constraints_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x13);
static const struct mtc_span authority_key_identifier_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x23);

static const struct mtc_span no_ca = DER(0x30, 0x00);

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
static bool says_ca(struct mtc_span extensions) {
  struct mtc_extension extension;
  struct mtc_der sequence, is_ca, path_len;
  if (!mtc_fields_find_extension(extensions, basic_constraints_oid, &extension) ||
      !extension.critical || !mtc_der_whole(extension.value, MTC_DER_SEQUENCE, &sequence) ||
      !mtc_der_check(extension.value))
    return false;
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (!mtc_der_read(&reader, MTC_DER_BOOLEAN, &is_ca) || is_ca.contents.data[0] != 0xff)
    return false;
  return reader.len == 0 || (mtc_der_read(&reader, MTC_DER_INTEGER, &path_len) && reader.len == 0);
}

static bool may_sign(struct mtc_span extensions) {
  struct mtc_extension extension;
  struct mtc_der bits;
  uint8_t usage;
  return mtc_fields_find_extension(extensions, key_usage_oid, &extension) &&
         mtc_der_whole(extension.value, MTC_DER_BIT_STRING, &bits) &&
         mtc_der_check(extension.value) && mtc_der_named_bits(bits.contents, &usage) &&
         (usage & KEY_CERT_SIGN);
}

mtc_status mtc_direct_issuer_parse(struct mtc_span der, struct mtc_direct_issuer *out,
                                   struct mtc_error *error) {
  struct mtc_certificate certificate;
  struct mtc_extension extension;
  struct mtc_der identifier;
  mtc_status status = mtc_certificate_parse(der, &certificate, error);
  if (status) return status;
  struct mtc_span extensions = mtc_fields_extensions_of(certificate.rest);
  *out = (struct mtc_direct_issuer){
      .certificate = der,
      .algorithm = mtc_algorithm_of_public_key(certificate.public_key),
      .public_key = certificate.public_key,
      .subject = certificate.subject,
      .not_before = certificate.not_before,
      .not_after = certificate.not_after,
  };
  if (!mtc_span_equal(certificate.version, version_3))
    return mtc_fail(error, MTC_INPUT, "it is no version 3 certificate");
  if (out->algorithm == MTC_ALGORITHM_NONE)
    return mtc_fail(error, MTC_INPUT,
                    "its key is none of ECDSA P-256 and P-384, Ed25519, ML-DSA-44, -65 and -87");
  if (out->subject.len <= 2) return mtc_fail(error, MTC_INPUT, "its subject is empty");
  if (!says_ca(extensions))
    return mtc_fail(error, MTC_INPUT,
                    "it is no CA's: it has no critical basicConstraints with cA TRUE");
  if (!may_sign(extensions))
    return mtc_fail(error, MTC_INPUT, "its keyUsage does not have keyCertSign");
  if (!mtc_fields_find_extension(extensions, subject_key_identifier_oid, &extension) ||
      !mtc_der_whole(extension.value, MTC_DER_OCTET_STRING, &identifier) ||
      identifier.contents.len == 0 || identifier.contents.len > MAX_KEY_IDENTIFIER)
    return mtc_fail(error, MTC_INPUT, "it has no subjectKeyIdentifier of 1 to %d bytes",
                    MAX_KEY_IDENTIFIER);
  out->key_identifier = identifier.contents;
  return MTC_OK;
}

mtc_status mtc_direct_serial(uint8_t out[MTC_DIRECT_SERIAL_LEN], struct mtc_error *error) {
  if (RAND_bytes(out, MTC_DIRECT_SERIAL_LEN) != 1)
    return mtc_fail(error, MTC_IO, "no randomness for a serial number");
  out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
  return MTC_OK;
}

static void append_extension(struct mtc_bytes *out, struct mtc_span oid, bool critical,
                             struct mtc_span value) {
  static const uint8_t is_critical[] = {0x01, 0x01, 0xff};
  size_t extension = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, oid);
  if (critical) mtc_bytes_append(out, is_critical, sizeof is_critical);
  mtc_der_append(out, MTC_DER_OCTET_STRING, value);
  mtc_der_close(out, extension);
}

/* AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] IMPLICIT OCTET STRING } */
static void append_authority(struct mtc_span key_identifier, struct mtc_bytes *out) {
  struct mtc_bytes value = {0};
  size_t sequence = mtc_der_open(&value, MTC_DER_SEQUENCE);
  mtc_der_append(&value, 0x80, key_identifier);
  mtc_der_close(&value, sequence);
  if (mtc_bytes_status(&value)) out->failed = true;
  append_extension(out, authority_key_identifier_oid, false, mtc_span_of_bytes(&value));
  mtc_bytes_free(&value);
}

/* Of the key's BIT STRING without its unused-bits octet. */
static mtc_status append_subject_key(struct mtc_span public_key, struct mtc_bytes *out) {
  struct mtc_der info, algorithm, key;
  struct mtc_hash hash;
  if (!mtc_der_whole(public_key, MTC_DER_SEQUENCE, &info)) return MTC_INPUT;
  struct mtc_reader reader = mtc_der_enter(&info);
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &algorithm) ||
      !mtc_der_read(&reader, MTC_DER_BIT_STRING, &key) || key.contents.len < 1)
    return MTC_INPUT;
  mtc_hash_message(mtc_span_of(key.contents.data + 1, key.contents.len - 1), &hash);
  uint8_t value[2 + KEY_IDENTIFIER_LEN] = {MTC_DER_OCTET_STRING, KEY_IDENTIFIER_LEN};
  memcpy(value + 2, hash.bytes, KEY_IDENTIFIER_LEN);
  append_extension(out, subject_key_identifier_oid, false, mtc_span_of(value, sizeof value));
  return MTC_OK;
}

static mtc_status append_extensions(const struct mtc_direct_issuer *issuer,
                                    const struct mtc_profile *profile,
                                    const struct mtc_request *request, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  size_t tagged = mtc_der_open(out, 0xa3);
  size_t sequence = mtc_der_open(out, MTC_DER_SEQUENCE);
  append_authority(issuer->key_identifier, out);
  mtc_status status = append_subject_key(request->csr.public_key, out);
  if (status) return mtc_fail(error, status, "CSR: its key is malformed");
  append_extension(out, basic_constraints_oid, true, no_ca);
  status = mtc_request_append_extensions(profile, request, out, error);
  mtc_der_close(out, sequence);
  mtc_der_close(out, tagged);
  return status;
}

static mtc_status append_tbs(const struct mtc_direct_issuer *issuer,
                             const struct mtc_profile *profile, const struct mtc_request *request,
                             const uint8_t *serial, int64_t now_s, struct mtc_bytes *out,
                             struct mtc_error *error) {
  int64_t not_before = now_s - profile->backdate_s;
  int64_t not_after = not_before + profile->validity_s - 1;
  if (not_before < issuer->not_before) not_before = issuer->not_before;
  if (not_after > issuer->not_after) not_after = issuer->not_after;
  size_t tbs = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, version_3);
  mtc_der_append(out, MTC_DER_INTEGER, mtc_span_of(serial, MTC_DIRECT_SERIAL_LEN));
  mtc_bytes_append_span(out, mtc_algorithm_identifier(issuer->algorithm));
  mtc_bytes_append_span(out, issuer->subject);
  size_t validity = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_der_append_time(out, not_before);
  mtc_der_append_time(out, not_after);
  mtc_der_close(out, validity);
  mtc_bytes_append_span(out, mtc_span_of_bytes(&request->subject));
  mtc_bytes_append_span(out, request->csr.public_key);
  mtc_status status = append_extensions(issuer, profile, request, out, error);
  mtc_der_close(out, tbs);
  return status ? status : mtc_bytes_status(out);
}

mtc_status mtc_direct_tbs_make(const struct mtc_direct_issuer *issuer,
                               const struct mtc_profile *profile, struct mtc_span csr,
                               const uint8_t serial[MTC_DIRECT_SERIAL_LEN], int64_t now_s,
                               struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes tbs = {0};
  struct mtc_certificate parsed;
  if (now_s < issuer->not_before || now_s > issuer->not_after)
    return mtc_fail(error, MTC_INPUT, "the CA certificate of this instance is not valid now");
  struct mtc_request *request = mtc_alloc(1, sizeof *request);
  if (!request) return MTC_NOMEM;
  mtc_status status = mtc_request_read(profile, csr, request, error);
  if (!status && mtc_span_equal(request->csr.public_key, issuer->public_key))
    status = mtc_fail(error, MTC_INPUT, "CSR: its key is the CA's own");
  if (!status) status = append_tbs(issuer, profile, request, serial, now_s, &tbs, error);
  /* What is signed is what our own strict reader takes. */
  if (!status) status = mtc_certificate_parse_tbs(mtc_span_of_bytes(&tbs), &parsed, error);
  if (!status) mtc_bytes_append_span(out, mtc_span_of_bytes(&tbs));
  if (!status) status = mtc_bytes_status(out);
  mtc_request_free(request);
  mtc_bytes_free(&tbs);
  return status;
}

mtc_status mtc_direct_certificate_make(enum mtc_algorithm algorithm, struct mtc_span tbs,
                                       struct mtc_span signature, struct mtc_bytes *out,
                                       struct mtc_error *error) {
  struct mtc_bytes built = {0};
  struct mtc_certificate parsed;
  mtc_status status = mtc_certificate_parse_tbs(tbs, &parsed, error);
  if (status) return status;
  if (!mtc_span_equal(parsed.signature_algorithm, mtc_algorithm_identifier(algorithm)))
    return mtc_fail(error, MTC_INPUT, "the TBSCertificate is to be signed by another algorithm");
  size_t certificate = mtc_der_open(&built, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(&built, tbs);
  mtc_bytes_append_span(&built, mtc_algorithm_identifier(algorithm));
  size_t bits = mtc_der_open(&built, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(&built, 0, 1); /* no unused bits */
  mtc_bytes_append_span(&built, signature);
  mtc_der_close(&built, bits);
  mtc_der_close(&built, certificate);
  status = mtc_bytes_status(&built);
  if (!status) mtc_bytes_append_span(out, mtc_span_of_bytes(&built));
  if (!status) status = mtc_bytes_status(out);
  mtc_bytes_free(&built);
  return status;
}
