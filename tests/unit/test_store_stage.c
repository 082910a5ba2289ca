/* STAGE and COMMIT: durable, once, in order. */
#include "unit/store_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void staged_survives_a_crash(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct mtc_bytes bytes = {0};
  struct mtc_subtree subtree;
  struct mtc_hash root;
  add_batch(f, 5);
  struct batch *b = make_batch(f, 300);
  stage(f, b);
  reopen(f);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 5);
  assert_true(log.has_pending);
  assert_int_equal(log.pending.tree_size, 305);
  assert_int_equal(log.pending.timestamp_s, b->stage.head.timestamp_s);
  assert_true(mtc_hash_equal(&log.pending.root, &b->stage.head.root));
  /* Signing needs its tiles; nobody else may see it. */
  struct mtc_tile_source tiles = mtc_store_tile_source(f->store, 305);
  struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  assert_int_equal(mtc_tree_hash(&nodes, (struct mtc_subtree){0, 305}, &root), MTC_OK);
  assert_true(mtc_hash_equal(&root, &b->stage.head.root));
  assert_status(mtc_store_read_entry(f->store, 5, &bytes, NULL, &error), MTC_INPUT);
  assert_status(mtc_store_read_bundle(f->store, 0, 6, &bytes, &error), MTC_INPUT);
  assert_status(mtc_store_find_subtree(f->store, 5, &subtree, &error), MTC_BUSY);
  struct mtc_head head;
  assert_status(mtc_store_read_head(f->store, 305, &head, &error), MTC_INPUT);
  assert_status(mtc_store_set_published(f->store, 305, &error), MTC_INPUT);
  commit(f);
  reopen(f);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 305);
  assert_false(log.has_pending);
  assert_ok(mtc_store_read_entry(f->store, 5, &bytes, NULL, &error));
  assert_true(mtc_span_equal(mtc_span_of_bytes(&bytes), b->entries[0]));
  mtc_bytes_free(&bytes);
  free_batch(b);
}

static void a_pending_checkpoint_is_never_replaced(void **state) {
  struct fixture *f = *state;
  struct batch *first = make_batch(f, 4), *second = make_batch(f, 4), *third = make_batch(f, 9);
  second->stage.head.timestamp_s++;
  stage(f, first);
  assert_status(mtc_store_stage(f->store, &second->stage, &error), MTC_BUSY);
  assert_status(mtc_store_stage(f->store, &third->stage, &error), MTC_BUSY);
  commit(f);
  assert_status(mtc_store_stage(f->store, &first->stage, &error), MTC_INPUT);
  struct batch *next = make_batch(f, 2);
  stage(f, next);
  commit(f);
  free_batch(first);
  free_batch(second);
  free_batch(third);
  free_batch(next);
}

/* A read of a committed entry keeps nothing of those that are staged in the same bundle: what is
 * committed counts, here with another last byte than was staged. */
static void staged_entries_are_not_kept(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes bytes = {0};
  add_batch(f, 5);
  struct batch *b = make_batch(f, 4);
  stage(f, b);
  assert_ok(mtc_store_read_entry(f->store, 4, &bytes, NULL, &error));
  damage(f,
         "CREATE TEMP TABLE b AS SELECT * FROM bundles WHERE bundle_index = 0;"
         "DELETE FROM bundles WHERE bundle_index = 0;"
         "INSERT INTO bundles SELECT log_number, 0, width,"
         " CAST(substr(entries, 1, length(entries) - 1) || x'fe' AS BLOB), subject_public_keys "
         "FROM b");
  commit(f);
  mtc_bytes_clear(&bytes);
  assert_ok(mtc_store_read_entry(f->store, 8, &bytes, NULL, &error));
  assert_int_equal(bytes.len, b->entries[3].len);
  assert_int_equal(bytes.data[bytes.len - 1], 0xfe);
  assert_int_not_equal(b->entries[3].data[bytes.len - 1], 0xfe);
  mtc_bytes_free(&bytes);
  free_batch(b);
}

static void what_is_read_at_once_is_one_transaction(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct mtc_bytes bytes = {0};
  add_batch(f, 5);
  struct batch *b = make_batch(f, 4);
  assert_ok(mtc_store_begin_reading(f->store, &error));
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_ok(mtc_store_begin_reading(f->store, &error));
  assert_ok(mtc_store_read_entry(f->store, 4, &bytes, NULL, &error));
  assert_status(mtc_store_read_entry(f->store, 5, &bytes, NULL, &error), MTC_INPUT);
  assert_ok(mtc_store_end_reading(f->store, MTC_OK, &error));
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_false(log.has_pending);
  assert_int_equal(mtc_store_end_reading(f->store, MTC_BUSY, NULL), MTC_BUSY);
  stage(f, b);
  commit(f);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 9);
  mtc_bytes_free(&bytes);
  free_batch(b);
}

