#include <string.h>

#include "hash/hasher.h"
#include "mtc/runtime.h"

mtc_status mtc_hash_result_alloc(struct mtc_hash_result *out, uint64_t start, uint64_t end) {
  memset(out, 0, sizeof *out);
  if (end <= start || end - start > MTC_MAX_BATCH || end > (UINT64_C(1) << 48) - 1)
    return MTC_INPUT;
  size_t total = 0;
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    out->first[level] = start >> level;
    out->num_nodes[level] = (size_t)((end >> level) - (start >> level));
    total += out->num_nodes[level];
  }
  out->storage = mtc_alloc(total, sizeof *out->storage);
  if (!out->storage) {
    memset(out, 0, sizeof *out);
    return MTC_NOMEM;
  }
  out->start = start;
  out->end = end;
  size_t used = 0;
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    out->nodes[level] = out->storage + used;
    used += out->num_nodes[level];
  }
  return MTC_OK;
}

void mtc_hash_result_free(struct mtc_hash_result *result) {
  mtc_free(result->storage);
  memset(result, 0, sizeof *result);
}

size_t mtc_hash_interior(const struct mtc_frontier *frontier, unsigned first_level,
                         struct mtc_hash_result *out) {
  size_t num_hashed = 0;
  for (unsigned level = first_level; level < MTC_LEVELS; level++) {
    uint64_t first_below = out->first[level - 1];
    const struct mtc_hash *below = out->nodes[level - 1];
    for (size_t i = 0; i < out->num_nodes[level]; i++) {
      uint64_t left = 2 * (out->first[level] + i);
      /* Only the first node's left child can lie before the batch: then it is a peak. */
      const struct mtc_hash *left_hash =
          left < first_below ? &frontier->peaks[level - 1] : &below[left - first_below];
      mtc_hash_node(left_hash, &below[left + 1 - first_below], &out->nodes[level][i]);
      num_hashed++;
    }
  }
  return num_hashed;
}
