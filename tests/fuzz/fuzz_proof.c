/* Proofs: invented ones lead nowhere or to one length only; made ones verify, changed ones do not.
 *
 *   u64 index | u64 start | u64 end | u64 tree size | 32-byte hashes
 */
#include "fuzz/fuzz.h"
#include "mtc/tree.h"

#define MAX_LEAVES 64

static struct mtc_hash hash_of(uint64_t value) {
  struct mtc_hash hash;
  mtc_hash_message(mtc_span_of(&value, sizeof value), &hash);
  return hash;
}

static mtc_status read_node(void *context, unsigned level, uint64_t index, struct mtc_hash *out) {
  const uint64_t *tree_size = context;
  assert((index + 1) << level <= *tree_size);
  if (level == 0) {
    *out = hash_of(index);
    return MTC_OK;
  }
  struct mtc_hash left, right;
  mtc_status status = read_node(context, level - 1, 2 * index, &left);
  if (!status) status = read_node(context, level - 1, 2 * index + 1, &right);
  if (!status) mtc_hash_node(&left, &right, out);
  return status;
}

/* Proofs of a small tree, then with one bit of one hash changed. */
static void check_made(uint64_t index, struct mtc_subtree range, uint64_t tree_size) {
  const struct mtc_node_source source = {read_node, &tree_size};
  struct mtc_proof proof;
  struct mtc_hash subtree_hash, root, result, leaf = hash_of(index);
  assert(mtc_tree_hash(&source, (struct mtc_subtree){0, tree_size}, &root) == MTC_OK);
  if (range.end > tree_size || mtc_tree_hash(&source, range, &subtree_hash)) return;
  if (mtc_tree_prove(&source, index, range, &proof) == MTC_OK) {
    assert(mtc_proof_evaluate(index, range, &leaf, proof.hashes, proof.num_hashes, &result) ==
           MTC_OK);
    assert(mtc_hash_equal(&result, &subtree_hash));
    if (proof.num_hashes) {
      proof.hashes[index % proof.num_hashes].bytes[index % MTC_HASH_LEN] ^= 1;
      assert(mtc_proof_evaluate(index, range, &leaf, proof.hashes, proof.num_hashes, &result) ==
             MTC_OK);
      assert(!mtc_hash_equal(&result, &subtree_hash));
    }
  } else {
    assert(!mtc_subtree_contains(range, index));
  }
  assert(mtc_tree_prove_consistency(&source, range, tree_size, &proof) == MTC_OK);
  assert(mtc_proof_verify_consistency(range, tree_size, proof.hashes, proof.num_hashes,
                                      &subtree_hash, &root) == MTC_OK);
  if (!proof.num_hashes) return;
  proof.hashes[index % proof.num_hashes].bytes[index % MTC_HASH_LEN] ^= 1;
  assert(mtc_proof_verify_consistency(range, tree_size, proof.hashes, proof.num_hashes,
                                      &subtree_hash, &root) == MTC_INPUT);
}

static void check_invented(uint64_t index, struct mtc_subtree range, uint64_t tree_size,
                           const struct mtc_hash *hashes, size_t num_hashes) {
  struct mtc_hash result, same, leaf = hash_of(index);
  mtc_status status = mtc_proof_evaluate(index, range, &leaf, hashes, num_hashes, &result);
  assert(status == MTC_OK || status == MTC_INPUT);
  if (!status) {
    assert(mtc_subtree_is_valid(range) && mtc_subtree_contains(range, index));
    assert(num_hashes <= 64);
    assert(mtc_proof_evaluate(index, range, &leaf, hashes, num_hashes, &same) == MTC_OK);
    assert(mtc_hash_equal(&result, &same));
    if (num_hashes) {
      assert(mtc_proof_evaluate(index, range, &leaf, hashes, num_hashes - 1, &same) == MTC_INPUT);
    }
    /* As the tree of exactly that subtree it is consistent without a proof, and only then. */
    assert(mtc_proof_verify_consistency((struct mtc_subtree){0, range.end - range.start},
                                        range.end - range.start, hashes, 0, &result,
                                        &result) == MTC_OK);
  }
  status = mtc_proof_verify_consistency(range, tree_size, hashes, num_hashes, &leaf, &leaf);
  assert(status == MTC_OK || status == MTC_INPUT);
  /* Nobody finds hashes that lead back to where they began. */
  if (!status) assert(num_hashes == 0 && range.start == 0 && range.end == tree_size);
}

static void check_cover(struct mtc_subtree interval) {
  struct mtc_subtree cover[2];
  if (interval.start > interval.end) return;
  mtc_subtree_cover(interval, cover);
  assert(mtc_subtree_is_valid(cover[0]) && mtc_subtree_is_valid(cover[1]));
  if (interval.start == interval.end) return;
  assert(cover[0].start <= interval.start);
  if (cover[1].start < cover[1].end) {
    assert(cover[0].end == cover[1].start && cover[1].end == interval.end);
  } else {
    assert(cover[0].end == interval.end);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of(data, len));
  uint64_t index = take_uint(&reader, 8);
  struct mtc_subtree range = {take_uint(&reader, 8), 0};
  range.end = take_uint(&reader, 8);
  uint64_t tree_size = take_uint(&reader, 8);
  check_invented(index, range, tree_size, (const struct mtc_hash *)(const void *)reader.data,
                 reader.len / MTC_HASH_LEN);
  check_cover(range);
  uint64_t small = 1 + tree_size % MAX_LEAVES;
  check_made(index % small, range, small);
  check_made(index % small, (struct mtc_subtree){range.start % small, 1 + range.end % small},
             small);
  return 0;
}
