/* The CA certificate: unsigned (RFC 9925), with the MTC and mtc-tlog extensions. */
#include <string.h>

#include "entry/fields.h"
#include "mtc/entry.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

/* id-alg-unsigned 1.3.6.1.5.5.7.6.36 without parameters (RFC 9925) */
static const struct mtc_span unsigned_algorithm =
    DER(0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x06, 0x24);
/* id-rdna-unsigned 1.3.6.1.5.5.7.25.1 with an empty UTF8String (RFC 9925) */
static const struct mtc_span unsigned_issuer =
    DER(0x30, 0x10, 0x31, 0x0e, 0x30, 0x0c, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x19,
        0x01, 0x0c, 0x00);
/* id-sha256, the logHash of -05: written without parameters, and read with NULL too (RFC 5912,
 * "preferredAbsent") */
static const struct mtc_span sha256_algorithm =
    DER(0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01);
static const struct mtc_span sha256_algorithm_null =
    DER(0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00);
static const struct mtc_span key_usage_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x0f);
static const struct mtc_span basic_constraints_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x13);
/* id-mtcTlogPrefixURL 1.3.6.1.4.1.64829.2.1 (c2sp.org/mtc-tlog) */
static const struct mtc_span prefix_url_oid =
    DER(0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xfa, 0x3d, 0x02, 0x01);
static const struct mtc_span version_3 = DER(0xa0, 0x03, 0x02, 0x01, 0x02);
#define KEY_CERT_SIGN 0x04
#define CRL_SIGN 0x02
static const struct mtc_span key_cert_sign = DER(0x03, 0x02, 0x02, KEY_CERT_SIGN);
static const struct mtc_span key_cert_and_crl_sign =
    DER(0x03, 0x02, 0x01, KEY_CERT_SIGN | CRL_SIGN);
static const struct mtc_span is_ca = DER(0x30, 0x03, 0x01, 0x01, 0xff);

static void append_extension(struct mtc_bytes *out, struct mtc_span oid, bool critical,
                             struct mtc_span value) {
  static const uint8_t is_critical[] = {0x01, 0x01, 0xff};
  size_t extension = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, oid);
  if (critical) mtc_bytes_append(out, is_critical, sizeof is_critical);
  mtc_der_append(out, MTC_DER_OCTET_STRING, value);
  mtc_der_close(out, extension);
}

/* MTCCertificationAuthority ::= SEQUENCE { [logHash,] sigAlg, minSerial, maxSerial } */
static void append_ca_extension(const struct mtc_ca_params *params, struct mtc_bytes *out) {
  struct mtc_bytes value = {0};
  size_t sequence = mtc_der_open(&value, MTC_DER_SEQUENCE);
  if (params->wire->ca_extension_has_log_hash) mtc_bytes_append_span(&value, sha256_algorithm);
  mtc_bytes_append_span(&value, mtc_algorithm_identifier(params->algorithm));
  mtc_der_append_uint(&value, params->min_serial);
  mtc_der_append_uint(&value, params->max_serial);
  mtc_der_close(&value, sequence);
  if (mtc_bytes_status(&value)) out->failed = true;
  append_extension(out, params->wire->ca_extension, true, mtc_span_of_bytes(&value));
  mtc_bytes_free(&value);
}

static mtc_status check_params(const struct mtc_ca_params *params, struct mtc_error *error) {
  uint64_t bound = params->wire->min_serial_bound;
  if (params->min_serial < bound || params->max_serial < bound)
    return mtc_fail(error, MTC_INPUT, "minSerial and maxSerial of %s must be at least %llu",
                    params->wire->name, (unsigned long long)bound);
  if (params->min_serial > params->max_serial)
    return mtc_fail(error, MTC_INPUT, "minSerial %llu is above maxSerial %llu",
                    (unsigned long long)params->min_serial, (unsigned long long)params->max_serial);
  for (size_t i = 0; i < params->prefix_url.len; i++) {
    if (params->prefix_url.data[i] <= 0x20 || params->prefix_url.data[i] >= 0x7f)
      return mtc_fail(error, MTC_INPUT,
                      "the prefix URL has a byte that is not printable ASCII at %zu", i);
  }
  if (params->algorithm == MTC_ALGORITHM_NONE ||
      mtc_algorithm_of_public_key(params->public_key) != params->algorithm)
    return mtc_fail(error, MTC_INPUT, "the CA's public key is not one for %s",
                    mtc_algorithm_name(params->algorithm));
  return MTC_OK;
}

