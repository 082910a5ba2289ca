/* MTCLogEntry and TBSCertificateLogEntry: split and checked. Source: merkle-tree-certs. */
#include "entry/fields.h"
#include "mtc/entry.h"

/*
 *   u16 length, extensions { u16 type, u16 length, data }* strictly ascending
 *   u16 type: 0 null_entry, 1 tbs_cert_entry
 *   contents of the type
 */
mtc_status mtc_log_entry_parse(struct mtc_span entry, struct mtc_log_entry *out,
                               struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(entry), extensions;
  struct mtc_log_entry parsed = {0};
  struct mtc_span data;
  uint64_t type, previous = 0;
  if (entry.len > MTC_MAX_ENTRY_LEN)
    return mtc_fail(error, MTC_INPUT, "the log entry has %zu bytes; at most %u are allowed",
                    entry.len, MTC_MAX_ENTRY_LEN);
  if (!mtc_read_prefixed(&reader, 2, &parsed.extensions))
    return mtc_fail(error, MTC_INPUT, "the log entry ends within its extensions");
  extensions = mtc_reader_of(parsed.extensions);
  for (size_t i = 0; extensions.len; i++) {
    if (!mtc_read_uint(&extensions, 2, &type) || !mtc_read_prefixed(&extensions, 2, &data))
      return mtc_fail(error, MTC_INPUT, "log entry extension %zu is cut off", i);
    if (i && type <= previous)
      return mtc_fail(error, MTC_INPUT, "log entry extension type %u after %u: not ascending",
                      (unsigned)type, (unsigned)previous);
    previous = type;
  }
  if (!mtc_read_uint(&reader, 2, &type))
    return mtc_fail(error, MTC_INPUT, "the log entry ends before its type");
  if (type != MTC_ENTRY_NULL && type != MTC_ENTRY_TBS_CERT)
    return mtc_fail(error, MTC_INPUT, "log entry type %u is unknown", (unsigned)type);
  if (type == MTC_ENTRY_NULL && reader.len)
    return mtc_fail(error, MTC_INPUT, "%zu bytes after a null_entry", reader.len);
  parsed.type = (enum mtc_entry_type)type;
  parsed.tbs = mtc_span_of(reader.data, reader.len);
  *out = parsed;
  return MTC_OK;
}

void mtc_entry_append_null(struct mtc_bytes *out) {
  mtc_bytes_append_uint(out, 0, 4);
}

mtc_status mtc_tbs_entry_parse(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                               struct mtc_span contents, struct mtc_tbs_entry *out,
                               struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(contents);
  struct mtc_tbs_entry parsed = {0};
  struct mtc_der element;
  struct mtc_tai issuer;
  unsigned version;
  mtc_status status = mtc_fields_version(&reader, &parsed.version, &version, error);
  if (!status) status = mtc_fields_name(&reader, "issuer", &parsed.issuer, error);
  if (!status)
    status = mtc_fields_validity(&reader, &parsed.validity, &parsed.not_before, &parsed.not_after,
                                 error);
  if (!status) status = mtc_fields_name(&reader, "subject", &parsed.subject, error);
  if (status) return status;
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &element) ||
      !mtc_fields_algorithm_is_strict(&element))
    return mtc_fail(error, MTC_INPUT, "subjectPublicKeyAlgorithm is not an AlgorithmIdentifier");
  parsed.public_key_algorithm = element.tlv;
  if (!mtc_der_read(&reader, MTC_DER_OCTET_STRING, &element) ||
      element.contents.len != MTC_HASH_LEN)
    return mtc_fail(error, MTC_INPUT,
                    "subjectPublicKeyInfoHash is not an OCTET STRING of 32 bytes");
  parsed.public_key_hash = element.contents;
  parsed.rest = mtc_span_of(reader.data, reader.len);
  status = mtc_fields_check_rest(parsed.rest, version, error);
  if (!status) status = mtc_tai_of_name(wire, parsed.issuer, &issuer, error);
  if (status) return mtc_fail_within(error, status, "TBSCertificateLogEntry");
  if (ca_id && mtc_tai_compare(ca_id, &issuer) != 0) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&issuer, text);
    return mtc_fail(error, MTC_INPUT, "the issuer %s is another CA", text);
  }
  *out = parsed;
  return MTC_OK;
}
