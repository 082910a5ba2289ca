#include "sign/latency.h"

/* Four buckets for every power of two, so that a percentile is right to a quarter. */
static unsigned bucket_of(uint64_t us) {
  unsigned power = 2;
  if (us < 4) return (unsigned)us;
  while (us >> (power + 1))
    power++;
  unsigned bucket = 4 * (power - 1) + (unsigned)(us >> (power - 2) & 3);
  return bucket < MTC_LATENCY_BUCKETS ? bucket : MTC_LATENCY_BUCKETS - 1;
}

uint64_t mtc_latency_bucket_end_us(unsigned bucket) {
  if (bucket < 4) return bucket + 1;
  return (UINT64_C(4) + bucket % 4 + 1) << (bucket / 4 - 1);
}

void mtc_latency_add(struct mtc_latency *latency, int64_t duration_us) {
  uint64_t us = duration_us > 0 ? (uint64_t)duration_us : 0;
  latency->counts[bucket_of(us)]++;
  latency->num++;
  latency->sum_us += us;
  if (us > latency->max_us) latency->max_us = us;
}

uint64_t mtc_latency_percentile_us(const struct mtc_latency *latency, unsigned per_mille) {
  uint64_t wanted = (latency->num * per_mille + 999) / 1000, so_far = 0;
  if (!latency->num) return 0;
  for (unsigned i = 0; i < MTC_LATENCY_BUCKETS; i++) {
    so_far += latency->counts[i];
    if (so_far >= wanted && latency->counts[i]) {
      uint64_t end_us = mtc_latency_bucket_end_us(i);
      bool is_last = i == MTC_LATENCY_BUCKETS - 1; /* it has no end */
      return end_us < latency->max_us && !is_last ? end_us : latency->max_us;
    }
  }
  return latency->max_us;
}
