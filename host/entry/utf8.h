/* UTF-8, strictly (RFC 3629). Private to the library and its programs. */
#ifndef MTC_ENTRY_UTF8_H
#define MTC_ENTRY_UTF8_H

#include "mtc/bytes.h"

/*
 * mtc_utf8_next reads one scalar value: no overlong form, no surrogate, at most U+10FFFF.
 *
 * Errors:   false, nothing consumed.
 */
bool mtc_utf8_next(struct mtc_reader *reader, uint32_t *out) MTC_MUST_CHECK;

/*
 * mtc_utf8_is tells whether all of `text` is UTF-8.
 */
bool mtc_utf8_is(struct mtc_span text) MTC_MUST_CHECK;

#endif
