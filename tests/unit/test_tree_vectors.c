/* The draft's accumulated and large vectors, proofs of random trees, tile paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/runtime.h"
#include "mtc/tree.h"

#define MAX_SIZE 5000

static struct mtc_hash leaves[MAX_SIZE];
static struct mtc_hash levels[13][MAX_SIZE];

static mtc_status read_leaf_tree(void *context, unsigned level, uint64_t index,
                                 struct mtc_hash *out) {
  (void)context;
  *out = levels[level][index];
  return MTC_OK;
}

static const struct mtc_node_source source = {read_leaf_tree, NULL};

static void build(uint64_t tree_size) {
  memcpy(levels[0], leaves, sizeof leaves);
  for (unsigned level = 1; tree_size >> level; level++) {
    for (uint64_t i = 0; i < tree_size >> level; i++)
      mtc_hash_node(&levels[level - 1][2 * i], &levels[level - 1][2 * i + 1], &levels[level][i]);
  }
}

static void append_range(struct mtc_bytes *out, struct mtc_subtree range) {
  mtc_bytes_append_format(out, "[%llu, %llu)", (unsigned long long)range.start,
                          (unsigned long long)range.end);
}

static void append_hash(struct mtc_bytes *out, const struct mtc_hash *hash) {
  mtc_bytes_append_text(out, " ");
  mtc_bytes_append_hex(out, mtc_span_of(hash->bytes, sizeof hash->bytes));
}

static void append_proof(struct mtc_bytes *out, const struct mtc_proof *proof) {
  for (size_t i = 0; i < proof->num_hashes; i++)
    append_hash(out, &proof->hashes[i]);
  mtc_bytes_append_text(out, "\n");
}

static void expect_accumulated(const char *form, const char *name, struct mtc_bytes *lines) {
  FILE *file = fopen(MTC_VECTORS "/draft-appendix/accumulated.txt", "r");
  assert_non_null(file);
  char line[256], got_form[16], got_name[32], expected[80];
  bool found = false;
  struct mtc_hash hash;
  struct mtc_bytes hex = {0};
  mtc_hash_message(mtc_span_of_bytes(lines), &hash);
  mtc_bytes_append_hex(&hex, mtc_span_of(hash.bytes, sizeof hash.bytes));
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%15s %31s %79s", got_form, got_name, expected) != 3) continue;
    if (strcmp(got_form, form) != 0 || strcmp(got_name, name) != 0) continue;
    found = true;
    if (!mtc_span_equal(mtc_span_of_bytes(&hex), mtc_span_of_text(expected)))
      fail_msg("%s %s differs", form, name);
  }
  assert_true(found);
  (void)fclose(file);
  mtc_bytes_free(&hex);
  mtc_bytes_free(lines);
}

/* `gap` is the smallest size of a subtree: 1 in the -05 form, 0 later. In the -05 form an interval
 * that is a subtree is covered by itself alone. */
