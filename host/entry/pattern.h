/* Trust anchor ID patterns as text; shared by pattern.c and properties.c. */
#ifndef MTC_ENTRY_PATTERN_H
#define MTC_ENTRY_PATTERN_H

#include "mtc/bytes.h"

/*
 * mtc_pattern_append_text appends a pattern as text, "32473.{123-456}.{789-}".
 *
 * Errors:   INPUT: truncated, a component not minimal, infinity as minimum, a maximum below its
 *           minimum; text may have been appended.
 * Source:   tls-trust-anchor-ids, "Trust Anchor ID Patterns"
 */
mtc_status mtc_pattern_append_text(struct mtc_span pattern, struct mtc_bytes *out) MTC_MUST_CHECK;

#endif
