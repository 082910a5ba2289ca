#include "mtc/tree.h"

#include <assert.h>

/* Number of bits needed to write `value`. */
static unsigned bit_length(uint64_t value) {
  return value ? 64u - (unsigned)__builtin_clzll(value) : 0;
}

static uint64_t low_bits(unsigned count) {
  return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

bool mtc_subtree_is_valid(struct mtc_subtree subtree) {
  if (subtree.start > subtree.end) return false;
  uint64_t size = subtree.end - subtree.start;
  if (size <= 1) return true;
  /* BIT_CEIL(size) = 2^bits, which does not fit for sizes above 2^63: only start 0 is left then. */
  return (subtree.start & low_bits(bit_length(size - 1))) == 0;
}

bool mtc_subtree_contains(struct mtc_subtree subtree, uint64_t index) {
  return subtree.start <= index && index < subtree.end;
}

void mtc_subtree_cover(struct mtc_subtree interval, struct mtc_subtree out_cover[2]) {
  uint64_t start = interval.start, end = interval.end;
  assert(start <= end);
  if (end - start <= 1) {
    out_cover[0] = interval;
    out_cover[1] = (struct mtc_subtree){end, end};
    return;
  }
  /* The paths of the first and the last entry part at the highest bit in which they differ. */
  uint64_t last = end - 1;
  uint64_t below_split = low_bits(bit_length(start ^ last) - 1);
  uint64_t mid = last & ~below_split;
  uint64_t left = start & ~low_bits(bit_length(~start & below_split));
  out_cover[0] = (struct mtc_subtree){left, mid};
  out_cover[1] = (struct mtc_subtree){mid, end};
}