static void check_form(const char *form, uint64_t gap) {
  struct mtc_bytes subtrees = {0}, inclusions = {0}, consistencies = {0}, covers = {0};
  struct mtc_proof proof;
  struct mtc_hash hash;
  for (uint64_t end = gap; end <= 130; end++) {
    for (uint64_t start = 0; start + gap <= end; start++) {
      struct mtc_subtree range = {start, end}, cover[2];
      bool valid = mtc_subtree_is_valid(range);
      mtc_subtree_cover(range, cover);
      append_range(&covers, gap && valid ? range : cover[0]);
      if (!gap || !valid) {
        mtc_bytes_append_text(&covers, " ");
        append_range(&covers, cover[1]);
      }
      mtc_bytes_append_text(&covers, "\n");
      if (!valid) continue;
      assert_int_equal(mtc_tree_hash(&source, range, &hash), MTC_OK);
      append_range(&subtrees, range);
      append_hash(&subtrees, &hash);
      mtc_bytes_append_text(&subtrees, "\n");
      for (uint64_t index = start; index < end; index++) {
        assert_int_equal(mtc_tree_prove(&source, index, range, &proof), MTC_OK);
        mtc_bytes_append_format(&inclusions, "%llu ", (unsigned long long)index);
        append_range(&inclusions, range);
        append_proof(&inclusions, &proof);
      }
    }
  }
  for (uint64_t tree_size = gap; tree_size <= 130; tree_size++) {
    for (uint64_t end = gap; end <= tree_size; end++) {
      for (uint64_t start = 0; start + gap <= end; start++) {
        struct mtc_subtree range = {start, end};
        if (!mtc_subtree_is_valid(range)) continue;
        assert_int_equal(mtc_tree_prove_consistency(&source, range, tree_size, &proof), MTC_OK);
        append_range(&consistencies, range);
        mtc_bytes_append_format(&consistencies, " %llu", (unsigned long long)tree_size);
        append_proof(&consistencies, &proof);
      }
    }
  }
  expect_accumulated(form, "subtree", &subtrees);
  expect_accumulated(form, "inclusion", &inclusions);
  expect_accumulated(form, "consistency", &consistencies);
  expect_accumulated(form, "covering", &covers);
}

static void accumulated_vectors_match(void **state) {
  (void)state;
  for (unsigned i = 0; i < 130; i++) {
    uint8_t byte = (uint8_t)i;
    mtc_hash_leaf(mtc_span_of(&byte, 1), &leaves[i]);
  }
  build(130);
  check_form("06+", 0);
  check_form("05", 1);
}

static void large_subtrees_match(void **state) {
  (void)state;
  char line[256], verdict[16];
  unsigned long long v[6];
  unsigned num = 0;
  FILE *file = fopen(MTC_VECTORS "/draft-appendix/large_validity.txt", "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (line[0] == '#' || sscanf(line, "%llu %llu %15s", &v[0], &v[1], verdict) != 3) continue;
    assert_int_equal(mtc_subtree_is_valid((struct mtc_subtree){v[0], v[1]}),
                     strcmp(verdict, "valid") == 0);
    num++;
  }
  (void)fclose(file);
  assert_true(num >= 12);
  file = fopen(MTC_VECTORS "/draft-appendix/large_covering.txt", "r");
  assert_non_null(file);
  num = 0;
  while (fgets(line, sizeof line, file)) {
    struct mtc_subtree cover[2];
    if (line[0] == '#' || sscanf(line, "%llx %llx %llx %llx %llx %llx", &v[0], &v[1], &v[2], &v[3],
                                 &v[4], &v[5]) != 6)
      continue;
    mtc_subtree_cover((struct mtc_subtree){v[0], v[1]}, cover);
    assert_true(cover[0].start == v[2] && cover[0].end == v[3]);
    assert_true(cover[1].start == v[4] && cover[1].end == v[5]);
    num++;
  }
  (void)fclose(file);
  assert_true(num >= 4);
}

static uint64_t below(uint64_t limit) {
  return (uint64_t)random() % limit;
}

