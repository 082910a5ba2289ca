/* What a CA certificate says, as people give it: for mtc ca init and mtc key ceremony. */
#ifndef MTC_APP_MTC_CA_PARAMS_H
#define MTC_APP_MTC_CA_PARAMS_H

#include "mtc/entry.h"

#define CA_LOGS_ALLOWED 5u /* log numbers that maxSerial leaves to a key */

/*
 * ca_params_set_id sets the CA ID and the serial numbers of a CA whose first log has `log_number`.
 *
 * Requires: log_number is 1..65535.
 * Errors:   INPUT: no trust anchor ID, or one that leaves no room for those of logs and landmarks.
 * Source:   merkle-tree-certs, "MTC CA Identifier Child Components"
 */
mtc_status ca_params_set_id(struct mtc_ca_params *ca, const char *id, uint64_t log_number,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ca_params_set_url sets the prefix URL, which must live as long as `ca`.
 *
 * Requires: ca->algorithm is set.
 * Errors:   INPUT.
 * Source:   c2sp.org/mtc-tlog
 */
mtc_status ca_params_set_url(struct mtc_ca_params *ca, const char *url,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ca_params_set_dates sets the dates of a CA certificate that says none: six years from midnight.
 */
void ca_params_set_dates(struct mtc_ca_params *ca, int64_t now_s);

#endif
