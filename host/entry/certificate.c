/* TBSCertificate and Certificate: split, hashed as a log entry, put together again. */
#include <string.h>

#include "entry/fields.h"
#include "mtc/entry.h"

static mtc_status parse_tbs(struct mtc_span tbs, struct mtc_certificate *out,
                            struct mtc_error *error) {
  struct mtc_der sequence, element;
  unsigned version;
  if (!mtc_der_whole(tbs, MTC_DER_SEQUENCE, &sequence))
    return mtc_fail(error, MTC_INPUT, "not a SEQUENCE in DER, or bytes after it");
  struct mtc_reader reader = mtc_der_enter(&sequence);
  out->tbs = tbs;
  mtc_status status = mtc_fields_version(&reader, &out->version, &version, error);
  if (status) return status;
  if (!mtc_der_read(&reader, MTC_DER_INTEGER, &element) || !mtc_der_check(element.tlv))
    return mtc_fail(error, MTC_INPUT, "serialNumber is not an INTEGER in DER");
  out->serial_number = element.contents;
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &element) ||
      !mtc_fields_algorithm_is_strict(&element))
    return mtc_fail(error, MTC_INPUT, "signature is not an AlgorithmIdentifier in DER");
  out->signature_algorithm = element.tlv;
  status = mtc_fields_name(&reader, "issuer", &out->issuer, error);
  if (!status)
    status = mtc_fields_validity(&reader, &out->validity, &out->not_before, &out->not_after, error);
  if (!status) status = mtc_fields_name(&reader, "subject", &out->subject, error);
  if (!status)
    status = mtc_fields_public_key(&reader, &out->public_key, &out->public_key_algorithm, error);
  out->rest = mtc_span_of(reader.data, reader.len);
  if (!status) status = mtc_fields_check_rest(out->rest, version, error);
  return status;
}

mtc_status mtc_certificate_parse_tbs(struct mtc_span der, struct mtc_certificate *out,
                                     struct mtc_error *error) {
  struct mtc_certificate parsed = {0};
  mtc_status status = parse_tbs(der, &parsed, error);
  if (status) return mtc_fail_within(error, status, "TBSCertificate");
  *out = parsed;
  return MTC_OK;
}

mtc_status mtc_certificate_parse(struct mtc_span der, struct mtc_certificate *out,
                                 struct mtc_error *error) {
  struct mtc_certificate parsed = {0};
  struct mtc_der certificate, tbs, algorithm, signature;
  if (!mtc_der_whole(der, MTC_DER_SEQUENCE, &certificate))
    return mtc_fail(error, MTC_INPUT, "Certificate: not a SEQUENCE in DER, or bytes after it");
  struct mtc_reader reader = mtc_der_enter(&certificate);
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &tbs))
    return mtc_fail(error, MTC_INPUT, "Certificate: tbsCertificate is not a SEQUENCE in DER");
  mtc_status status = parse_tbs(tbs.tlv, &parsed, error);
  if (status) return mtc_fail_within(error, status, "TBSCertificate");
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &algorithm) ||
      !mtc_fields_algorithm_is_strict(&algorithm))
    return mtc_fail(error, MTC_INPUT,
                    "Certificate: signatureAlgorithm is not an AlgorithmIdentifier");
  if (!mtc_der_read(&reader, MTC_DER_BIT_STRING, &signature) || !mtc_der_check(signature.tlv))
    return mtc_fail(error, MTC_INPUT, "Certificate: signatureValue is not a BIT STRING in DER");
  if (reader.len)
    return mtc_fail(error, MTC_INPUT, "Certificate: %zu bytes after signatureValue", reader.len);
  parsed.outer_algorithm = algorithm.tlv;
  parsed.unused_bits = signature.contents.data[0];
  parsed.signature = mtc_span_of(signature.contents.data + 1, signature.contents.len - 1);
  *out = parsed;
  return MTC_OK;
}

