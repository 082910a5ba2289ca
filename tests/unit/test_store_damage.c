/* A database file that lies: every contradiction is CORRUPT, none a crash. */
#include "unit/store_fixture.h"

#define UNCHECKED "PRAGMA ignore_check_constraints = ON;"

static int make_log(void **state) {
  if (make_fixture(state)) return -1;
  struct fixture *f = *state;
  struct mtc_landmark landmark = {1, 200, 2000000000};
  add_batch(f, 200);
  add_batch(f, 400);
  assert_ok(mtc_store_add_landmark(f->store, &landmark, &error));
  return 0;
}

static void expect_bad_tile(struct fixture *f, const char *sql) {
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  const struct mtc_tile tile = {0, 2, 88};
  damage(f, sql);
  struct mtc_tile_source source = mtc_store_tile_source(f->store, 600);
  assert_int_equal(source.read_tile(source.context, &tile, hashes), MTC_CORRUPT);
  mtc_store_close(f->store);
  f->store = NULL;
  assert_status(open_store(f, false, &error), MTC_CORRUPT);
}

static void a_missing_tile(void **state) {
  expect_bad_tile(*state, "DELETE FROM tiles WHERE level = 0 AND tile_index = 2");
}

static void a_short_tile(void **state) {
  expect_bad_tile(*state, UNCHECKED
                  "DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
                  "INSERT INTO tiles VALUES(7, 0, 2, 88, zeroblob(88 * 32 - 1))");
}

static void a_tile_wider_than_any(void **state) {
  expect_bad_tile(*state, UNCHECKED
                  "DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
                  "INSERT INTO tiles VALUES(7, 0, 2, 300, zeroblob(300 * 32))");
}

static void a_narrow_tile(void **state) {
  expect_bad_tile(*state, UNCHECKED
                  "DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
                  "INSERT INTO tiles VALUES(7, 0, 2, 87, zeroblob(87 * 32))");
}

/* A tile of the right size with another hash: its owner must not extend that tree. */
static void a_changed_hash(void **state) {
  struct fixture *f = *state;
  mtc_store_close(f->store);
  f->store = NULL;
  damage(
      f,
      "CREATE TEMP TABLE t AS SELECT bytes AS b FROM tiles WHERE level = 0"
      " AND tile_index = 2; DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
      "INSERT INTO tiles SELECT 7, 0, 2, 88, CAST(zeroblob(32) || substr(b, 33) AS BLOB) FROM t");
  assert_status(open_store(f, false, &error), MTC_CORRUPT);
  assert_ok(open_store(f, true, &error)); /* an examiner may look */
}

/* The batch that follows must not be glued to a tile that ends elsewhere. */
static void a_tile_that_ends_elsewhere(void **state) {
  struct fixture *f = *state;
  struct batch *b = make_batch(f, 10);
  damage(f, UNCHECKED
         "DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
         "INSERT INTO tiles VALUES(7, 0, 2, 90, zeroblob(90 * 32))");
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_CORRUPT);
  damage(f,
         "DELETE FROM tiles WHERE level = 0 AND tile_index = 2;"
         "INSERT INTO tiles VALUES(7, 0, 2, 80, zeroblob(80 * 32))");
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_CORRUPT);
  free_batch(b);
}

/* Not damage, but a tile far away, made cheaply: it shares its place in the cache with tile 0. */
static void the_cache_confuses_no_tiles(void **state) {
  struct fixture *f = *state;
  struct mtc_hash hashes[MTC_TILE_WIDTH], node, expected, zero = {0};
  damage(f, "INSERT INTO tiles VALUES(7, 0, 64, 256, zeroblob(8192))");
  struct mtc_tile_source source = mtc_store_tile_source(f->store, 65 * 256);
  for (unsigned i = 0; i < 4; i++) {
    const struct mtc_tile tile = {0, i % 2 ? 64 : 0, 256};
    assert_int_equal(source.read_tile(source.context, &tile, hashes), MTC_OK);
    assert_true(mtc_hash_equal(&hashes[9], i % 2 ? &zero : &f->leaves[9]));
    mtc_hash_node(&hashes[8], &hashes[9], &expected);
    assert_int_equal(mtc_tile_read_node(&source, 1, tile.index * 128 + 4, &node), MTC_OK);
    assert_true(mtc_hash_equal(&node, &expected));
  }
}

static void expect_bad_bundle(struct fixture *f, const char *sql) {
  struct mtc_bytes out = {0};
  struct batch *b = make_batch(f, 10);
  damage(f, sql);
  assert_status(mtc_store_read_entry(f->store, 599, &out, &out, &error), MTC_CORRUPT);
  assert_status(mtc_store_read_bundle(f->store, 2, 88, &out, &error), MTC_CORRUPT);
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_CORRUPT);
  assert_int_equal(out.len, 0);
  mtc_bytes_free(&out);
  free_batch(b);
}

static void a_missing_bundle(void **state) {
  expect_bad_bundle(*state, "DELETE FROM bundles WHERE bundle_index = 2");
}

#define REPLACE_BUNDLE(width, entries, keys)                             \
  UNCHECKED                                                              \
  "CREATE TEMP TABLE b AS SELECT * FROM bundles WHERE bundle_index = 2;" \
  "DELETE FROM bundles WHERE bundle_index = 2;"                          \
  "INSERT INTO bundles SELECT 7, 2, " width ", " entries ", " keys " FROM b"

static void a_bundle_cut_off(void **state) {
  expect_bad_bundle(*state, REPLACE_BUNDLE("88", "substr(entries, 1, length(entries) - 1)",
                                           "subject_public_keys"));
}

