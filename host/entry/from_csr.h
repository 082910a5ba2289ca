/* What a certificate takes from a certification request. Private to host/entry. */
#ifndef MTC_ENTRY_FROM_CSR_H
#define MTC_ENTRY_FROM_CSR_H

#include "entry/csr.h"
#include "entry/names.h"

/* A request that was found good under a profile; its spans point into the request's DER. */
struct mtc_request {
  struct mtc_csr csr;
  struct mtc_names names;
  struct mtc_bytes subject; /* of the certificate: Name, whole TLV */
};

/*
 * mtc_request_read checks a request (DER) under a profile.
 *
 * Requires: `out` is zeroed and from mtc_alloc; mtc_request_free releases it, on errors too.
 * Errors:   as mtc_entry_from_csr.
 */
mtc_status mtc_request_read(const struct mtc_profile *profile, struct mtc_span der,
                            struct mtc_request *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_request_free releases a request; NULL is ignored.
 */
void mtc_request_free(struct mtc_request *request);

/*
 * mtc_request_append_extensions appends what the profile and the request give: keyUsage,
 * extKeyUsage, subjectAltName, certificatePolicies, an Extension each.
 *
 * Errors:   INPUT, NOMEM. `out` is to be dropped then.
 */
mtc_status mtc_request_append_extensions(const struct mtc_profile *profile,
                                         const struct mtc_request *request, struct mtc_bytes *out,
                                         struct mtc_error *error) MTC_MUST_CHECK;

#endif
