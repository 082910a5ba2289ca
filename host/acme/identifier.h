/* Identifiers: DNS names (wildcards too) and IP addresses, in their one canonical form. */
#ifndef ACME_IDENTIFIER_H
#define ACME_IDENTIFIER_H

#include "acme/problem.h"

enum acme_identifier_type { ACME_DNS_NAME, ACME_IP_ADDRESS };

#define ACME_MAX_IDENTIFIERS 100u

/* Lower case, no trailing dot; IPv6 as inet_ntop writes it (RFC 5952). */
struct acme_identifier {
  enum acme_identifier_type type;
  char value[256]; /* with "*." in front for a wildcard */
};

/* A wildcard's authorization is about the name without "*.". */
static inline bool acme_identifier_is_wildcard(const struct acme_identifier *identifier) {
  return identifier->value[0] == '*';
}

/*
 * acme_identifier_parse reads {"type": ..., "value": ...}.
 *
 * Errors:   ACME_UNSUPPORTED_IDENTIFIER (other types), ACME_MALFORMED (not a string, too long, not
 *           LDH labels, empty label, U-labels, wildcard elsewhere than in front, an address as a
 *           dns name, IPv4-mapped or scoped address, upper case is folded),
 * ACME_REJECTED_IDENTIFIER (a name with one label, a public suffix such as "com" is left to
 * policy).
 */
enum acme_problem_type acme_identifier_parse(const json_t *json, struct acme_identifier *out,
                                             struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_identifier_from_dns and _from_ip read the text of a DNS name or of an IP address;
 * _from_bytes an address of 4 or 16 bytes, as certificates hold it.
 *
 * Errors:   as acme_identifier_parse.
 */
enum acme_problem_type acme_identifier_from_dns(struct mtc_span text, struct acme_identifier *out,
                                                struct acme_problem *problem) MTC_MUST_CHECK;
/* Reads the text of an IP address; see above. */
enum acme_problem_type acme_identifier_from_ip(struct mtc_span text, struct acme_identifier *out,
                                               struct acme_problem *problem) MTC_MUST_CHECK;
/* Reads the bytes of an IP address; see above. */
enum acme_problem_type acme_identifier_from_bytes(struct mtc_span bytes,
                                                  struct acme_identifier *out,
                                                  struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_identifier_json makes {"type": ..., "value": ...}; NULL when out of memory.
 */
json_t *acme_identifier_json(const struct acme_identifier *identifier);

/*
 * acme_identifiers_sort sorts and drops duplicates.
 *
 * Output:   the number left.
 */
size_t acme_identifiers_sort(struct acme_identifier *identifiers, size_t num);

/* What a CSR asks for. */
struct acme_csr {
  struct acme_identifier identifiers[ACME_MAX_IDENTIFIERS]; /* sorted, of subjectAltName and CN */
  size_t num_identifiers;
  char spki_sha256[65]; /* hexadecimal, of the SubjectPublicKeyInfo */
};

/*
 * acme_csr_read reads a PKCS#10 request (DER, at most 64 KiB) for comparison with an order: names
 * and key. What a profile allows and the request's own signature are the CA's business: mtcd checks
 * them, which has to in any case, and its refusal becomes the order's.
 *
 * Errors:   ACME_BAD_CSR: DER, a weak key, no name, a name that is no identifier, other name types,
 *           more than ACME_MAX_IDENTIFIERS.
 */
enum acme_problem_type acme_csr_read(struct mtc_span der, struct acme_csr *out,
                                     struct acme_problem *problem) MTC_MUST_CHECK;

#endif
