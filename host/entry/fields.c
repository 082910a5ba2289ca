#include "entry/fields.h"

#define MAX_EXTENSIONS 128

mtc_status mtc_fields_version(struct mtc_reader *reader, struct mtc_span *out_tlv,
                              unsigned *out_version, struct mtc_error *error) {
  struct mtc_der outer, inner;
  uint64_t version;
  *out_tlv = mtc_span_of(reader->data, 0);
  *out_version = 0;
  if (!mtc_der_next_is(reader, 0xa0)) return MTC_OK;
  if (!mtc_der_read(reader, 0xa0, &outer) ||
      !mtc_der_whole(outer.contents, MTC_DER_INTEGER, &inner) ||
      !mtc_der_uint(inner.contents, &version))
    return mtc_fail(error, MTC_INPUT, "version is not an INTEGER in DER");
  if (version != 1 && version != 2)
    return mtc_fail(error, MTC_INPUT,
                    "version %llu is none of v2 and v3 (v1 is written by leaving it out)",
                    (unsigned long long)version + 1);
  *out_tlv = outer.tlv;
  *out_version = (unsigned)version;
  return MTC_OK;
}

/* Name: SEQUENCE OF SET (1..) OF SEQUENCE { OID, ANY } */
static bool name_is_strict(const struct mtc_der *name) {
  struct mtc_reader rdns = mtc_der_enter(name), attributes, fields;
  struct mtc_der rdn, attribute, type, value;
  if (!mtc_der_check(name->contents)) return false;
  while (rdns.len) {
    if (!mtc_der_read(&rdns, MTC_DER_SET, &rdn) || rdn.contents.len == 0) return false;
    attributes = mtc_der_enter(&rdn);
    while (attributes.len) {
      if (!mtc_der_read(&attributes, MTC_DER_SEQUENCE, &attribute)) return false;
      fields = mtc_der_enter(&attribute);
      if (!mtc_der_read(&fields, MTC_DER_OID, &type) || !mtc_der_next(&fields, &value) ||
          fields.len)
        return false;
    }
  }
  return true;
}

mtc_status mtc_fields_name(struct mtc_reader *reader, const char *field, struct mtc_span *out_tlv,
                           struct mtc_error *error) {
  struct mtc_der name;
  if (!mtc_der_read(reader, MTC_DER_SEQUENCE, &name) || !name_is_strict(&name))
    return mtc_fail(error, MTC_INPUT, "%s is not a Name in DER", field);
  *out_tlv = name.tlv;
  return MTC_OK;
}

mtc_status mtc_fields_validity(struct mtc_reader *reader, struct mtc_span *out_tlv,
                               int64_t *out_not_before, int64_t *out_not_after,
                               struct mtc_error *error) {
  struct mtc_der validity, time;
  if (!mtc_der_read(reader, MTC_DER_SEQUENCE, &validity))
    return mtc_fail(error, MTC_INPUT, "validity is not a SEQUENCE in DER");
  struct mtc_reader times = mtc_der_enter(&validity);
  if (!mtc_der_next(&times, &time) || !mtc_der_time(&time, out_not_before))
    return mtc_fail(error, MTC_INPUT, "notBefore is not a time in the form of RFC 5280");
  if (!mtc_der_next(&times, &time) || !mtc_der_time(&time, out_not_after))
    return mtc_fail(error, MTC_INPUT, "notAfter is not a time in the form of RFC 5280");
  if (times.len) return mtc_fail(error, MTC_INPUT, "validity has more than two times");
  *out_tlv = validity.tlv;
  return MTC_OK;
}

bool mtc_fields_algorithm_is_strict(const struct mtc_der *element) {
  struct mtc_reader fields = mtc_der_enter(element);
  struct mtc_der field;
  if (!mtc_der_check(element->contents) || !mtc_der_read(&fields, MTC_DER_OID, &field))
    return false;
  return fields.len == 0 || (mtc_der_next(&fields, &field) && fields.len == 0);
}

mtc_status mtc_fields_public_key(struct mtc_reader *reader, struct mtc_span *out_tlv,
                                 struct mtc_span *out_algorithm, struct mtc_error *error) {
  struct mtc_der key, algorithm, bits;
  if (mtc_der_read(reader, MTC_DER_SEQUENCE, &key) && mtc_der_check(key.contents)) {
    struct mtc_reader fields = mtc_der_enter(&key);
    if (mtc_der_read(&fields, MTC_DER_SEQUENCE, &algorithm) &&
        mtc_fields_algorithm_is_strict(&algorithm) &&
        mtc_der_read(&fields, MTC_DER_BIT_STRING, &bits) && fields.len == 0) {
      *out_tlv = key.tlv;
      *out_algorithm = algorithm.tlv;
      return MTC_OK;
    }
  }
  return mtc_fail(error, MTC_INPUT, "subjectPublicKeyInfo is not one in DER");
}

