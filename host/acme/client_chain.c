/* Chains: read, checked, written. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "acme/client_certificate.h"
#include "mtc/entry.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"

static const char properties_label[] = "CERTIFICATE PROPERTIES";
static const char certificate_label[] = "CERTIFICATE";

/* Types ascend; what the properties say is the TLS server's business. */
static bool is_property_list(struct mtc_span list) {
  struct mtc_reader outer = mtc_reader_of(list), reader;
  struct mtc_span content, data;
  uint64_t type;
  int64_t last = -1;
  if (!mtc_read_prefixed(&outer, 2, &content) || outer.len) return false;
  for (reader = mtc_reader_of(content); reader.len; last = (int64_t)type)
    if (!mtc_read_uint(&reader, 2, &type) || !mtc_read_prefixed(&reader, 2, &data) ||
        (int64_t)type <= last)
      return false;
  return true;
}

static mtc_status read_block(struct mtc_reader *reader, struct mtc_span label,
                             struct acme_client_chain *out, struct mtc_error *error) {
  if (mtc_span_equal(label, mtc_span_of_text(properties_label))) {
    if (out->has_properties || out->num)
      return mtc_fail(error, MTC_IO, "%s is not in front, or there twice", properties_label);
    out->has_properties = true;
    mtc_status status = mtc_pem_next(reader, properties_label, &out->properties, error);
    if (!status && !is_property_list(mtc_span_of_bytes(&out->properties)))
      status = mtc_fail(error, MTC_IO, "its properties are no property list");
    return status;
  }
  if (!mtc_span_equal(label, mtc_span_of_text(certificate_label)))
    return mtc_fail(error, MTC_IO, "it has a PEM block that is no certificate");
  if (out->num == ACME_CLIENT_MAX_CHAIN)
    return mtc_fail(error, MTC_IO, "it has more than %u certificates", ACME_CLIENT_MAX_CHAIN);
  return mtc_pem_next(reader, certificate_label, &out->certificates[out->num++], error);
}

mtc_status acme_client_read_chain(struct mtc_span body, struct acme_client_chain *out,
                                  struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(body);
  struct mtc_span label;
  mtc_status status = MTC_OK;
  *out = (struct acme_client_chain){0};
  for (struct mtc_reader ahead = reader; !status && mtc_pem_next_label(&ahead, &label);
       ahead = reader)
    status = read_block(&reader, label, out, error);
  if (!status && out->num == 0) status = mtc_fail(error, MTC_IO, "it has no certificate");
  if (!status) return MTC_OK;
  acme_client_chain_free(out);
  if (status == MTC_INPUT) status = MTC_IO;
  return mtc_fail_within(error, status, "the server's chain");
}