mtc_status mtc_ca_certificate_make(const struct mtc_ca_params *params, struct mtc_bytes *out,
                                   struct mtc_error *error) {
  mtc_status status = check_params(params, error);
  if (status) return status;
  struct mtc_bytes built = {0};
  size_t certificate = mtc_der_open(&built, MTC_DER_SEQUENCE);
  size_t tbs = mtc_der_open(&built, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(&built, version_3);
  mtc_der_append_uint(&built, 1);
  mtc_bytes_append_span(&built, unsigned_algorithm);
  mtc_bytes_append_span(&built, unsigned_issuer);
  size_t validity = mtc_der_open(&built, MTC_DER_SEQUENCE);
  mtc_der_append_time(&built, params->not_before);
  mtc_der_append_time(&built, params->not_after);
  mtc_der_close(&built, validity);
  mtc_tai_append_name(params->wire, &params->ca_id, &built);
  mtc_bytes_append_span(&built, params->public_key);
  size_t tagged = mtc_der_open(&built, 0xa3);
  size_t extensions = mtc_der_open(&built, MTC_DER_SEQUENCE);
  append_extension(&built, key_usage_oid, true,
                   params->crl_sign ? key_cert_and_crl_sign : key_cert_sign);
  append_extension(&built, basic_constraints_oid, true, is_ca);
  append_ca_extension(params, &built);
  if (params->prefix_url.len) {
    struct mtc_bytes url = {0};
    mtc_der_append(&url, MTC_DER_IA5_STRING, params->prefix_url);
    if (mtc_bytes_status(&url)) built.failed = true;
    append_extension(&built, prefix_url_oid, false, mtc_span_of_bytes(&url));
    mtc_bytes_free(&url);
  }
  mtc_der_close(&built, extensions);
  mtc_der_close(&built, tagged);
  mtc_der_close(&built, tbs);
  mtc_bytes_append_span(&built, unsigned_algorithm);
  mtc_der_append(&built, MTC_DER_BIT_STRING, mtc_span_of("\0", 1));
  mtc_der_close(&built, certificate);
  status = mtc_bytes_status(&built);
  if (!status) mtc_bytes_append_span(out, mtc_span_of_bytes(&built));
  if (!status) status = mtc_bytes_status(out);
  mtc_bytes_free(&built);
  return status;
}

static mtc_status parse_ca_extension(const struct mtc_wire *wire, struct mtc_span extensions,
                                     struct mtc_ca_params *params, struct mtc_error *error) {
  struct mtc_extension extension;
  struct mtc_der sequence, field;
  if (!mtc_fields_find_extension(extensions, wire->ca_extension, &extension))
    return mtc_fail(error, MTC_INPUT, "no MTC certification authority extension of %s", wire->name);
  if (!extension.critical)
    return mtc_fail(error, MTC_INPUT, "the MTC certification authority extension is not critical");
  if (!mtc_der_whole(extension.value, MTC_DER_SEQUENCE, &sequence)) goto malformed;
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (wire->ca_extension_has_log_hash) {
    if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &field)) goto malformed;
    if (!mtc_span_equal(field.tlv, sha256_algorithm) &&
        !mtc_span_equal(field.tlv, sha256_algorithm_null))
      return mtc_fail(error, MTC_INPUT, "logHash is not SHA-256");
  }
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &field)) goto malformed;
  if (!mtc_span_equal(field.tlv, mtc_algorithm_identifier(params->algorithm)))
    return mtc_fail(error, MTC_INPUT, "sigAlg does not fit the CA's %s key",
                    mtc_algorithm_name(params->algorithm));
  if (!mtc_der_read(&reader, MTC_DER_INTEGER, &field) ||
      !mtc_der_uint(field.contents, &params->min_serial) ||
      !mtc_der_read(&reader, MTC_DER_INTEGER, &field) ||
      !mtc_der_uint(field.contents, &params->max_serial) || reader.len)
    goto malformed;
  return check_params(params, error);
