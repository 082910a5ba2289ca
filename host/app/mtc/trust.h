/* Landmarks and subtree files: what a relying party predistributes. */
#ifndef MTC_APP_MTC_TRUST_H
#define MTC_APP_MTC_TRUST_H

#include "mtc/verify.h"

/*
 * trust_load trusts those subtrees of `subtrees` (a file of "CA-ID LOG START END base64" lines)
 * that belong to a landmark active at now_s of one of the landmarks files ("CA-ID:LOG:FILE").
 *
 * Errors:   INPUT with file and line; IO.
 */
mtc_status trust_load(struct mtc_verifier *verifier, const struct mtc_wire *wire,
                      const char *const *landmarks, size_t num_landmarks, const char *subtrees,
                      int64_t now_s, struct mtc_error *error) MTC_MUST_CHECK;

#endif
