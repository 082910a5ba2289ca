/* The log entry of a TBSCertificate that CA software made: fields copied, the key hashed. */
#include "entry/tbs.h"
#include "entry/fields.h"
#include "entry/public_key.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

static const struct mtc_span version_3 = DER(0xa0, 0x03, 0x02, 0x01, 0x02);

mtc_status mtc_tbs_append_entry(const struct mtc_tbs_fields *fields, struct mtc_bytes *out,
                                struct mtc_error *error) {
  struct mtc_bytes built = {0};
  struct mtc_hash hash;
  mtc_hash_message(fields->public_key, &hash);
  mtc_bytes_append_uint(&built, 0, 2); /* no extensions */
  mtc_bytes_append_uint(&built, MTC_ENTRY_TBS_CERT, 2);
  mtc_bytes_append_span(&built, fields->version);
  mtc_bytes_append_span(&built, fields->issuer);
  mtc_bytes_append_span(&built, fields->validity);
  mtc_bytes_append_span(&built, fields->subject);
  mtc_bytes_append_span(&built, fields->public_key_algorithm);
  mtc_der_append(&built, MTC_DER_OCTET_STRING, mtc_span_of(hash.bytes, sizeof hash.bytes));
  mtc_bytes_append_span(&built, fields->rest);
  mtc_status status = mtc_bytes_status(&built);
  if (!status && built.len > MTC_MAX_ENTRY_LEN)
    status =
        mtc_fail(error, MTC_INPUT, "the log entry would have %zu bytes; at most %u are allowed",
                 built.len, MTC_MAX_ENTRY_LEN);
  if (!status) mtc_bytes_append_span(out, mtc_span_of_bytes(&built));
  if (!status) status = mtc_bytes_status(out);
  mtc_bytes_free(&built);
  return status;
}

static mtc_status check_serial(struct mtc_span contents, uint64_t *out, struct mtc_error *error) {
  uint64_t serial;
  if (!mtc_der_uint(contents, &serial))
    return mtc_fail(error, MTC_INPUT, "the serial number is negative or above 2^64-1");
  if (serial == 0) return mtc_fail(error, MTC_INPUT, "the serial number is 0");
  if (serial >> 48 == 0)
    return mtc_fail(error, MTC_INPUT, "serial number %llu: log number 0",
                    (unsigned long long)serial);
  if ((serial & ((UINT64_C(1) << 48) - 1)) > MTC_MAX_INDEX)
    return mtc_fail(error, MTC_INPUT,
                    "serial number %llu: index 2^48-1 is above the largest, 2^48-2",
                    (unsigned long long)serial);
  *out = serial;
  return MTC_OK;
}

/* An entry stays in the log, and in an active landmark, until its notAfter: it must not be one that
 * no landmark was planned for. */
static mtc_status check_validity(const struct mtc_certificate *certificate, int64_t now_s,
                                 int64_t latest_not_after, struct mtc_error *error) {
  if (certificate->not_after < certificate->not_before)
    return mtc_fail(error, MTC_INPUT, "notAfter lies before notBefore");
  if (certificate->not_after < now_s) return mtc_fail(error, MTC_INPUT, "it has expired already");
  if (certificate->not_after > latest_not_after)
    return mtc_fail(error, MTC_INPUT, "notAfter lies %lld s after what the longest profile gives",
                    (long long)(certificate->not_after - latest_not_after));
  return MTC_OK;
}

static mtc_status check_key(struct mtc_span public_key, struct mtc_error *error) {
  unsigned type, bits;
  mtc_status status = mtc_public_key_check(public_key, &type, &bits, error);
  return status ? status : mtc_public_key_check_point(public_key, error);
}

mtc_status mtc_entry_from_tbs(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                              struct mtc_span tbs, int64_t now_s, int64_t latest_not_after,
                              struct mtc_bytes *out_entry, struct mtc_bytes *out_public_key,
                              uint64_t *out_serial, struct mtc_error *error) {
  struct mtc_certificate certificate;
  struct mtc_tai issuer;
  uint64_t serial = 0;
  mtc_status status = mtc_certificate_parse_tbs(tbs, &certificate, error);
  if (status) return status;
  if (!mtc_span_equal(certificate.signature_algorithm, wire->proof_algorithm))
    return mtc_fail(error, MTC_INPUT, "TBSCertificate: signature is not id-alg-mtcProof of %s",
                    wire->name);
  status = mtc_tai_of_name(wire, certificate.issuer, &issuer, error);
  if (status) return mtc_fail_within(error, status, "TBSCertificate: issuer");
  if (mtc_tai_compare(&issuer, ca_id) != 0) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&issuer, text);
    return mtc_fail(error, MTC_INPUT, "TBSCertificate: the issuer %s is another CA", text);
  }
  if (!mtc_span_equal(certificate.version, version_3))
    return mtc_fail(error, MTC_INPUT, "TBSCertificate: the version is not v3");
  status = check_validity(&certificate, now_s, latest_not_after, error);
  if (!status) status = check_key(certificate.public_key, error);
  if (!status) status = check_serial(certificate.serial_number, &serial, error);
  if (status) return mtc_fail_within(error, status, "TBSCertificate");
  const struct mtc_tbs_fields fields = {
      .version = certificate.version,
      .issuer = certificate.issuer,
      .validity = certificate.validity,
      .subject = certificate.subject,
      .public_key = certificate.public_key,
      .public_key_algorithm = certificate.public_key_algorithm,
      .rest = certificate.rest,
  };
  size_t entry_start = out_entry->len;
  status = mtc_tbs_append_entry(&fields, out_entry, error);
  if (status) return status;
  mtc_bytes_append_span(out_public_key, certificate.public_key);
  status = mtc_bytes_status(out_public_key);
  if (status) out_entry->len = entry_start;
  *out_serial = serial;
  return status;
}
