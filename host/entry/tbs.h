/* The one writer of TBSCertificateLogEntry. Private to host/entry. */
#ifndef MTC_ENTRY_TBS_H
#define MTC_ENTRY_TBS_H

#include "mtc/entry.h"

/* The fields of a certificate to be, each a complete DER TLV (version may be empty). */
struct mtc_tbs_fields {
  struct mtc_span version;
  struct mtc_span issuer;
  struct mtc_span validity;
  struct mtc_span subject;
  struct mtc_span public_key;
  struct mtc_span public_key_algorithm;
  struct mtc_span rest;
};

/*
 * mtc_tbs_append_entry appends the MTCLogEntry (no extensions) of type tbs_cert_entry.
 *
 * Errors:   INPUT (over 65535 bytes), NOMEM; nothing appended.
 * Source:   merkle-tree-certs, "Log Entries"
 */
mtc_status mtc_tbs_append_entry(const struct mtc_tbs_fields *fields, struct mtc_bytes *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

#endif