static void a_bundle_with_trailing_bytes(void **state) {
  expect_bad_bundle(*state,
                    REPLACE_BUNDLE("88", "CAST(entries || x'00' AS BLOB)", "subject_public_keys"));
}

static void a_bundle_without_keys(void **state) {
  expect_bad_bundle(*state, REPLACE_BUNDLE("88", "entries", "x''"));
}

static void a_bundle_of_another_width(void **state) {
  expect_bad_bundle(*state, REPLACE_BUNDLE("4294967384", "entries", "subject_public_keys"));
}

static void a_missing_signature(void **state) {
  struct fixture *f = *state;
  struct mtc_subtree found;
  damage(f, "DELETE FROM subtree_signatures WHERE is_checkpoint = 0");
  assert_status(mtc_store_find_subtree(f->store, 5, &found, &error), MTC_CORRUPT);
}

static void a_signature_by_nobody(void **state) {
  struct fixture *f = *state;
  struct mtc_subtree_signature found[2];
  const struct mtc_subtree whole = {0, 600};
  size_t num;
  damage(f, "INSERT INTO subtree_signatures VALUES(7, 1, 600, 0, x'80', x'00')");
  assert_status(mtc_store_read_signatures(f->store, whole, true, found, 2, &num, &error),
                MTC_CORRUPT);
  assert_int_equal(num, 0);
  damage(f, UNCHECKED "INSERT INTO subtree_signatures VALUES(7, 1, 600, 0, zeroblob(33), x'00')");
  assert_status(mtc_store_read_signatures(f->store, whole, true, found, 2, &num, &error),
                MTC_CORRUPT);
}

static void a_subtree_that_is_none(void **state) {
  struct fixture *f = *state;
  struct mtc_subtree found;
  damage(f, UNCHECKED "INSERT INTO subtree_signatures VALUES(7, 0, 6, 3, x'01', x'00')");
  assert_status(mtc_store_find_subtree(f->store, 5, &found, &error), MTC_CORRUPT);
  damage(f, UNCHECKED "INSERT INTO subtree_signatures VALUES(7, 0, 5, -3, x'01', x'00')");
  assert_status(mtc_store_find_subtree(f->store, 4, &found, &error), MTC_CORRUPT);
}

static void expect_bad_state(struct fixture *f, const char *sql) {
  struct mtc_log_state log;
  damage(f, sql);
  assert_status(mtc_store_state(f->store, &log, &error), MTC_CORRUPT);
}

static void a_committed_checkpoint_ahead(void **state) {
  expect_bad_state(*state, "INSERT INTO checkpoints VALUES(7, 700, zeroblob(32), 0, 'committed')");
}

static void a_pending_checkpoint_behind(void **state) {
  expect_bad_state(*state, "INSERT INTO checkpoints VALUES(7, 300, zeroblob(32), 0, 'pending')");
}

static void a_pending_checkpoint_without_limit(void **state) {
  expect_bad_state(*state,
                   "INSERT INTO checkpoints VALUES(7, 9223372036854775807, zeroblob(32),"
                   " 0, 'pending')");
}

static void a_short_root(void **state) {
  expect_bad_state(*state,
                   UNCHECKED "INSERT INTO checkpoints VALUES(7, 700, zeroblob(31), 0, 'pending')");
}

static void a_head_nobody_signed(void **state) {
  expect_bad_state(*state, "UPDATE logs SET tree_size = 601");
}

static void more_published_than_there_is(void **state) {
  expect_bad_state(*state, UNCHECKED "UPDATE logs SET published_size = 601");
}

static void landmarks_in_disorder(void **state) {
  struct fixture *f = *state;
  struct mtc_landmark found;
  uint64_t previous;
  damage(f, "INSERT INTO landmarks VALUES(7, 2, 100, 2000000000)");
  assert_status(mtc_store_find_landmark(f->store, 50, &found, &previous, &error), MTC_CORRUPT);
}

static void a_short_request_digest(void **state) {
  struct fixture *f = *state;
  struct mtc_request_row found;
  bool is_found;
  damage(f, UNCHECKED "INSERT INTO requests VALUES(7, 'order', zeroblob(31), 5)");
  assert_status(mtc_store_find_request(f->store, "order", &is_found, &found, &error), MTC_CORRUPT);
}

#define DAMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, make_log, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      DAMAGE_TEST(a_missing_tile),
      DAMAGE_TEST(a_short_tile),
      DAMAGE_TEST(a_tile_wider_than_any),
      DAMAGE_TEST(a_narrow_tile),
      DAMAGE_TEST(a_changed_hash),
      DAMAGE_TEST(a_tile_that_ends_elsewhere),
      DAMAGE_TEST(the_cache_confuses_no_tiles),
      DAMAGE_TEST(a_missing_bundle),
      DAMAGE_TEST(a_bundle_cut_off),
      DAMAGE_TEST(a_bundle_with_trailing_bytes),
      DAMAGE_TEST(a_bundle_without_keys),
      DAMAGE_TEST(a_bundle_of_another_width),
      DAMAGE_TEST(a_missing_signature),
      DAMAGE_TEST(a_signature_by_nobody),
      DAMAGE_TEST(a_subtree_that_is_none),
      DAMAGE_TEST(a_committed_checkpoint_ahead),
      DAMAGE_TEST(a_pending_checkpoint_behind),
      DAMAGE_TEST(a_pending_checkpoint_without_limit),
      DAMAGE_TEST(a_short_root),
      DAMAGE_TEST(a_head_nobody_signed),
      DAMAGE_TEST(more_published_than_there_is),
      DAMAGE_TEST(landmarks_in_disorder),
      DAMAGE_TEST(a_short_request_digest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
