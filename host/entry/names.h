/* The names of a subscriber certificate: checked, collected, written. Private to host/entry. */
#ifndef MTC_ENTRY_NAMES_H
#define MTC_ENTRY_NAMES_H

#include "mtc/entry.h"

#define MTC_MAX_NAMES 100

/* A DNS name in lower case, or an IP address of 4 or 16 bytes. */
struct mtc_name {
  bool is_ip;
  uint8_t len;
  char text[254];
};

struct mtc_names {
  size_t num_names;
  struct mtc_name names[MTC_MAX_NAMES];
};

/*
 * mtc_names_add_dns checks a DNS name under the profile's rules and adds it, once, in lower case.
 *
 * Errors:   INPUT: empty, control bytes, not letters, digits and hyphens, labels over 63 or the
 *           whole over 253 characters, a single label, a wildcard the profile does not allow, too
 *           many names. The text quotes the name with unprintable bytes escaped.
 * Source:   RFC 1034, "Preferred name syntax"; RFC 5890; RFC 6125 for wildcards
 */
mtc_status mtc_names_add_dns(struct mtc_names *names, const struct mtc_profile *profile,
                             struct mtc_span text, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_names_add_alternative adds every name of a SubjectAltName extension's value.
 *
 * Errors:   INPUT: empty, not DER, a kind of name the profile does not allow; see above.
 */
mtc_status mtc_names_add_alternative(struct mtc_names *names, const struct mtc_profile *profile,
                                     struct mtc_span value, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_names_append_alternative appends the SubjectAltName value (GeneralNames).
 */
void mtc_names_append_alternative(const struct mtc_names *names, struct mtc_bytes *out);

#endif
