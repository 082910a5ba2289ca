/* The Merkle tree: subtrees, proofs, the frontier and tiles. Pure computation, no storage. */
#ifndef MTC_TREE_H
#define MTC_TREE_H

#include "mtc/digest.h"

#define MTC_PROOF_MAX_HASHES 65 /* 64 levels of descent, and the subtree itself */
#define MTC_TILE_HEIGHT 8
#define MTC_TILE_WIDTH 256

/* The half-open interval [start, end) of entries. */
struct mtc_subtree {
  uint64_t start;
  uint64_t end;
};

/* Hashes of a proof, leaf to root. */
struct mtc_proof {
  size_t num_hashes;
  struct mtc_hash hashes[MTC_PROOF_MAX_HASHES];
};

/*
 * A source of complete nodes: node `index` of `level` is the hash of the full subtree
 * [index << level, (index + 1) << level). Level 0 is leaf hashes.
 */
struct mtc_node_source {
  mtc_status (*read_node)(void *context, unsigned level, uint64_t index, struct mtc_hash *out);
  void *context;
};

/*
 * mtc_subtree_is_valid tells whether [start, end) is a subtree: start <= end and start a multiple
 * of BIT_CEIL(end - start).
 *
 * Source:   merkle-tree-certs, "Definition of a Subtree"; any values up to 2^64-1.
 */
bool mtc_subtree_is_valid(struct mtc_subtree subtree);

/*
 * mtc_subtree_contains tells whether start <= index < end.
 */
bool mtc_subtree_contains(struct mtc_subtree subtree, uint64_t index);

/*
 * mtc_subtree_cover finds the two subtrees that cover `interval`; the second, or both, may be
 * empty.
 *
 * Requires: interval.start <= interval.end.
 * Source:   merkle-tree-certs, "Selecting Two Subtrees"
 */
void mtc_subtree_cover(struct mtc_subtree interval, struct mtc_subtree out_cover[2]);

/*
 * mtc_tree_hash computes the hash of the valid subtree `subtree`; an empty one is SHA-256("").
 *
 * Requires: every complete node inside `subtree` can be read from `source`.
 * Errors:   INPUT for an invalid subtree; whatever `source` returns.
 */
mtc_status mtc_tree_hash(const struct mtc_node_source *source, struct mtc_subtree subtree,
                         struct mtc_hash *out) MTC_MUST_CHECK;

/*
 * mtc_tree_prove writes the inclusion proof of `index` within `range` to `out`.
 *
 * Requires: complete nodes inside `range` can be read from `source`.
 * Output:   out->num_hashes in 0..65, ordered leaf to root.
 * Errors:   INPUT (invalid subtree, or index outside it); whatever `source` returns.
 * Source:   merkle-tree-certs, "Subtree Inclusion Proofs"
 */
mtc_status mtc_tree_prove(const struct mtc_node_source *source, uint64_t index,
                          struct mtc_subtree range, struct mtc_proof *out) MTC_MUST_CHECK;

/*
 * mtc_tree_prove_consistency writes the proof that `subtree` is consistent with the tree of
 * `tree_size` entries.
 *
 * Output:   empty for an empty subtree.
 * Errors:   INPUT (invalid subtree, or end > tree_size); whatever `source` returns.
 * Source:   merkle-tree-certs, "Generating a Subtree Consistency Proof"
 */
mtc_status mtc_tree_prove_consistency(const struct mtc_node_source *source,
                                      struct mtc_subtree subtree, uint64_t tree_size,
                                      struct mtc_proof *out) MTC_MUST_CHECK;

/*
 * mtc_proof_evaluate computes the subtree hash that an inclusion proof of `num_hashes` 32-byte
 * hashes at `hashes` leads to.
 *
 * Errors:   INPUT (invalid subtree, index outside, proof too short or too long).
 * Source:   merkle-tree-certs, "Evaluating a Subtree Inclusion Proof"
 */
mtc_status mtc_proof_evaluate(uint64_t index, struct mtc_subtree range,
                              const struct mtc_hash *entry_hash, const struct mtc_hash *hashes,
                              size_t num_hashes, struct mtc_hash *out) MTC_MUST_CHECK;