static void only_the_pending_one_is_committed(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct mtc_head nothing = {.tree_size = 10};
  assert_status(mtc_store_commit(f->store, 0, &nothing, NULL, 0, &error), MTC_FATAL);
  struct batch *b = make_batch(f, 10);
  stage(f, b);
  struct mtc_head other_root = f->staged, other_time = f->staged, other_size = f->staged;
  other_root.root.bytes[31] ^= 1;
  other_time.timestamp_s++;
  other_size.tree_size++;
  assert_status(mtc_store_commit(f->store, 0, &other_root, NULL, 0, &error), MTC_FATAL);
  assert_status(mtc_store_commit(f->store, 0, &other_time, NULL, 0, &error), MTC_FATAL);
  assert_status(mtc_store_commit(f->store, 0, &other_size, NULL, 0, &error), MTC_FATAL);
  assert_status(mtc_store_commit(f->store, 1, &f->staged, NULL, 0, &error), MTC_FATAL);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_true(log.has_pending);
  commit(f);
  assert_status(mtc_store_commit(f->store, 0, &f->staged, NULL, 0, &error), MTC_FATAL);
  free_batch(b);
}

static void signatures_must_be_of_this_tree(void **state) {
  struct fixture *f = *state;
  struct batch *b = make_batch(f, 10);
  stage(f, b);
  const struct {
    struct mtc_subtree subtree;
    bool is_checkpoint;
  } bad[] = {{{0, 9}, true}, {{1, 3}, false}, {{8, 11}, false}};
  for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct mtc_subtree_signature one = signature_on(f, bad[i].subtree, bad[i].is_checkpoint);
    assert_status(mtc_store_commit(f->store, 0, &f->staged, &one, 1, &error), MTC_INPUT);
    mtc_bytes_free(&one.signature);
  }
  struct mtc_subtree_signature twice[2];
  twice[0] = twice[1] = signature_on(f, (struct mtc_subtree){0, 10}, true);
  assert_status(mtc_store_commit(f->store, 0, &f->staged, twice, 2, &error), MTC_INPUT);
  mtc_bytes_clear(&twice[0].signature);
  assert_status(mtc_store_commit(f->store, 0, &f->staged, twice, 1, &error), MTC_INPUT);
  mtc_bytes_free(&twice[0].signature);
  commit(f); /* none of these moved the head */
  free_batch(b);
}

static void a_wrong_batch_is_refused_whole(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct batch *b = make_batch(f, 20);
  struct mtc_span good = b->entries[7], no_key = mtc_span_of(NULL, 0), key = b->public_keys[7];
  static const uint8_t unknown_type[] = {0, 0, 0, 2};
  b->entries[7] = mtc_span_of(unknown_type, sizeof unknown_type);
  struct mtc_error text = {0};
  assert_int_equal(mtc_store_stage(f->store, &b->stage, &text), MTC_INPUT);
  assert_non_null(strstr(text.text, "entry 7"));
  b->entries[7] = mtc_span_of(good.data, good.len - 1);
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->entries[7] = good;
  b->public_keys[7] = no_key;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->public_keys[7] = key;
  b->public_keys[9] = key; /* entry 9 is null */
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->public_keys[9] = no_key;
  b->nodes.nodes[0][3].bytes[0] ^= 1;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->nodes.nodes[0][3].bytes[0] ^= 1;
  b->stage.head.root.bytes[0] ^= 1;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->stage.head.root.bytes[0] ^= 1;
  b->nodes.end--;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->nodes.end++;
  b->stage.head.tree_size = 0;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  b->stage.head.tree_size = 20;
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_false(log.has_pending);
  stage(f, b);
  commit(f);
  free_batch(b);
}

static void not_after_is_the_latest(void **state) {
  struct fixture *f = *state;
  int64_t not_after;
  struct batch *b = make_batch(f, 6);

  stage(f, b);
  assert_ok(mtc_store_max_not_after(f->store, &not_after, &error));
  assert_int_equal(not_after, NOT_AFTER_BASE + 5 * 60);
  commit(f);
  add_batch(f, 3);
  assert_ok(mtc_store_max_not_after(f->store, &not_after, &error));
  assert_int_equal(not_after, NOT_AFTER_BASE + 9 * 60);
  add_batch(f, 1); /* a null entry */
  assert_ok(mtc_store_max_not_after(f->store, &not_after, &error));
  assert_int_equal(not_after, NOT_AFTER_BASE + 9 * 60);
  free_batch(b);
}

/* Whichever allocation fails, the batch is refused whole and can be staged again. */
static void no_memory_harms_nothing(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct mtc_error text;
  add_batch(f, 200);
  struct batch *b = make_batch(f, 300);
  mtc_status status = MTC_NOMEM;
  long count = -1;
  while (status) {
    text = (struct mtc_error){0};
    mtc_alloc_fail_after(++count);
    status = mtc_store_stage(f->store, &b->stage, &text);
    mtc_alloc_fail_after(-1);
    assert_true(status == MTC_OK || status == MTC_NOMEM);
    assert_ok(mtc_store_state(f->store, &log, &error));
    assert_int_equal(log.has_pending, status == MTC_OK);
  }
  assert_in_range(count, 4, 1000);
  free_batch(b);
}

