/* What 40 batches of any size leave: tiles, entries, subtrees and signatures, all readable. */
#include "unit/store_fixture.h"

/* Batch sizes from a fixed seed, so that a failure can be repeated. */
static unsigned next_size(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  unsigned random = *seed >> 16;
  return random % 4 == 0 ? 1 + random % 3 : 1 + random % 140;
}

static int make_tree(void **state) {
  if (make_fixture(state)) return -1;
  struct fixture *f = *state;
  uint32_t seed = 20;
  for (unsigned i = 0; i < 40; i++)
    add_batch(f, next_size(&seed));
  add_batch(f, 256 - (unsigned)(f->committed_size % 256)); /* one that ends with a full tile */
  add_batch(f, 600);                                       /* and one that spans whole ones */
  add_batch(f, 3);
  assert_in_range(f->committed_size, 2000, MAX_ENTRIES);
  return 0;
}

static void check_tile(struct fixture *f, struct mtc_tile_source *source,
                       const struct mtc_tile *tile) {
  struct mtc_hash hashes[MTC_TILE_WIDTH], expected;
  assert_int_equal(source->read_tile(source->context, tile, hashes), MTC_OK);
  for (unsigned i = 0; i < tile->width; i++) {
    node_of_leaves(f, 8 * tile->level, tile->index * MTC_TILE_WIDTH + i, &expected);
    assert_true(mtc_hash_equal(&hashes[i], &expected));
  }
}

/* Twice: the second time from the cache. */
static void tiles_are_those_of_the_leaves(void **state) {
  struct fixture *f = *state;
  struct mtc_tile_source source = mtc_store_tile_source(f->store, f->committed_size);
  unsigned num_tiles = 0;
  for (unsigned round = 0; round < 2; round++) {
    for (unsigned level = 0; level < 6; level++) {
      struct mtc_tile tile = {.level = level};
      while ((tile.width = mtc_tile_width(level, tile.index, f->committed_size))) {
        check_tile(f, &source, &tile);
        tile.width = 1 + tile.width / 2; /* narrower, as a smaller tree would ask */
        check_tile(f, &source, &tile);
        tile.index++;
        num_tiles++;
      }
    }
  }
  assert_in_range(num_tiles, 2 * 9, 2 * 20);
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  const struct mtc_tile beyond = {0, f->committed_size / 256, 256}, above = {2, 0, 1};
  assert_int_equal(source.read_tile(source.context, &beyond, hashes), MTC_INPUT);
  assert_int_equal(source.read_tile(source.context, &above, hashes), MTC_INPUT);
}

/* Every complete node, twice: the second time from the cache. Nodes that are not complete are
 * refused. */
static void nodes_are_those_of_the_leaves(void **state) {
  struct fixture *f = *state;
  struct mtc_tile_source source = mtc_store_tile_source(f->store, f->committed_size);
  struct mtc_hash node, expected;
  for (unsigned round = 0; round < 2; round++)
    for (unsigned level = 0; f->committed_size >> level; level++) {
      uint64_t num_nodes = f->committed_size >> level;
      for (uint64_t index = num_nodes; index-- > 0;) {
        node_of_leaves(f, level, index, &expected);
        assert_int_equal(mtc_tile_read_node(&source, level, index, &node), MTC_OK);
        assert_true(mtc_hash_equal(&node, &expected));
      }
      assert_int_equal(mtc_tile_read_node(&source, level, num_nodes, &node), MTC_INPUT);
    }
  const struct mtc_tile partial = {.width = 100}, wide = {.width = 257};
  assert_int_equal(source.read_node(source.context, &partial, 2, 24, &node), MTC_OK);
  assert_int_equal(source.read_node(source.context, &partial, 2, 25, &node), MTC_INPUT);
  assert_int_equal(source.read_node(source.context, &partial, 9, 0, &node), MTC_INPUT);
  assert_int_equal(source.read_node(source.context, &partial, 0, UINT32_MAX, &node), MTC_INPUT);
  assert_int_equal(source.read_node(source.context, &wide, 0, 0, &node), MTC_INPUT);
}

static void roots_are_those_of_the_frontier(void **state) {
  struct fixture *f = *state;
  struct mtc_frontier frontier = {0};
  unsigned num_heads = 0;
  for (uint64_t size = 1; size <= f->committed_size; size++) {
    struct mtc_hash expected, root;
    struct mtc_head head;
    mtc_frontier_append(&frontier, &f->leaves[size - 1]);
    if (mtc_store_read_head(f->store, size, &head, NULL)) continue;
    num_heads++;
    mtc_frontier_root(&frontier, &expected);
    assert_true(mtc_hash_equal(&head.root, &expected));
    struct mtc_tile_source tiles = mtc_store_tile_source(f->store, size);
    struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
    assert_int_equal(mtc_tree_hash(&nodes, (struct mtc_subtree){0, size}, &root), MTC_OK);
    assert_true(mtc_hash_equal(&root, &expected));
  }
  assert_int_equal(num_heads, 43);
}