static void flip(struct mtc_proof *proof) {
  size_t bit = below(proof->num_hashes * 256);
  proof->hashes[bit / 256].bytes[bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
}

static void random_trees_prove_themselves(void **state) {
  (void)state;
  srandom(7);
  for (unsigned tree = 0; tree < 200; tree++) {
    uint64_t tree_size = 1 + below(MAX_SIZE);
    struct mtc_frontier frontier = {0}, loaded;
    for (uint64_t i = 0; i < tree_size; i++) {
      mtc_hash_leaf(mtc_span_of(&(uint64_t[]){tree, i}, 16), &leaves[i]);
      mtc_frontier_append(&frontier, &leaves[i]);
    }
    build(tree_size);
    struct mtc_hash root, hash, evaluated;
    mtc_frontier_root(&frontier, &root);
    assert_int_equal(mtc_frontier_load(&source, tree_size, &loaded), MTC_OK);
    mtc_frontier_root(&loaded, &hash);
    assert_true(mtc_hash_equal(&root, &hash));
    for (unsigned i = 0; i < 10; i++) {
      struct mtc_subtree interval, cover[2];
      struct mtc_proof proof;
      interval.start = below(tree_size);
      interval.end = interval.start + 1 + below(tree_size - interval.start);
      mtc_subtree_cover(interval, cover);
      for (unsigned c = 0; c < 2; c++) {
        assert_true(mtc_subtree_is_valid(cover[c]));
        assert_int_equal(mtc_tree_hash(&source, cover[c], &hash), MTC_OK);
        assert_int_equal(mtc_tree_prove_consistency(&source, cover[c], tree_size, &proof), MTC_OK);
        assert_int_equal(mtc_proof_verify_consistency(cover[c], tree_size, proof.hashes,
                                                      proof.num_hashes, &hash, &root),
                         MTC_OK);
        if (proof.num_hashes) {
          flip(&proof);
          assert_int_equal(mtc_proof_verify_consistency(cover[c], tree_size, proof.hashes,
                                                        proof.num_hashes, &hash, &root),
                           MTC_INPUT);
        }
        if (cover[c].start == cover[c].end) continue;
        uint64_t index = cover[c].start + below(cover[c].end - cover[c].start);
        assert_int_equal(mtc_tree_prove(&source, index, cover[c], &proof), MTC_OK);
        assert_int_equal(mtc_proof_evaluate(index, cover[c], &leaves[index], proof.hashes,
                                            proof.num_hashes, &evaluated),
                         MTC_OK);
        assert_true(mtc_hash_equal(&hash, &evaluated));
        if (proof.num_hashes == 0) continue;
        assert_int_equal(mtc_proof_evaluate(index, cover[c], &leaves[index], proof.hashes,
                                            proof.num_hashes - 1, &evaluated),
                         MTC_INPUT);
        flip(&proof);
        assert_int_equal(mtc_proof_evaluate(index, cover[c], &leaves[index], proof.hashes,
                                            proof.num_hashes, &evaluated),
                         MTC_OK);
        assert_false(mtc_hash_equal(&hash, &evaluated));
      }
    }
  }
}

static mtc_status read_tile(void *context, const struct mtc_tile *tile, struct mtc_hash *out) {
  (void)context;
  memcpy(out, &levels[8 * tile->level][tile->index * MTC_TILE_WIDTH], tile->width * sizeof *out);
  return MTC_OK;
}

static void tiles_give_every_node(void **state) {
  (void)state;
  build(MAX_SIZE);
  struct mtc_tile_source tiles = {.read_tile = read_tile, .tree_size = MAX_SIZE};
  struct mtc_hash hash;
  for (unsigned level = 0; level < 13; level++) {
    for (uint64_t i = 0; i < (uint64_t)MAX_SIZE >> level; i++) {
      assert_int_equal(mtc_tile_read_node(&tiles, level, i, &hash), MTC_OK);
      assert_true(mtc_hash_equal(&hash, &levels[level][i]));
    }
    assert_int_equal(mtc_tile_read_node(&tiles, level, (uint64_t)MAX_SIZE >> level, &hash),
                     MTC_INPUT);
  }
  char path[64];
  mtc_tile_path(&(struct mtc_tile){0, 1234067, 256}, false, path);
  assert_string_equal(path, "tile/0/x001/x234/067");
  mtc_tile_path(&(struct mtc_tile){1, 0, 8}, false, path);
  assert_string_equal(path, "tile/1/000.p/8");
  mtc_tile_path(&(struct mtc_tile){0, 8, 74}, true, path);
  assert_string_equal(path, "tile/entries/008.p/74");
  mtc_tile_path(&(struct mtc_tile){7, UINT64_MAX, 255}, false, path);
  assert_string_equal(path, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accumulated_vectors_match),
      cmocka_unit_test(large_subtrees_match),
      cmocka_unit_test(random_trees_prove_themselves),
      cmocka_unit_test(tiles_give_every_node),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