static struct mtc_request_row request(const char *request_id, uint64_t index) {
  struct mtc_request_row row = {.index = index};
  (void)snprintf(row.request_id, sizeof row.request_id, "%s", request_id);
  memset(row.digest, (int)index + 1, sizeof row.digest);
  return row;
}

static void requests_are_found_and_never_reused(void **state) {
  struct fixture *f = *state;
  struct mtc_request_row found;
  bool is_found = true;
  struct batch *b = make_batch(f, 8);
  struct mtc_request_row rows[2] = {request("order 1", 2), request("order 2", 5)};
  b->stage.requests = rows;
  b->stage.num_requests = 2;
  assert_ok(mtc_store_find_request(f->store, "order 1", &is_found, &found, &error));
  assert_false(is_found);
  rows[1].index = 8; /* outside the batch */
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  rows[1] = request("order 1", 5);
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  rows[1] = request("line\nfeed", 5);
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  rows[1] = request("", 5);
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  memset(rows[1].request_id, 'x', sizeof rows[1].request_id); /* not even terminated */
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  rows[1] = request("order 2", 5);
  stage(f, b);
  commit(f);
  reopen(f);
  assert_ok(mtc_store_find_request(f->store, "order 2", &is_found, &found, &error));
  assert_true(is_found);
  assert_int_equal(found.index, 5);
  assert_string_equal(found.request_id, "order 2");
  assert_memory_equal(found.digest, rows[1].digest, 32);
  free_batch(b);
  b = make_batch(f, 8);
  rows[0] = request("order 2", 9);
  b->stage.requests = rows;
  b->stage.num_requests = 1;
  assert_status(mtc_store_stage(f->store, &b->stage, &error), MTC_INPUT);
  rows[0] = request("order 3", 9);
  stage(f, b);
  free_batch(b);
}

/* The promises that the database itself keeps. */
static void history_cannot_be_rewritten(void **state) {
  struct fixture *f = *state;
  static const char *const statements[] = {
      "UPDATE checkpoints SET root = zeroblob(32) WHERE tree_size = 30",
      "UPDATE checkpoints SET state = 'pending' WHERE tree_size = 30",
      "DELETE FROM checkpoints",
      "INSERT INTO checkpoints VALUES(7, 30, zeroblob(32), 0, 'pending')",
      "UPDATE logs SET tree_size = 0",
      "DELETE FROM logs",
      "UPDATE tiles SET bytes = zeroblob(960), width = 30",
      "UPDATE tiles SET bytes = zeroblob(992), width = 31",
      "UPDATE bundles SET width = 29",
      "UPDATE landmarks SET expiry_s = 1",
      "DELETE FROM landmarks",
      "UPDATE subtree_signatures SET signature = x'00'",
      "INSERT INTO tiles VALUES(8, 0, 0, 1, zeroblob(32))", /* no such log */
  };
  struct mtc_landmark landmark = {1, 30, 2000000000};
  add_batch(f, 30);
  assert_ok(mtc_store_add_landmark(f->store, &landmark, &error));
  sqlite3 *db;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
  for (unsigned i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    if (sqlite3_exec(db, statements[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT) {
      fail_msg("allowed: %s", statements[i]);
    }
  }
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#ifdef MTC_FAULT_POINTS
/* Runs stage or commit in a child that dies at `point`; the parent then looks at what is left. */
static void die_at(struct fixture *f, const char *point, struct batch *b) {
  mtc_store_close(f->store);
  f->store = NULL;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct mtc_error error;
    if (setenv("MTC_FAULT", point, 1) != 0 || open_store(f, false, &error)) _exit(1);
    if (b ? mtc_store_stage(f->store, &b->stage, &error)
          : mtc_store_commit(f->store, f->committed_size, &f->staged, NULL, 0, &error)) {
      _exit(2);
    }
    _exit(0);
  }
  int how;
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFSIGNALED(how));
  assert_int_equal(WTERMSIG(how), SIGKILL);
  assert_ok(open_store(f, false, &error));
}

static void a_crash_before_the_end_leaves_nothing(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  add_batch(f, 5);
  struct batch *b = make_batch(f, 700);
  die_at(f, "store.stage", b);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 5);
  assert_false(log.has_pending);
  stage(f, b);
  die_at(f, "store.commit", NULL);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 5);
  assert_int_equal(log.pending.tree_size, 705);
  commit(f);
  free_batch(b);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(staged_survives_a_crash, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_pending_checkpoint_is_never_replaced, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(staged_entries_are_not_kept, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(what_is_read_at_once_is_one_transaction, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(only_the_pending_one_is_committed, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(signatures_must_be_of_this_tree, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_wrong_batch_is_refused_whole, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(not_after_is_the_latest, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(no_memory_harms_nothing, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(requests_are_found_and_never_reused, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(history_cannot_be_rewritten, make_fixture, free_fixture),
#ifdef MTC_FAULT_POINTS /* the debug and sanitizer presets */
      cmocka_unit_test_setup_teardown(a_crash_before_the_end_leaves_nothing, make_fixture,
                                      free_fixture),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
