/* mtc inspect: a describer per kind of file. Each writes text and JSON, and says INPUT when it is
 * not one. */
#ifndef MTC_APP_MTC_INSPECT_H
#define MTC_APP_MTC_INSPECT_H

#include <jansson.h>

#include "mtc/entry.h"
#include "mtc/proof.h"

/* What was found, twice: lines for people, an object per thing for programs. */
struct inspection {
  struct mtc_bytes text; /* `failed` also when an object is missing */
  json_t *objects;       /* array */
};

/*
 * inspection_add takes an object that was made; NULL is noted as out of memory.
 */
void inspection_add(struct inspection *out, json_t *object);

/*
 * inspection_hex makes a JSON string of hexadecimal digits; NULL when out of memory.
 */
json_t *inspection_hex(struct mtc_span octets);

/*
 * Each describes `file`: lines of text and one object.
 *
 * Errors:   INPUT with what is wrong, when the file is not of that kind.
 */
mtc_status inspect_certificate(const struct mtc_wire *wire, struct mtc_span der,
                               struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_mtcproof(const struct mtc_wire *wire, struct mtc_span octets,
                            struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_bundle(const struct mtc_wire *wire, struct mtc_span octets,
                          struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_checkpoint(const struct mtc_wire *wire, struct mtc_span text,
                              struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_landmarks(const struct mtc_wire *wire, struct mtc_span text,
                             struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;
mtc_status inspect_properties(const struct mtc_wire *wire, struct mtc_span octets,
                              struct inspection *out, struct mtc_error *error) MTC_MUST_CHECK;

#endif
