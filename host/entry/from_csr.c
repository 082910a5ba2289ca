/* The log entry of a certification request: what the profile says, and from the request only the
 * key and the names (and the key usage, where the profile takes it). */
#include <string.h>

#include "entry/fields.h"
#include "entry/from_csr.h"
#include "entry/tbs.h"
#include "mtc/runtime.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

static const struct mtc_span version_3 = DER(0xa0, 0x03, 0x02, 0x01, 0x02);
static const struct mtc_span empty_name = DER(0x30, 0x00);
static const struct mtc_span common_name_oid = DER(0x06, 0x03, 0x55, 0x04, 0x03);
static const struct mtc_span alternative_name_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x11);
static const struct mtc_span key_usage_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x0f);
static const struct mtc_span ext_key_usage_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x25);
static const struct mtc_span policies_oid = DER(0x06, 0x03, 0x55, 0x1d, 0x20);
static const struct mtc_span digital_signature = DER(0x03, 0x02, 0x07, 0x80);
/* id-kp-serverAuth, id-kp-clientAuth: 1.3.6.1.5.5.7.3.1 and .2 */
static const struct mtc_span server_auth =
    DER(0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
static const struct mtc_span client_auth =
    DER(0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02);

static size_t open_extension(struct mtc_bytes *out, struct mtc_span oid, bool critical,
                             size_t *out_value) {
  static const uint8_t is_critical[] = {0x01, 0x01, 0xff};
  size_t extension = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, oid);
  if (critical) mtc_bytes_append(out, is_critical, sizeof is_critical);
  *out_value = mtc_der_open(out, MTC_DER_OCTET_STRING);
  return extension;
}

static void close_extension(struct mtc_bytes *out, size_t extension, size_t value) {
  mtc_der_close(out, value);
  mtc_der_close(out, extension);
}

static mtc_status check_key(const struct mtc_profile *profile, const struct mtc_csr *csr,
                            struct mtc_error *error) {
  unsigned min_bits = profile->min_rsa_bits < 2048 ? 2048 : profile->min_rsa_bits;
  if (!(profile->key_types & csr->key_type))
    return mtc_fail(error, MTC_INPUT, "CSR: profile %s does not allow this type of key",
                    profile->name);
  if (csr->key_type == MTC_KEY_RSA && csr->key_bits < min_bits)
    return mtc_fail(error, MTC_INPUT, "CSR: an RSA key of %u bits; at least %u are needed",
                    csr->key_bits, min_bits);
  return MTC_OK;
}

/*
 * The names of the certificate are those of subjectAltName; a request without one names its host
 * in commonName, as old tools do. Beside a subjectAltName the subject is not a source of names.
 */
static mtc_status collect_names(const struct mtc_profile *profile, const struct mtc_csr *csr,
                                struct mtc_names *names, struct mtc_error *error) {
  struct mtc_extension extension;
  struct mtc_span common_name;
  mtc_status status;
  if (mtc_fields_find_extension(csr->extensions, alternative_name_oid, &extension)) {
    status = mtc_names_add_alternative(names, profile, extension.value, error);
  } else {
    status = mtc_csr_common_name(csr, &common_name, error);
    if (!status && !common_name.data)
      status =
          mtc_fail(error, MTC_INPUT, "no subjectAltName and no common name: nothing to certify");
    if (!status) status = mtc_names_add_dns(names, profile, common_name, error);
  }
  return status ? mtc_fail_within(error, status, "CSR") : MTC_OK;
}

/* keyUsage as requested, when it asks for nothing that this type of key and profile cannot do. */
static mtc_status key_usage_of(const struct mtc_profile *profile, const struct mtc_csr *csr,
                               struct mtc_span *out, struct mtc_error *error) {
  struct mtc_extension extension;
  struct mtc_der bits;
  *out = digital_signature;
  if (!profile->copy_key_usage ||
      !mtc_fields_find_extension(csr->extensions, key_usage_oid, &extension))
    return MTC_OK;
  uint8_t asked, allowed = csr->key_type == MTC_KEY_RSA ? 0xa0 : 0x80; /* keyEncipherment too */
  if (!mtc_der_whole(extension.value, MTC_DER_BIT_STRING, &bits) || !mtc_der_check(extension.value))
    return mtc_fail(error, MTC_INPUT, "CSR: keyUsage is not a BIT STRING in DER");
  if (!mtc_der_named_bits(bits.contents, &asked))
    return mtc_fail(error, MTC_INPUT,
                    "CSR: keyUsage sets no bit, or ends in zero bits, which DER leaves out");
  if (bits.contents.len > 2 || (asked & (uint8_t)~allowed))
    return mtc_fail(error, MTC_INPUT,
                    "CSR: keyUsage asks for more than this key and profile %s allow",
                    profile->name);
  *out = extension.value;
  return MTC_OK;
}