malformed:
  return mtc_fail(error, MTC_INPUT, "the MTC certification authority extension is malformed");
}

static mtc_status parse_extensions(const struct mtc_wire *wire, struct mtc_span extensions,
                                   struct mtc_ca_params *params, struct mtc_error *error) {
  struct mtc_extension extension;
  struct mtc_der element, ca;
  uint8_t usage;
  if (!mtc_fields_find_extension(extensions, key_usage_oid, &extension) ||
      !mtc_der_whole(extension.value, MTC_DER_BIT_STRING, &element) ||
      !mtc_der_named_bits(element.contents, &usage) || !(usage & KEY_CERT_SIGN))
    return mtc_fail(error, MTC_INPUT, "keyUsage is missing, not DER or without keyCertSign");
  params->crl_sign = (usage & CRL_SIGN) != 0;
  if (!mtc_fields_find_extension(extensions, basic_constraints_oid, &extension) ||
      !mtc_der_whole(extension.value, MTC_DER_SEQUENCE, &element) ||
      !mtc_der_check(extension.value))
    return mtc_fail(error, MTC_INPUT, "basicConstraints are missing or malformed");
  struct mtc_reader reader = mtc_der_enter(&element);
  if (!mtc_der_read(&reader, MTC_DER_BOOLEAN, &ca) || ca.contents.data[0] != 0xff)
    return mtc_fail(error, MTC_INPUT, "basicConstraints do not say cA TRUE");
  if (mtc_fields_find_extension(extensions, prefix_url_oid, &extension)) {
    if (!mtc_der_whole(extension.value, MTC_DER_IA5_STRING, &element))
      return mtc_fail(error, MTC_INPUT, "the mtc-tlog prefix URL is not an IA5String");
    params->prefix_url = element.contents;
  }
  return parse_ca_extension(wire, extensions, params, error);
}

mtc_status mtc_ca_certificate_parse(const struct mtc_wire *wire, struct mtc_span der,
                                    struct mtc_ca_params *out, struct mtc_error *error) {
  struct mtc_certificate certificate;
  struct mtc_ca_params params = {.wire = wire};
  mtc_status status = mtc_certificate_parse(der, &certificate, error);
  if (status) return status;
  status = mtc_tai_of_name(wire, certificate.subject, &params.ca_id, error);
  if (status) return mtc_fail_within(error, status, "CA certificate: subject");
  params.public_key = certificate.public_key;
  params.not_before = certificate.not_before;
  params.not_after = certificate.not_after;
  params.algorithm = mtc_algorithm_of_public_key(certificate.public_key);
  if (params.algorithm == MTC_ALGORITHM_NONE)
    return mtc_fail(error, MTC_INPUT,
                    "CA certificate: the public key is for no known cosigner algorithm");
  status = parse_extensions(wire, mtc_fields_extensions_of(certificate.rest), &params, error);
  if (status) return mtc_fail_within(error, status, "CA certificate");
  *out = params;
  return MTC_OK;
}

const struct mtc_wire *mtc_ca_certificate_detect(struct mtc_span der) {
  struct mtc_certificate certificate;
  struct mtc_error ignored;
  const struct mtc_wire *found = NULL;
  if (mtc_certificate_parse(der, &certificate, &ignored)) return NULL;
  struct mtc_span extensions = mtc_fields_extensions_of(certificate.rest);
  for (int version = MTC_WIRE_PLANTS_05; version <= MTC_WIRE_PLANTS_07; version++) {
    const struct mtc_wire *wire = mtc_wire_get((enum mtc_wire_version)version);
    struct mtc_extension extension;
    if (!mtc_fields_find_extension(extensions, wire->ca_extension, &extension)) continue;
    if (found) return NULL;
    found = wire;
  }
  return found;
}
