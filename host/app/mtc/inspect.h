/* mtc inspect: a describer per kind of file. Each writes text and says INPUT when it is not one. */
#ifndef MTC_APP_MTC_INSPECT_H
#define MTC_APP_MTC_INSPECT_H

#include "mtc/entry.h"
#include "mtc/proof.h"

/*
 * Each describes `file` in lines of text appended to `out`.
 *
 * Errors:   INPUT with what is wrong, when the file is not of that kind.
 */
mtc_status inspect_certificate(const struct mtc_wire *wire, struct mtc_span der,
                               struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_mtcproof(const struct mtc_wire *wire, struct mtc_span octets,
                            struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_bundle(const struct mtc_wire *wire, struct mtc_span octets,
                          struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_checkpoint(const struct mtc_wire *wire, struct mtc_span text,
                              struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_landmarks(const struct mtc_wire *wire, struct mtc_span text,
                             struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_properties(const struct mtc_wire *wire, struct mtc_span octets,
                              struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

#endif
