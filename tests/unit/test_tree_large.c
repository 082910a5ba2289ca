/* The draft's large proof vectors, and proofs of trees as large as an index can say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "mtc/runtime.h"
#include "mtc/tree.h"

static uint64_t number(const json_t *vector, const char *field) {
  const char *text = json_string_value(json_object_get(vector, field));
  assert_non_null(text);
  return strtoull(text, NULL, 10);
}

static void decode(const json_t *vector, const char *field, struct mtc_bytes *out) {
  const char *text = json_string_value(json_object_get(vector, field));
  assert_non_null(text);
  mtc_bytes_clear(out);
  assert_int_equal(mtc_bytes_append_decoded_base64(out, mtc_span_of_text(text)), MTC_OK);
}

static void decode_hash(const json_t *vector, const char *field, struct mtc_hash *out) {
  struct mtc_bytes bytes = {0};
  decode(vector, field, &bytes);
  assert_int_equal(bytes.len, MTC_HASH_LEN);
  memcpy(out->bytes, bytes.data, MTC_HASH_LEN);
  mtc_bytes_free(&bytes);
}

static size_t decode_proof(const json_t *vector, struct mtc_hash out[MTC_PROOF_MAX_HASHES]) {
  struct mtc_bytes bytes = {0};
  decode(vector, "Proof", &bytes);
  assert_int_equal(bytes.len % MTC_HASH_LEN, 0);
  assert_true(bytes.len <= MTC_PROOF_MAX_HASHES * MTC_HASH_LEN);
  if (bytes.len) memcpy(out, bytes.data, bytes.len);
  size_t num_hashes = bytes.len / MTC_HASH_LEN;
  mtc_bytes_free(&bytes);
  return num_hashes;
}

static void large_inclusion_proofs(void **state) {
  (void)state;
  json_t *vectors =
      json_load_file(MTC_VECTORS "/draft-appendix/large_inclusion_proofs.json", 0, NULL);
  assert_non_null(vectors);
  assert_int_equal(json_array_size(vectors), 24);
  size_t i;
  json_t *vector;
  json_array_foreach(vectors, i, vector) {
    struct mtc_subtree range = {number(vector, "Start"), number(vector, "End")};
    uint64_t index = number(vector, "Index");
    struct mtc_hash entry, expected, got, hashes[MTC_PROOF_MAX_HASHES];
    decode_hash(vector, "EntryHash", &entry);
    decode_hash(vector, "SubtreeHash", &expected);
    size_t num_hashes = decode_proof(vector, hashes);
    assert_int_equal(mtc_proof_evaluate(index, range, &entry, hashes, num_hashes, &got), MTC_OK);
    assert_true(mtc_hash_equal(&got, &expected));
    if (num_hashes == 0) continue;
    assert_int_equal(mtc_proof_evaluate(index, range, &entry, hashes, num_hashes - 1, &got),
                     MTC_INPUT);
    hashes[num_hashes / 2].bytes[7] ^= 1;
    assert_int_equal(mtc_proof_evaluate(index, range, &entry, hashes, num_hashes, &got), MTC_OK);
    assert_false(mtc_hash_equal(&got, &expected));
  }
  json_decref(vectors);
}

static void large_consistency_proofs(void **state) {
  (void)state;
  json_t *vectors =
      json_load_file(MTC_VECTORS "/draft-appendix/large_consistency_proofs.json", 0, NULL);
  assert_non_null(vectors);
  assert_int_equal(json_array_size(vectors), 21);
  size_t i;
  json_t *vector;
  json_array_foreach(vectors, i, vector) {
    struct mtc_subtree range = {number(vector, "Start"), number(vector, "End")};
    uint64_t tree_size = number(vector, "TreeSize");
    struct mtc_hash subtree, root, hashes[MTC_PROOF_MAX_HASHES];
    decode_hash(vector, "SubtreeHash", &subtree);
    decode_hash(vector, "TreeHash", &root);
    size_t num_hashes = decode_proof(vector, hashes);
    assert_int_equal(
        mtc_proof_verify_consistency(range, tree_size, hashes, num_hashes, &subtree, &root),
        MTC_OK);
    if (num_hashes == 0) continue;
    assert_int_equal(
        mtc_proof_verify_consistency(range, tree_size, hashes, num_hashes - 1, &subtree, &root),
        MTC_INPUT);
    hashes[num_hashes / 2].bytes[7] ^= 1;
    assert_int_equal(
        mtc_proof_verify_consistency(range, tree_size, hashes, num_hashes, &subtree, &root),
        MTC_INPUT);
  }
  json_decref(vectors);
}

/* All entries alike, so that a node's hash depends on its level alone. */
static mtc_status read_uniform(void *context, unsigned level, uint64_t index,
                               struct mtc_hash *out) {
  (void)context;
  (void)index;
  struct mtc_hash hash;
  mtc_hash_leaf(mtc_span_of_text("x"), &hash);
  for (unsigned i = 0; i < level; i++)
    mtc_hash_node(&hash, &hash, &hash);
  *out = hash;
  return MTC_OK;
}

static const struct mtc_node_source uniform = {read_uniform, NULL};

/* The longest proofs there are: a subtree deep in the largest tree that a size can say. */
static void proofs_at_the_limit(void **state) {
  (void)state;
  const uint64_t tree_sizes[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
                                 (UINT64_C(1) << 63) + 1};
  size_t longest = 0;
  for (size_t i = 0; i < sizeof tree_sizes / sizeof *tree_sizes; i++) {
    struct mtc_hash root;
    uint64_t size = tree_sizes[i];
    assert_int_equal(mtc_tree_hash(&uniform, (struct mtc_subtree){0, size}, &root), MTC_OK);
    const struct mtc_subtree ranges[] = {{0, 1},  {0, 3},           {0, 5},        {2, 3},   {4, 7},
                                         {8, 13}, {size - 1, size}, {0, size - 1}, {0, size}};
    for (size_t j = 0; j < sizeof ranges / sizeof *ranges; j++) {
      struct mtc_proof proof;
      struct mtc_hash hash;
      assert_int_equal(mtc_tree_hash(&uniform, ranges[j], &hash), MTC_OK);
      assert_int_equal(mtc_tree_prove_consistency(&uniform, ranges[j], size, &proof), MTC_OK);
      assert_int_equal(mtc_proof_verify_consistency(ranges[j], size, proof.hashes, proof.num_hashes,
                                                    &hash, &root),
                       MTC_OK);
      if (proof.num_hashes > longest) longest = proof.num_hashes;
    }
  }
  assert_int_equal(longest, MTC_PROOF_MAX_HASHES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(large_inclusion_proofs),
      cmocka_unit_test(large_consistency_proofs),
      cmocka_unit_test(proofs_at_the_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
