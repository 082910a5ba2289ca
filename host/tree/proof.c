#include "mtc/tree.h"

/* The largest power of two below `size`, as an exponent. Requires: size >= 2. */
static unsigned split_level(uint64_t size) {
  return 63u - (unsigned)__builtin_clzll(size - 1);
}

mtc_status mtc_tree_hash(const struct mtc_node_source *source, struct mtc_subtree subtree,
                         struct mtc_hash *out) {
  if (!mtc_subtree_is_valid(subtree)) return MTC_INPUT;
  uint64_t size = subtree.end - subtree.start;
  if (size == 0) {
    mtc_hash_message(mtc_span_of(NULL, 0), out);
    return MTC_OK;
  }
  if ((size & (size - 1)) == 0) {
    unsigned level = (unsigned)__builtin_ctzll(size);
    return source->read_node(source->context, level, subtree.start >> level, out);
  }
  unsigned level = split_level(size);
  uint64_t mid = subtree.start + (UINT64_C(1) << level);
  struct mtc_hash left, right;
  mtc_status status = source->read_node(source->context, level, subtree.start >> level, &left);
  if (!status) status = mtc_tree_hash(source, (struct mtc_subtree){mid, subtree.end}, &right);
  if (!status) mtc_hash_node(&left, &right, out);
  return status;
}

/* Descending collects siblings root to leaf; a proof lists them leaf to root. */
static void reverse(struct mtc_proof *proof) {
  for (size_t i = 0; i < proof->num_hashes / 2; i++) {
    struct mtc_hash *other = &proof->hashes[proof->num_hashes - 1 - i], swap = *other;
    *other = proof->hashes[i];
    proof->hashes[i] = swap;
  }
}

mtc_status mtc_tree_prove(const struct mtc_node_source *source, uint64_t index,
                          struct mtc_subtree range, struct mtc_proof *out) {
  if (!mtc_subtree_is_valid(range) || !mtc_subtree_contains(range, index)) return MTC_INPUT;
  struct mtc_proof proof = {0};
  while (range.end - range.start > 1) {
    uint64_t mid = range.start + (UINT64_C(1) << split_level(range.end - range.start));
    struct mtc_subtree left = {range.start, mid}, right = {mid, range.end};
    bool goes_left = index < mid;
    mtc_status status =
        mtc_tree_hash(source, goes_left ? right : left, &proof.hashes[proof.num_hashes++]);
    if (status) return status;
    range = goes_left ? left : right;
  }
  reverse(&proof);
  *out = proof;
  return MTC_OK;
}

mtc_status mtc_proof_evaluate(uint64_t index, struct mtc_subtree range,
                              const struct mtc_hash *entry_hash, const struct mtc_hash *hashes,
                              size_t num_hashes, struct mtc_hash *out) {
  if (!mtc_subtree_is_valid(range) || !mtc_subtree_contains(range, index)) return MTC_INPUT;
  uint64_t first = index - range.start, last = range.end - range.start - 1;
  struct mtc_hash hash = *entry_hash;
  for (size_t i = 0; i < num_hashes; i++) {
    if (last == 0) return MTC_INPUT;
    if ((first & 1) || first == last) {
      mtc_hash_node(&hashes[i], &hash, &hash);
      while (first && !(first & 1)) {
        first >>= 1;
        last >>= 1;
      }
    } else {
      mtc_hash_node(&hash, &hashes[i], &hash);
    }
    first >>= 1;
    last >>= 1;
  }
  if (last != 0) return MTC_INPUT;
  *out = hash;
  return MTC_OK;
}

mtc_status mtc_tree_prove_consistency(const struct mtc_node_source *source,
                                      struct mtc_subtree subtree, uint64_t tree_size,
                                      struct mtc_proof *out) {
  if (!mtc_subtree_is_valid(subtree) || subtree.end > tree_size) return MTC_INPUT;
  struct mtc_proof proof = {0};
  struct mtc_subtree tree = {0, tree_size}, wanted = subtree;
  bool is_known = true; /* the verifier already holds the hash of what is left of `wanted` */
  if (subtree.start == subtree.end) {
    *out = proof;
    return MTC_OK;
  }
  while (wanted.start != tree.start || wanted.end != tree.end) {
    uint64_t mid = tree.start + (UINT64_C(1) << split_level(tree.end - tree.start));
    struct mtc_subtree left = {tree.start, mid}, right = {mid, tree.end};
    bool goes_left = wanted.end <= mid;
    if (!goes_left && wanted.start < mid) {
      /* `wanted` straddles: its left half is the whole left child, so only the rest is unknown. */
      wanted.start = mid;
      is_known = false;
    }
    mtc_status status =
        mtc_tree_hash(source, goes_left ? right : left, &proof.hashes[proof.num_hashes++]);
    if (status) return status;
    tree = goes_left ? left : right;
  }
  if (!is_known) {
    mtc_status status = mtc_tree_hash(source, tree, &proof.hashes[proof.num_hashes++]);
    if (status) return status;
  }
  reverse(&proof);
  *out = proof;
  return MTC_OK;
}

mtc_status mtc_proof_verify_consistency(struct mtc_subtree subtree, uint64_t tree_size,
                                        const struct mtc_hash *hashes, size_t num_hashes,
                                        const struct mtc_hash *subtree_hash,
                                        const struct mtc_hash *root_hash) {
  if (!mtc_subtree_is_valid(subtree) || subtree.end > tree_size) return MTC_INPUT;
  if (subtree.start == subtree.end) {
    struct mtc_hash empty;
    mtc_hash_message(mtc_span_of(NULL, 0), &empty);
    return num_hashes == 0 && mtc_hash_equal(&empty, subtree_hash) ? MTC_OK : MTC_INPUT;
  }
  uint64_t first = subtree.start, last = subtree.end - 1, tree_last = tree_size - 1;
  bool is_suffix = last == tree_last;
  while (first != last && (is_suffix || (last & 1))) {
    first >>= 1;
    last >>= 1;
    tree_last >>= 1;
  }
  size_t used = 0;
  struct mtc_hash subtree_side = *subtree_hash, tree_side = *subtree_hash;
  if (first != last) {
    if (num_hashes == 0) return MTC_INPUT;
    subtree_side = tree_side = hashes[used++];
  }
  for (; used < num_hashes; used++) {
    if (tree_last == 0) return MTC_INPUT;
    if ((last & 1) || last == tree_last) {
      if (first < last) mtc_hash_node(&hashes[used], &subtree_side, &subtree_side);
      mtc_hash_node(&hashes[used], &tree_side, &tree_side);
      while (last && !(last & 1)) {
        first >>= 1;
        last >>= 1;
        tree_last >>= 1;
      }
    } else {
      mtc_hash_node(&tree_side, &hashes[used], &tree_side);
    }
    first >>= 1;
    last >>= 1;
    tree_last >>= 1;
  }
  bool matches = tree_last == 0 && mtc_hash_equal(&subtree_side, subtree_hash) &&
                 mtc_hash_equal(&tree_side, root_hash);
  return matches ? MTC_OK : MTC_INPUT;
}
