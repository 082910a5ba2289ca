/* How long something took, as counts in buckets: percentiles without keeping every value. */
#ifndef MTC_SIGN_LATENCY_H
#define MTC_SIGN_LATENCY_H

#include "mtc/sign.h"

/*
 * mtc_latency_add counts a duration.
 */
void mtc_latency_add(struct mtc_latency *latency, int64_t duration_us);

#endif