/* One name of a certificate as an identifier; false for any other type. */
static bool read_name(const GENERAL_NAME *name, struct acme_identifier *out) {
  int type;
  const ASN1_STRING *string = GENERAL_NAME_get0_value(name, &type);
  const unsigned char *data = string ? ASN1_STRING_get0_data(string) : NULL;
  size_t len = string ? (size_t)ASN1_STRING_length(string) : 0;
  *out = (struct acme_identifier){.type = type == GEN_IPADD ? ACME_IP_ADDRESS : ACME_DNS_NAME};
  if (type == GEN_IPADD && (len == 4 || len == 16))
    return inet_ntop(len == 4 ? AF_INET : AF_INET6, data, out->value, sizeof out->value);
  if (type != GEN_DNS || len == 0 || len >= sizeof out->value || memchr(data, 0, len)) return false;
  memcpy(out->value, data, len);
  for (char *c = out->value; *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  return true;
}

static mtc_status check_names(const X509 *certificate, const struct acme_identifier *identifiers,
                              size_t num, struct mtc_error *error) {
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  int count = names ? sk_GENERAL_NAME_num(names) : 0;
  struct acme_identifier *found = mtc_alloc((size_t)count + 1, sizeof *found);
  mtc_status status = found ? MTC_OK : MTC_NOMEM;
  for (int i = 0; !status && i < count; i++)
    if (!read_name(sk_GENERAL_NAME_value(names, i), &found[i]))
      status = mtc_fail(error, MTC_IO, "it has a name that is none of those asked for");
  GENERAL_NAMES_free(names);
  size_t num_found = status ? 0 : acme_identifiers_sort(found, (size_t)count);
  if (!status && num_found != num)
    status = mtc_fail(error, MTC_IO, "it has %zu names; %zu were asked for", num_found, num);
  for (size_t i = 0; !status && i < num; i++)
    if (found[i].type != identifiers[i].type || strcmp(found[i].value, identifiers[i].value) != 0)
      status = mtc_fail(error, MTC_IO, "%s is not among its names", identifiers[i].value);
  mtc_free(found);
  return status;
}

static mtc_status check_leaf(struct mtc_span der, EVP_PKEY *key,
                             const struct acme_identifier *identifiers, size_t num,
                             struct mtc_error *error) {
  const unsigned char *at = der.data;
  X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
  mtc_status status = MTC_OK;
  const EVP_PKEY *certified = certificate ? X509_get0_pubkey(certificate) : NULL;
  if (!certified || at != der.data + der.len)
    status = mtc_fail(error, MTC_IO, "no certificate with a key that is understood");
  else if (EVP_PKEY_eq(certified, key) != 1)
    status = mtc_fail(error, MTC_IO, "it is for another key");
  else
    status = check_names(certificate, identifiers, num, error);
  X509_free(certificate);
  ERR_clear_error();
  return status;
}

mtc_status acme_client_check_chain(const struct acme_client_chain *chain, EVP_PKEY *key,
                                   const struct acme_identifier *identifiers, size_t num,
                                   struct acme_client_leaf *out, struct mtc_error *error) {
  struct mtc_certificate parsed = {0};
  struct mtc_span leaf = mtc_span_of_bytes(&chain->certificates[0]);
  mtc_status status = MTC_OK;
  *out = (struct acme_client_leaf){0};
  for (size_t i = chain->num; !status && i-- > 0;) {
    status = mtc_certificate_parse(mtc_span_of_bytes(&chain->certificates[i]), &parsed, error);
    if (status) status = mtc_fail_within(error, MTC_IO, "certificate %zu", i + 1);
  }
  if (!status && parsed.not_before >= parsed.not_after)
    status = mtc_fail(error, MTC_IO, "its notBefore is not before its notAfter");
  if (!status) {
    out->not_before_s = parsed.not_before;
    out->not_after_s = parsed.not_after;
    status = check_leaf(leaf, key, identifiers, num, error);
  }
  if (!status && acme_cert_id(&parsed, out->cert_id, error)) status = MTC_IO;
  return status ? mtc_fail_within(error, status, "the server's certificate") : MTC_OK;
}

static const struct mtc_wire *wire_of(const struct mtc_certificate *certificate,
                                      enum mtc_wire_version version) {
  const struct mtc_wire *wire = mtc_wire_get(version);
  return mtc_span_equal(certificate->outer_algorithm, wire->proof_algorithm) ? wire : NULL;
}

bool acme_client_is_of_tree(const struct acme_client_chain *chain) {
  struct mtc_certificate leaf;
  struct mtc_error ignored;
  if (mtc_certificate_parse(mtc_span_of_bytes(&chain->certificates[0]), &leaf, &ignored))
    return false;
  return wire_of(&leaf, MTC_WIRE_PLANTS_05) || wire_of(&leaf, MTC_WIRE_PLANTS_06) ||
         wire_of(&leaf, MTC_WIRE_PLANTS_07);
}

/* The versions of an algorithm differ in the length of a prefix, so that one alone can be read. */
static bool is_landmark_relative(const struct mtc_certificate *certificate) {
  struct mtc_mtcproof proof;
  struct mtc_error ignored;
  for (int version = MTC_WIRE_PLANTS_05; version <= MTC_WIRE_PLANTS_07; version++) {
    const struct mtc_wire *wire = wire_of(certificate, (enum mtc_wire_version)version);
    if (wire && mtc_mtcproof_parse(wire, certificate->signature, &proof, &ignored) == MTC_OK)
      return proof.num_cosignatures == 0;
  }
  return false;
}

mtc_status acme_client_check_twin(const struct acme_client_chain *standalone,
                                  const struct acme_client_chain *landmark,
                                  struct mtc_error *error) {
  struct mtc_certificate one, other;
  mtc_status status =
      mtc_certificate_parse(mtc_span_of_bytes(&standalone->certificates[0]), &one, error);
  if (!status)
    status = mtc_certificate_parse(mtc_span_of_bytes(&landmark->certificates[0]), &other, error);
  if (!status && !mtc_span_equal(one.tbs, other.tbs))
    status = mtc_fail(error, MTC_IO, "it is of another log entry than the standalone certificate");
  if (!status && !is_landmark_relative(&other))
    status = mtc_fail(error, MTC_IO, "it is not relative to a landmark");
  return status ? mtc_fail_within(error, MTC_IO, "the landmark-relative certificate") : MTC_OK;
}

void acme_client_append_chain(const struct acme_client_chain *chain, bool with_properties,
                              struct mtc_bytes *out) {
  static const uint8_t empty[2] = {0, 0};
  if (with_properties)
    mtc_pem_append(properties_label,
                   chain->has_properties ? mtc_span_of_bytes(&chain->properties)
                                         : mtc_span_of(empty, sizeof empty),
                   out);
  for (size_t i = 0; i < chain->num; i++)
    mtc_pem_append(certificate_label, mtc_span_of_bytes(&chain->certificates[i]), out);
}

void acme_client_chain_free(struct acme_client_chain *chain) {
  mtc_bytes_free(&chain->properties);
  for (size_t i = 0; i < chain->num; i++)
    mtc_bytes_free(&chain->certificates[i]);
  *chain = (struct acme_client_chain){0};
}
