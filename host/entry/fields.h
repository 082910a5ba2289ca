/* Fields that TBSCertificate and TBSCertificateLogEntry share. Private to host/entry. */
#ifndef MTC_ENTRY_FIELDS_H
#define MTC_ENTRY_FIELDS_H

#include "entry/der.h"

/* An X.509 extension, split. */
struct mtc_extension {
  struct mtc_span oid; /* whole TLV */
  bool critical;
  struct mtc_span value; /* contents of the OCTET STRING */
};

/*
 * mtc_fields_version reads the optional [0] EXPLICIT version: 0 (absent), 1 or 2.
 *
 * Errors:   INPUT (v1 written out, above v3, not DER).
 */
mtc_status mtc_fields_version(struct mtc_reader *reader, struct mtc_span *out_tlv,
                              unsigned *out_version, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_name reads a Name in strict DER; `field` names it in errors.
 */
mtc_status mtc_fields_name(struct mtc_reader *reader, const char *field, struct mtc_span *out_tlv,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_validity reads Validity, to POSIX seconds.
 */
mtc_status mtc_fields_validity(struct mtc_reader *reader, struct mtc_span *out_tlv,
                               int64_t *out_not_before, int64_t *out_not_after,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_algorithm_is_strict tells whether an element is an AlgorithmIdentifier in DER.
 */
bool mtc_fields_algorithm_is_strict(const struct mtc_der *element) MTC_MUST_CHECK;

/*
 * mtc_fields_public_key reads a SubjectPublicKeyInfo and its algorithm.
 */
mtc_status mtc_fields_public_key(struct mtc_reader *reader, struct mtc_span *out_tlv,
                                 struct mtc_span *out_algorithm,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_check_rest checks what follows the key: unique IDs (version 2 and 3), extensions
 * (version 3), nothing else.
 */
mtc_status mtc_fields_check_rest(struct mtc_span rest, unsigned version,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_extensions_of finds the Extensions SEQUENCE's contents in `rest`; empty when absent.
 *
 * Requires: mtc_fields_check_rest accepted `rest`.
 */
struct mtc_span mtc_fields_extensions_of(struct mtc_span rest);

/*
 * mtc_fields_next_extension reads one Extension in strict DER.
 */
bool mtc_fields_next_extension(struct mtc_reader *extensions,
                               struct mtc_extension *out) MTC_MUST_CHECK;

/*
 * mtc_fields_check_extensions checks the contents of an Extensions SEQUENCE: one or more, strict
 * DER, none twice.
 */
mtc_status mtc_fields_check_extensions(struct mtc_span contents,
                                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fields_find_extension finds an extension by its OBJECT IDENTIFIER (whole TLV).
 */
bool mtc_fields_find_extension(struct mtc_span contents, struct mtc_span oid,
                               struct mtc_extension *out) MTC_MUST_CHECK;

#endif