bool mtc_fields_next_extension(struct mtc_reader *extensions, struct mtc_extension *out) {
  struct mtc_der extension, field;
  struct mtc_extension parsed = {0};
  if (!mtc_der_read(extensions, MTC_DER_SEQUENCE, &extension) || !mtc_der_check(extension.contents))
    return false;
  struct mtc_reader fields = mtc_der_enter(&extension);
  if (!mtc_der_read(&fields, MTC_DER_OID, &field)) return false;
  parsed.oid = field.tlv;
  if (mtc_der_next_is(&fields, MTC_DER_BOOLEAN)) {
    /* DEFAULT FALSE is not written in DER. */
    if (!mtc_der_read(&fields, MTC_DER_BOOLEAN, &field) || field.contents.data[0] != 0xff)
      return false;
    parsed.critical = true;
  }
  if (!mtc_der_read(&fields, MTC_DER_OCTET_STRING, &field) || fields.len) return false;
  parsed.value = field.contents;
  *out = parsed;
  return true;
}

mtc_status mtc_fields_check_extensions(struct mtc_span contents, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(contents);
  struct mtc_extension seen[MAX_EXTENSIONS];
  size_t num_seen = 0;
  if (reader.len == 0) return mtc_fail(error, MTC_INPUT, "the list of extensions is empty");
  while (reader.len) {
    if (num_seen == MAX_EXTENSIONS)
      return mtc_fail(error, MTC_INPUT, "more than %d extensions", MAX_EXTENSIONS);
    if (!mtc_fields_next_extension(&reader, &seen[num_seen]))
      return mtc_fail(error, MTC_INPUT, "extension %zu is not one in DER", num_seen);
    for (size_t i = 0; i < num_seen; i++) {
      if (mtc_span_equal(seen[i].oid, seen[num_seen].oid))
        return mtc_fail(error, MTC_INPUT, "extension %zu repeats extension %zu", num_seen, i);
    }
    num_seen++;
  }
  return MTC_OK;
}

mtc_status mtc_fields_check_rest(struct mtc_span rest, unsigned version, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(rest);
  struct mtc_der element, sequence;
  for (uint8_t tag = 0x81; tag <= 0x82; tag++) {
    if (!mtc_der_next_is(&reader, tag)) continue;
    if (version < 1 || !mtc_der_read(&reader, tag, &element) || element.contents.len == 0 ||
        element.contents.data[0] > 7)
      return mtc_fail(error, MTC_INPUT,
                      "a unique ID is not a BIT STRING in DER, or in a v1 certificate");
  }
  if (reader.len == 0) return MTC_OK;
  if (version != 2)
    return mtc_fail(error, MTC_INPUT,
                    "extensions, or other bytes, in a certificate that is not v3");
  if (!mtc_der_read(&reader, 0xa3, &element) || reader.len)
    return mtc_fail(error, MTC_INPUT, "bytes after the last field, or fields in the wrong order");
  if (!mtc_der_whole(element.contents, MTC_DER_SEQUENCE, &sequence))
    return mtc_fail(error, MTC_INPUT, "extensions are not a SEQUENCE in DER");
  return mtc_fields_check_extensions(sequence.contents, error);
}

struct mtc_span mtc_fields_extensions_of(struct mtc_span rest) {
  struct mtc_reader reader = mtc_reader_of(rest);
  struct mtc_der element, sequence;
  while (mtc_der_next(&reader, &element)) {
    if (element.tag == 0xa3 && mtc_der_whole(element.contents, MTC_DER_SEQUENCE, &sequence))
      return sequence.contents;
  }
  return mtc_span_of(NULL, 0);
}

bool mtc_fields_find_extension(struct mtc_span contents, struct mtc_span oid,
                               struct mtc_extension *out) {
  struct mtc_reader reader = mtc_reader_of(contents);
  while (mtc_fields_next_extension(&reader, out)) {
    if (mtc_span_equal(out->oid, oid)) return true;
  }
  return false;
}
