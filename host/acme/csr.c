/* What a PKCS#10 request asks for, to be compared with an order's identifiers. */
#include <string.h>

#include "acme/identifier.h"
#include "acme/key.h"
#include "entry/csr.h"
#include "entry/fields.h"

/* GeneralName ::= CHOICE { ..., dNSName [2] IA5String, ..., iPAddress [7] OCTET STRING, ... } */
#define DNS_NAME 0x82
#define IP_ADDRESS 0x87

static enum acme_problem_type add(struct acme_csr *csr, const struct acme_identifier *identifier,
                                  struct acme_problem *problem) {
  for (size_t i = 0; i < csr->num_identifiers; i++)
    if (csr->identifiers[i].type == identifier->type &&
        strcmp(csr->identifiers[i].value, identifier->value) == 0)
      return ACME_NONE;
  if (csr->num_identifiers == ACME_MAX_IDENTIFIERS)
    return acme_fail(problem, ACME_BAD_CSR, "CSR: more than %u names", ACME_MAX_IDENTIFIERS);
  csr->identifiers[csr->num_identifiers++] = *identifier;
  return ACME_NONE;
}

/* What an identifier's reader says is the CSR's fault here. */
static enum acme_problem_type in_csr(struct acme_problem *problem, const char *where) {
  char detail[sizeof problem->detail];
  if (problem->type == ACME_SERVER_INTERNAL) return problem->type;
  memcpy(detail, problem->detail, sizeof detail);
  return acme_fail(problem, ACME_BAD_CSR, "CSR: %s: %s", where, detail);
}

static enum acme_problem_type add_alternative(struct acme_csr *csr, struct mtc_span value,
                                              struct acme_problem *problem) {
  struct mtc_der sequence, name;
  struct acme_identifier identifier;
  if (!mtc_der_whole(value, MTC_DER_SEQUENCE, &sequence) || !mtc_der_check(value))
    return acme_fail(problem, ACME_BAD_CSR, "CSR: subjectAltName is not a SEQUENCE in DER");
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (reader.len == 0) return acme_fail(problem, ACME_BAD_CSR, "CSR: subjectAltName holds no name");
  for (size_t i = 0; reader.len; i++) {
    enum acme_problem_type type;
    if (!mtc_der_next(&reader, &name))
      return acme_fail(problem, ACME_BAD_CSR, "CSR: subjectAltName: name %zu is not DER", i);
    if (name.tag == DNS_NAME)
      type = acme_identifier_from_dns(name.contents, &identifier, problem);
    else if (name.tag == IP_ADDRESS)
      type = acme_identifier_from_bytes(name.contents, &identifier, problem);
    else
      return acme_fail(
          problem, ACME_BAD_CSR,
          "CSR: subjectAltName: name %zu of kind [%u] is neither dNSName nor iPAddress", i,
          name.tag & 0x1fu);
    if (type) return in_csr(problem, "subjectAltName");
    if (add(csr, &identifier, problem)) return problem->type;
  }
  return ACME_NONE;
}

/* A common name is a name that is asked for, too: an address where it reads as one. */
static enum acme_problem_type add_common_name(struct acme_csr *csr, struct mtc_span text,
                                              struct acme_problem *problem) {
  struct acme_identifier identifier;
  struct acme_problem ignored = {0};
  enum acme_problem_type type = acme_identifier_from_ip(text, &identifier, &ignored);
  acme_problem_free(&ignored);
  if (type) type = acme_identifier_from_dns(text, &identifier, problem);
  if (type) return in_csr(problem, "common name");
  return add(csr, &identifier, problem);
}

static enum acme_problem_type read_csr(struct mtc_span der, struct acme_csr *out,
                                       struct acme_problem *problem) {
  static const uint8_t alternative_name[] = {0x06, 0x03, 0x55, 0x1d, 0x11};
  struct mtc_csr request;
  struct mtc_extension extension;
  struct mtc_span common_name;
  struct mtc_error error = {0};
  mtc_status status = mtc_csr_split(der, &request, &error);
  if (!status) status = mtc_csr_common_name(&request, &common_name, &error);
  if (status)
    return acme_fail(problem, status == MTC_NOMEM ? ACME_SERVER_INTERNAL : ACME_BAD_CSR, "%s",
                     error.text);
  if (mtc_fields_find_extension(
          request.extensions, mtc_span_of(alternative_name, sizeof alternative_name), &extension) &&
      add_alternative(out, extension.value, problem))
    return problem->type;
  if (common_name.data && add_common_name(out, common_name, problem)) return problem->type;
  if (out->num_identifiers == 0)
    return acme_fail(problem, ACME_BAD_CSR, "CSR: no name: put it into a subjectAltName");
  out->num_identifiers = acme_identifiers_sort(out->identifiers, out->num_identifiers);
  acme_sha256_hex(request.public_key, out->spki_sha256);
  return ACME_NONE;
}

/* What failed half-way names nothing. Of the names only as many are touched as there are: room for
 * all of them is 26 KB. */
enum acme_problem_type acme_csr_read(struct mtc_span der, struct acme_csr *out,
                                     struct acme_problem *problem) {
  out->num_identifiers = 0;
  out->spki_sha256[0] = 0;
  enum acme_problem_type type = read_csr(der, out, problem);
  if (type) out->num_identifiers = 0;
  return type;
}