void mtc_certificate_entry_hash(const struct mtc_certificate *certificate,
                                struct mtc_span extensions, struct mtc_hash *out) {
  /* 0x00 | u16 extensions | 0x0001 | fields before the key | key's algorithm | 04 20 hash | rest */
  const uint8_t head[] = {0x00, (uint8_t)(extensions.len >> 8), (uint8_t)extensions.len};
  static const uint8_t type[] = {0x00, MTC_ENTRY_TBS_CERT}, octet_string[] = {0x04, MTC_HASH_LEN};
  struct mtc_hash key_hash;
  mtc_hash_message(certificate->public_key, &key_hash);
  const struct mtc_span parts[] = {
      {head, sizeof head},
      extensions,
      {type, sizeof type},
      certificate->version,
      certificate->issuer,
      certificate->validity,
      certificate->subject,
      certificate->public_key_algorithm,
      {octet_string, sizeof octet_string},
      {key_hash.bytes, sizeof key_hash.bytes},
      certificate->rest,
  };
  mtc_hash_parts(parts, sizeof parts / sizeof *parts, out);
}

static mtc_status check_key(const struct mtc_tbs_entry *tbs, struct mtc_span public_key,
                            struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(public_key);
  struct mtc_span whole, algorithm;
  struct mtc_hash hash;
  mtc_status status = mtc_fields_public_key(&reader, &whole, &algorithm, error);
  if (status) return status;
  mtc_hash_message(public_key, &hash);
  if (reader.len || !mtc_span_equal(algorithm, tbs->public_key_algorithm) ||
      memcmp(hash.bytes, tbs->public_key_hash.data, MTC_HASH_LEN) != 0)
    return mtc_fail(error, MTC_INPUT, "the public key is not the one that the log entry hashes");
  return MTC_OK;
}

mtc_status mtc_certificate_assemble(const struct mtc_wire *wire, struct mtc_span entry,
                                    struct mtc_span public_key, uint64_t log_number, uint64_t index,
                                    struct mtc_span proof, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  struct mtc_log_entry parsed;
  struct mtc_tbs_entry tbs;
  if (log_number < 1 || log_number > 65535)
    return mtc_fail(error, MTC_INPUT, "log number %llu; 1 to 65535 are allowed",
                    (unsigned long long)log_number);
  if (index > MTC_MAX_INDEX)
    return mtc_fail(error, MTC_INPUT, "index %llu is above 2^48-2", (unsigned long long)index);
  mtc_status status = mtc_log_entry_parse(entry, &parsed, error);
  if (status) return status;
  if (parsed.type == MTC_ENTRY_NULL)
    return mtc_fail(error, MTC_INPUT, "entry %llu is a null_entry: it has no certificate",
                    (unsigned long long)index);
  status = mtc_tbs_entry_parse(wire, NULL, parsed.tbs, &tbs, error);
  if (!status) status = check_key(&tbs, public_key, error);
  if (status) return status;

  struct mtc_bytes built = {0};
  size_t certificate = mtc_der_open(&built, MTC_DER_SEQUENCE);
  size_t contents = mtc_der_open(&built, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(&built, tbs.version);
  mtc_der_append_uint(&built, log_number << 48 | index);
  mtc_bytes_append_span(&built, wire->proof_algorithm);
  mtc_bytes_append_span(&built, tbs.issuer);
  mtc_bytes_append_span(&built, tbs.validity);
  mtc_bytes_append_span(&built, tbs.subject);
  mtc_bytes_append_span(&built, public_key);
  mtc_bytes_append_span(&built, tbs.rest);
  mtc_der_close(&built, contents);
  mtc_bytes_append_span(&built, wire->proof_algorithm);
  size_t signature = mtc_der_open(&built, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(&built, 0, 1); /* no unused bits */
  mtc_bytes_append_span(&built, proof);
  mtc_der_close(&built, signature);
  mtc_der_close(&built, certificate);
  status = mtc_bytes_status(&built);
  if (!status) mtc_bytes_append_span(out, mtc_span_of_bytes(&built));
  if (!status) status = mtc_bytes_status(out);
  mtc_bytes_free(&built);
  return status;
}
