/* Where mtc issue puts certificates, and what it must not overwrite. */
#ifndef MTC_APP_MTC_ISSUE_OUT_H
#define MTC_APP_MTC_ISSUE_OUT_H

#include "mtc/bytes.h"

/*
 * issue_out_path writes the certificate's path: the CSR's name in `folder`, with .pem instead of
 * .csr, .pem or .der.
 *
 * Errors:   false when it is too long.
 */
bool issue_out_path(const char *folder, const char *csr, char out[4096]) MTC_MUST_CHECK;

/*
 * issue_out_check finds what would be lost: two CSRs that give one file, a file that is one of the
 * CSRs, or one that is there and is no certificate. Other things that cannot be written are found
 * when they are.
 *
 * Errors:   INPUT naming the file; IO; NOMEM.
 */
mtc_status issue_out_check(const char *folder, char *const *csrs, size_t num_csrs,
                           struct mtc_error *error) MTC_MUST_CHECK;

#endif
