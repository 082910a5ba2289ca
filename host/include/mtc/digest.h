/* SHA-256 as the tree uses it (RFC 9162, "Merkle Trees"): whole messages, leaves, nodes. */
#ifndef MTC_DIGEST_H
#define MTC_DIGEST_H

#include "mtc/bytes.h"

#define MTC_HASH_LEN 32

struct mtc_hash {
  uint8_t bytes[MTC_HASH_LEN];
};

/*
 * mtc_hash_message computes SHA-256 of `message`.
 *
 * Threads:  any. Aborts the process when libcrypto has no SHA-256: nothing could work then.
 */
void mtc_hash_message(struct mtc_span message, struct mtc_hash *out);

/*
 * mtc_hash_parts computes SHA-256 of the concatenation of `num_parts` spans.
 */
void mtc_hash_parts(const struct mtc_span *parts, size_t num_parts, struct mtc_hash *out);

/*
 * mtc_hash_leaf computes SHA-256(0x00 || entry).
 *
 * Source:   RFC 9162, "Merkle Tree Hash"
 */
void mtc_hash_leaf(struct mtc_span entry, struct mtc_hash *out);

/*
 * mtc_hash_node computes SHA-256(0x01 || left || right); `out` may alias either child.
 *
 * Source:   RFC 9162, "Merkle Tree Hash"
 */
void mtc_hash_node(const struct mtc_hash *left, const struct mtc_hash *right, struct mtc_hash *out);

/*
 * mtc_hash_equal compares two hashes.
 */
bool mtc_hash_equal(const struct mtc_hash *a, const struct mtc_hash *b);

#endif