/*
 * mtc_proof_verify_consistency checks a subtree consistency proof against both hashes.
 *
 * Errors:   INPUT when it does not verify.
 * Source:   merkle-tree-certs, "Verifying a Subtree Consistency Proof"
 */
mtc_status mtc_proof_verify_consistency(struct mtc_subtree subtree, uint64_t tree_size,
                                        const struct mtc_hash *hashes, size_t num_hashes,
                                        const struct mtc_hash *subtree_hash,
                                        const struct mtc_hash *root_hash) MTC_MUST_CHECK;

/*
 * The right edge of a tree: peaks[level] is the complete node of that level where bit `level` of
 * tree_size is set. Zeroed is the empty tree.
 */
struct mtc_frontier {
  uint64_t tree_size;
  struct mtc_hash peaks[64];
};

/*
 * mtc_frontier_append adds a leaf hash.
 *
 * Requires: tree_size < 2^63.
 */
void mtc_frontier_append(struct mtc_frontier *frontier, const struct mtc_hash *leaf_hash);

/*
 * mtc_frontier_root computes the root of the whole tree; the empty tree's is SHA-256("").
 */
void mtc_frontier_root(const struct mtc_frontier *frontier, struct mtc_hash *out);

/*
 * mtc_frontier_load reads the frontier of a tree of `tree_size` entries.
 *
 * Errors:   whatever `source` returns.
 */
mtc_status mtc_frontier_load(const struct mtc_node_source *source, uint64_t tree_size,
                             struct mtc_frontier *out) MTC_MUST_CHECK;

/* One tile: up to 256 hashes of tree level 8 * level, from node 256 * index on. */
struct mtc_tile {
  unsigned level; /* 0..7 */
  uint64_t index;
  unsigned width; /* 1..256; less than 256 is a partial tile */
};

/*
 * mtc_tile_path writes "tile/<level>/<index>[.p/<width>]" as tlog-tiles encodes it, or with
 * `entries` set "tile/entries/<index>[.p/<width>]" (level ignored).
 *
 * Output:   zero-terminated, at most 63 bytes.
 * Source:   c2sp.org/tlog-tiles, "Merkle Tree", "Log Entries"
 */
void mtc_tile_path(const struct mtc_tile *tile, bool entries, char out_path[64]);

/*
 * mtc_tile_width tells how many hashes tile (`level`, `index`) holds in a tree of `tree_size`
 * entries: 0..256.
 */
unsigned mtc_tile_width(unsigned level, uint64_t index, uint64_t tree_size);

/*
 * mtc_tile_node computes the complete node `height` levels (0..8) above the tile's hashes,
 * number `offset` within the tile.
 *
 * Requires: `hashes` holds the tile's `width` hashes.
 * Errors:   INPUT when the tile does not hold all hashes below that node.
 */
mtc_status mtc_tile_node(const struct mtc_hash *hashes, unsigned width, unsigned height,
                         unsigned offset, struct mtc_hash *out) MTC_MUST_CHECK;

/*
 * A reader of tiles. read_tile writes the first `tile->width` hashes of the tile. read_node, which
 * may be NULL, is for a source that keeps the nodes between a tile's hashes: it writes what
 * mtc_tile_node would make of them.
 */
struct mtc_tile_source {
  mtc_status (*read_tile)(void *context, const struct mtc_tile *tile, struct mtc_hash *out_hashes);
  void *context;
  uint64_t tree_size;
  mtc_status (*read_node)(void *context, const struct mtc_tile *tile, unsigned height,
                          unsigned offset, struct mtc_hash *out);
};

/*
 * mtc_tile_read_node is a mtc_node_source.read_node over a mtc_tile_source (pass its address as
 * the node source's context): it asks for the tile that holds the node, at the width that
 * `tree_size` gives.
 *
 * Errors:   INPUT when the node is not complete at tree_size; whatever the source returns.
 */
mtc_status mtc_tile_read_node(void *tile_source, unsigned level, uint64_t index,
                              struct mtc_hash *out) MTC_MUST_CHECK;

#endif
