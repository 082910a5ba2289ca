/* CAA records: what they say about one issuance. Pure functions. */
#ifndef ACME_CAA_H
#define ACME_CAA_H

#include "mtc/bytes.h"

/* What is to be issued, and by whom. */
struct acme_caa_request {
  bool wildcard;
  const char *method;            /* "http-01" ... */
  const char *account_uri;       /* compared octet by octet */
  const char *const *identities; /* issuer domain names of this CA */
  unsigned num_identities;
};

/* One property, out of a record's data. */
struct acme_caa_property {
  bool critical;
  struct mtc_span tag;
  struct mtc_span value;
};

/*
 * acme_caa_read takes a CAA record's data apart.
 *
 * Output:   spans into `data`.
 * Errors:   false: too short, an empty tag, one longer than the data.
 * Source:   RFC 8659, "CAA RDATA format"
 */
bool acme_caa_read(struct mtc_span data, struct acme_caa_property *out) MTC_MUST_CHECK;

/*
 * acme_caa_decide tells what the relevant record set says, `num` >= 1 records' data. A record that
 * cannot be read refuses; a property value that is malformed names nobody, and so refuses where no
 * other one names this CA.
 *
 * Output:   NULL: allowed; else why not, static text.
 * Source:   RFC 8659, "Certification Authority Processing" and "CAA issue Property"; RFC 8657
 */
const char *acme_caa_decide(const struct mtc_span *records, unsigned num,
                            const struct acme_caa_request *request) MTC_MUST_CHECK;

#endif