mtc_status mtc_request_append_extensions(const struct mtc_profile *profile,
                                         const struct mtc_request *request, struct mtc_bytes *out,
                                         struct mtc_error *error) {
  struct mtc_span key_usage;
  size_t extension, value, inner;
  bool has_subject = request->subject.len > empty_name.len;
  mtc_status status = key_usage_of(profile, &request->csr, &key_usage, error);
  if (status) return status;
  extension = open_extension(out, key_usage_oid, true, &value);
  mtc_bytes_append_span(out, key_usage);
  close_extension(out, extension, value);
  if (profile->ext_key_usage_server || profile->ext_key_usage_client) {
    extension = open_extension(out, ext_key_usage_oid, false, &value);
    inner = mtc_der_open(out, MTC_DER_SEQUENCE);
    if (profile->ext_key_usage_server) mtc_bytes_append_span(out, server_auth);
    if (profile->ext_key_usage_client) mtc_bytes_append_span(out, client_auth);
    mtc_der_close(out, inner);
    close_extension(out, extension, value);
  }
  /* RFC 5280: critical exactly when the subject is empty. */
  extension = open_extension(out, alternative_name_oid, !has_subject, &value);
  mtc_names_append_alternative(&request->names, out);
  close_extension(out, extension, value);
  if (profile->policy_oid) {
    extension = open_extension(out, policies_oid, false, &value);
    inner = mtc_der_open(out, MTC_DER_SEQUENCE);
    size_t information = mtc_der_open(out, MTC_DER_SEQUENCE);
    if (mtc_der_append_oid(out, profile->policy_oid))
      return mtc_fail(error, MTC_INPUT, "profile %s: policy \"%s\" is no object identifier",
                      profile->name, profile->policy_oid);
    mtc_der_close(out, information);
    mtc_der_close(out, inner);
    close_extension(out, extension, value);
  }
  return mtc_bytes_status(out);
}

/* Subject: empty, or the first DNS name that fits as commonName (RFC 5280: at most 64 characters).
 */
static void append_subject(const struct mtc_profile *profile, const struct mtc_names *names,
                           struct mtc_bytes *out) {
  for (size_t i = 0; profile->subject_common_name && i < names->num_names; i++) {
    const struct mtc_name *name = &names->names[i];
    if (name->is_ip || name->len > 64) continue;
    size_t sequence = mtc_der_open(out, MTC_DER_SEQUENCE);
    size_t rdn = mtc_der_open(out, MTC_DER_SET);
    size_t attribute = mtc_der_open(out, MTC_DER_SEQUENCE);
    mtc_bytes_append_span(out, common_name_oid);
    mtc_der_append(out, MTC_DER_UTF8_STRING, mtc_span_of(name->text, name->len));
    mtc_der_close(out, attribute);
    mtc_der_close(out, rdn);
    mtc_der_close(out, sequence);
    return;
  }
  mtc_bytes_append_span(out, empty_name);
}

mtc_status mtc_request_read(const struct mtc_profile *profile, struct mtc_span der,
                            struct mtc_request *out, struct mtc_error *error) {
  mtc_status status = mtc_csr_parse(der, &out->csr, error);
  if (!status) status = check_key(profile, &out->csr, error);
  if (!status) status = collect_names(profile, &out->csr, &out->names, error);
  if (status) return status;
  append_subject(profile, &out->names, &out->subject);
  return mtc_bytes_status(&out->subject);
}

void mtc_request_free(struct mtc_request *request) {
  if (!request) return;
  mtc_bytes_free(&request->subject);
  mtc_free(request);
}

mtc_status mtc_entry_from_csr(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                              const struct mtc_profile *profile, struct mtc_span csr_der,
                              int64_t now_s, struct mtc_bytes *out_entry,
                              struct mtc_bytes *out_public_key, struct mtc_error *error) {
  struct mtc_bytes issuer = {0}, validity = {0}, rest = {0};
  size_t entry_start = out_entry->len;
  struct mtc_request *request = mtc_alloc(1, sizeof *request);
  if (!request) return MTC_NOMEM;
  mtc_status status = mtc_request_read(profile, csr_der, request, error);
  if (status) goto out;
  size_t tagged = mtc_der_open(&rest, 0xa3);
  size_t sequence = mtc_der_open(&rest, MTC_DER_SEQUENCE);
  status = mtc_request_append_extensions(profile, request, &rest, error);
  if (status) goto out;
  mtc_der_close(&rest, sequence);
  mtc_der_close(&rest, tagged);

  int64_t not_before = now_s - profile->backdate_s;
  sequence = mtc_der_open(&validity, MTC_DER_SEQUENCE);
  mtc_der_append_time(&validity, not_before);
  mtc_der_append_time(&validity, not_before + profile->validity_s - 1);
  mtc_der_close(&validity, sequence);
  mtc_tai_append_name(wire, ca_id, &issuer);
  if (mtc_bytes_status(&validity) || mtc_bytes_status(&issuer) || mtc_bytes_status(&rest)) {
    status = MTC_NOMEM;
    goto out;
  }
  const struct mtc_tbs_fields fields = {
      .version = version_3,
      .issuer = mtc_span_of_bytes(&issuer),
      .validity = mtc_span_of_bytes(&validity),
      .subject = mtc_span_of_bytes(&request->subject),
      .public_key = request->csr.public_key,
      .public_key_algorithm = request->csr.public_key_algorithm,
      .rest = mtc_span_of_bytes(&rest),
  };
  status = mtc_tbs_append_entry(&fields, out_entry, error);
  if (status) goto out;
  mtc_bytes_append_span(out_public_key, request->csr.public_key);
  status = mtc_bytes_status(out_public_key);
  if (status) out_entry->len = entry_start;
out:
  mtc_request_free(request);
  mtc_bytes_free(&issuer);
  mtc_bytes_free(&validity);
  mtc_bytes_free(&rest);
  return status;
}