static void entries_come_back(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes entry = {0}, key = {0}, bundle = {0};
  for (uint64_t i = 0; i < f->committed_size; i++) {
    mtc_bytes_clear(&entry);
    mtc_bytes_clear(&key);
    assert_ok(mtc_store_read_entry(f->store, i, &entry, &key, &error));
    assert_true(mtc_span_equal(mtc_span_of_bytes(&entry), mtc_span_of_bytes(&f->entries[i])));
    assert_true(mtc_span_equal(mtc_span_of_bytes(&key), mtc_span_of_bytes(&f->public_keys[i])));
  }
  assert_status(mtc_store_read_entry(f->store, f->committed_size, &entry, NULL, &error), MTC_INPUT);
  assert_status(mtc_store_read_entry(f->store, UINT64_MAX, &entry, NULL, &error), MTC_INPUT);
  for (unsigned width = 1; width <= 256; width += 85) {
    mtc_bytes_clear(&bundle);
    assert_ok(mtc_store_read_bundle(f->store, 3, width, &bundle, &error));
    struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&bundle));
    for (unsigned i = 0; i < width; i++) {
      struct mtc_span one;
      assert_true(mtc_read_prefixed(&reader, 2, &one));
      assert_true(mtc_span_equal(one, mtc_span_of_bytes(&f->entries[3 * 256 + i])));
    }
    assert_int_equal(reader.len, 0);
  }
  uint64_t last = f->committed_size / 256;
  unsigned width = (unsigned)(f->committed_size % 256);
  assert_ok(mtc_store_read_bundle(f->store, last, width, &bundle, &error));
  assert_status(mtc_store_read_bundle(f->store, last, width + 1, &bundle, &error), MTC_INPUT);
  assert_status(mtc_store_read_bundle(f->store, 0, 0, &bundle, &error), MTC_INPUT);
  assert_status(mtc_store_read_bundle(f->store, 0, 257, &bundle, &error), MTC_INPUT);
  assert_status(mtc_store_read_bundle(f->store, UINT64_MAX / 2, 1, &bundle, &error), MTC_INPUT);
  mtc_bytes_free(&entry);
  mtc_bytes_free(&key);
  mtc_bytes_free(&bundle);
}

/* The subtree must be the one that the entry's own batch was signed with. */
static void every_entry_has_its_signed_subtree(void **state) {
  struct fixture *f = *state;
  uint64_t start = 0;
  for (uint64_t end = 1; end <= f->committed_size; end++) {
    struct mtc_head head;
    if (mtc_store_read_head(f->store, end, &head, NULL)) continue;
    struct mtc_subtree cover[2], found;
    mtc_subtree_cover((struct mtc_subtree){start, end}, cover);
    for (uint64_t i = start; i < end; i++) {
      struct mtc_subtree expected = mtc_subtree_contains(cover[0], i) ? cover[0] : cover[1];
      assert_ok(mtc_store_find_subtree(f->store, i, &found, &error));
      assert_int_equal(found.start, expected.start);
      assert_int_equal(found.end, expected.end);
    }
    start = end;
  }
  struct mtc_subtree none;
  assert_status(mtc_store_find_subtree(f->store, f->committed_size, &none, &error), MTC_BUSY);
}

static void signatures_come_back(void **state) {
  struct fixture *f = *state;
  struct mtc_subtree_signature found[4];
  struct mtc_subtree subtree, whole = {0, f->committed_size};
  size_t num = 9;
  assert_ok(mtc_store_find_subtree(f->store, 1234, &subtree, &error));
  assert_ok(mtc_store_read_signatures(f->store, subtree, false, found, 4, &num, &error));
  assert_int_equal(num, 1);
  assert_int_equal(mtc_tai_compare(&found[0].cosigner_id, &f->ca_id), 0);
  assert_int_equal(found[0].subtree.end, subtree.end);
  assert_false(found[0].is_checkpoint);
  assert_memory_equal(found[0].signature.data, "signature on ", 13);
  mtc_bytes_free(&found[0].signature);
  assert_ok(mtc_store_read_signatures(f->store, whole, true, found, 4, &num, &error));
  assert_int_equal(num, 1);
  assert_true(found[0].is_checkpoint);
  mtc_bytes_free(&found[0].signature);
  assert_ok(mtc_store_read_signatures(f->store, whole, true, found, 0, &num, &error));
  assert_int_equal(num, 0);
  whole.end--;
  assert_ok(mtc_store_read_signatures(f->store, whole, true, found, 4, &num, &error));
  assert_int_equal(num, 0);
}

static void published_only_rises(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  assert_ok(mtc_store_set_published(f->store, 100, &error));
  assert_ok(mtc_store_set_published(f->store, 50, &error));
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.published_size, 100);
  assert_status(mtc_store_set_published(f->store, f->committed_size + 1, &error), MTC_INPUT);
}

/* Rows are per tile and bundle, never per certificate. */
static void there_are_few_rows(void **state) {
  struct fixture *f = *state;
  sqlite3 *db;
  sqlite3_stmt *statement;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_prepare_v2(db, "SELECT (SELECT count(*) FROM tiles), (SELECT count(*) FROM bundles)",
                         -1, &statement, NULL),
      SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  uint64_t num_bundles = (f->committed_size + 255) / 256;
  assert_int_equal(sqlite3_column_int(statement, 0), num_bundles + 1);
  assert_int_equal(sqlite3_column_int(statement, 1), num_bundles);
  assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tiles_are_those_of_the_leaves),
      cmocka_unit_test(nodes_are_those_of_the_leaves),
      cmocka_unit_test(roots_are_those_of_the_frontier),
      cmocka_unit_test(entries_come_back),
      cmocka_unit_test(every_entry_has_its_signed_subtree),
      cmocka_unit_test(signatures_come_back),
      cmocka_unit_test(published_only_rises),
      cmocka_unit_test(there_are_few_rows),
  };
  return cmocka_run_group_tests(tests, make_tree, free_fixture);
}
