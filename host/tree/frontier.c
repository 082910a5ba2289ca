#include <assert.h>

#include "mtc/tree.h"

void mtc_frontier_append(struct mtc_frontier *frontier, const struct mtc_hash *leaf_hash) {
  assert(frontier->tree_size < UINT64_C(1) << 63);
  struct mtc_hash hash = *leaf_hash;
  unsigned level = 0;
  for (; frontier->tree_size >> level & 1; level++)
    mtc_hash_node(&frontier->peaks[level], &hash, &hash);
  frontier->peaks[level] = hash;
  frontier->tree_size++;
}

void mtc_frontier_root(const struct mtc_frontier *frontier, struct mtc_hash *out) {
  uint64_t rest = frontier->tree_size;
  if (rest == 0) {
    mtc_hash_message(mtc_span_of(NULL, 0), out);
    return;
  }
  struct mtc_hash hash = frontier->peaks[__builtin_ctzll(rest)];
  for (rest &= rest - 1; rest; rest &= rest - 1)
    mtc_hash_node(&frontier->peaks[__builtin_ctzll(rest)], &hash, &hash);
  *out = hash;
}

mtc_status mtc_frontier_load(const struct mtc_node_source *source, uint64_t tree_size,
                             struct mtc_frontier *out) {
  struct mtc_frontier frontier = {.tree_size = tree_size};
  for (uint64_t rest = tree_size; rest; rest &= rest - 1) {
    unsigned level = (unsigned)__builtin_ctzll(rest);
    mtc_status status =
        source->read_node(source->context, level, (tree_size >> level) - 1, &frontier.peaks[level]);
    if (status) return status;
  }
  *out = frontier;
  return MTC_OK;
}
