/* TXT records. */
#ifndef ACME_TXT_H
#define ACME_TXT_H

#include "mtc/bytes.h"

#define ACME_MAX_TXT_LEN 512u

/*
 * acme_txt_read joins the character strings of a TXT record's data, of which at most
 * ACME_MAX_TXT_LEN bytes.
 *
 * Output:   out_len bytes in `out`.
 * Errors:   false: no string, or one that is longer than the rest of the data.
 * Source:   RFC 1035, "TXT RDATA format"
 */
bool acme_txt_read(struct mtc_span data, uint8_t out[ACME_MAX_TXT_LEN],
                   size_t *out_len) MTC_MUST_CHECK;

#endif
