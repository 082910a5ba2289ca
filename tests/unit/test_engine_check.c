/* mtc_log_check finds every kind of damage, says where it is, and nothing in a sound log. */
#include "unit/engine_fixture.h"

/* 520 entries in batches of 1, 259 and 260; a null entry; keys; two landmarks. */
static int make_log(void **state) {
  static const unsigned sizes[] = {1, 259, 260};
  static struct answer answers[520];
  struct fixture *f = make_fixture_of(MTC_WIRE_PLANTS_07);
  struct mtc_landmark landmark;
  unsigned serial = 0;
  memset(answers, 0, sizeof answers);
  for (size_t i = 0; i < 3; i++) {
    uint64_t reserved;
    int64_t expires_s;
    with_options(f, (o->batch_max_delay_ms = 1u << 30, o->batch_max_entries = sizes[i]));
    for (unsigned k = 0; k < sizes[i]; k++, serial++) {
      char id[32];
      if (i == 1 && k == 100) {
        /* Expired already: the clock moves on at once. */
        mtc_clock_set(INT64_C(1000) * VERIFY_TIME);
        assert_ok(mtc_engine_reserve(f->engine, 1, &reserved, &expires_s, &error));
        mtc_clock_set(INT64_C(1000) * (VERIFY_TIME + 100));
        continue;
      }
      (void)snprintf(id, sizeof id, "request-%u", serial);
      assert_ok(submit(f, serial, id, &answers[serial], &error));
    }
    assert_int_equal(await_index(&answers[serial - 1]), serial - 1);
    until(f, stats.tree_size == serial);
    if (i) assert_ok(mtc_engine_allocate_landmark(f->engine, &landmark, &error));
  }
  until(f, stats.state == MTC_ENGINE_COLLECT);
  close_engine(f);
  *state = f;
  return 0;
}

static void a_sound_log_has_no_problem(void **state) {
  struct mtc_log_report report = expect_sound(*state);
  assert_int_equal(report.tree_size, 520);
  assert_int_equal(report.num_null_entries, 1);
  assert_string_equal(report.first_problem, "");
}

/* Says whether the first problem found is the expected one; every case is tried before failing. */
static bool finds(struct fixture *f, const char *damage_done, const char *text) {
  struct mtc_log_report report = examine(f);
  if (report.num_problems && strstr(report.first_problem, text)) return true;
  print_error("after %s: \"%s\" (expected \"%s\")\n", damage_done, report.first_problem, text);
  return false;
}

/* Drops the triggers, runs the SQL, and makes them again. */
static void damage_guarded(struct fixture *f, const char *sql) {
  sqlite3 *db;
  sqlite3_stmt *query;
  struct mtc_bytes drop = {0}, create = {0};
  assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db,
                                      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
                                      " ORDER BY rowid",
                                      -1, &query, NULL),
                   SQLITE_OK);
  while (sqlite3_step(query) == SQLITE_ROW) {
    mtc_bytes_append_format(&drop, "DROP TRIGGER %s;", (const char *)sqlite3_column_text(query, 0));
    mtc_bytes_append_format(&create, "%s;", (const char *)sqlite3_column_text(query, 1));
  }
  assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  mtc_bytes_append(&drop, "", 1);
  mtc_bytes_append(&create, "", 1);
  damage(f, (const char *)drop.data);
  damage(f, sql);
  damage(f, (const char *)create.data);
  mtc_bytes_free(&drop);
  mtc_bytes_free(&create);
}

/* A case: what is done to the database, and the first problem that must be found. */
struct damage_case {
  const char *sql;
  const char *problem;
};

/* `blob` with byte `at` (from 1) changed, whatever it was: signatures are random. */
#define CHANGED(blob, at)                                             \
  "CAST(substr(" blob ", 1, " at " - 1) || CASE substr(" blob ", " at \
  ", 1) WHEN x'EE' THEN x'11' ELSE x'EE' END || substr(" blob ", " at " + 1) AS BLOB)"

static const struct damage_case cases[] = {
    /* The tree */
    {"UPDATE bundles SET entries = " CHANGED("entries", "100") " WHERE bundle_index = 0",
     "entry 0"},
    {"UPDATE bundles SET entries = " CHANGED("entries",
                                             "length(entries)") " WHERE bundle_index = 1",
     "entry 511: the stored public key is not the one it hashes"},
    {"UPDATE bundles SET subject_public_keys = " CHANGED("subject_public_keys",
                                                         "40") " WHERE bundle_index = 0",
     "entry 0: the stored public key"},
    {"UPDATE bundles SET entries = zeroblob(9) WHERE bundle_index = 1", "entries from 256 on"},
    {"DELETE FROM bundles WHERE bundle_index = 2", "entries from 512 on"},
    {"UPDATE tiles SET bytes = " CHANGED("bytes", "33") " WHERE level = 0 AND tile_index = 0",
     "stored tile/0/000 is not what the entries hash to"},
    {"UPDATE tiles SET bytes = " CHANGED("bytes", "256") " WHERE level = 0 AND tile_index = 2",
     "stored tile/0/002.p/8 is not"},
    {"UPDATE tiles SET bytes = " CHANGED("bytes", "1") " WHERE level = 1",
     "stored tile/1/000.p/2 is not"},
    {"DELETE FROM tiles WHERE level = 1", "stored tile/1/000.p/2"},
    {"UPDATE checkpoints SET root = " CHANGED("root", "9") " WHERE tree_size = 260",
     "the checkpoint of size 260 is not the root"},
    {"UPDATE checkpoints SET root = " CHANGED("root", "9") " WHERE tree_size = 0",
     "the checkpoint of size 0 is not the root"},
    {"DELETE FROM checkpoints WHERE tree_size = 0", "the checkpoint of the empty tree is gone"},
    {"UPDATE checkpoints SET timestamp_s = 5 WHERE tree_size = 260",
     "the checkpoint of size 260 is older"},
    {"UPDATE logs SET max_not_after = 77", "the latest expiry is stored as 77"},
    {"INSERT INTO checkpoints VALUES(3, 521, zeroblob(32), 0, 'pending')", "pending tree size 521"},
    /* Rows */
    {"DELETE FROM subtree_signatures WHERE is_checkpoint = 1 AND end_index = 260",
     "signature on the checkpoint [0, 260) is missing"},
    {"DELETE FROM subtree_signatures WHERE is_checkpoint = 0 AND end_index = 520",
     "signature on the subtree"},
    {"UPDATE subtree_signatures SET signature = " CHANGED(
         "signature", "77") " WHERE is_checkpoint = 1 AND end_index = 1",
     "signature on the checkpoint [0, 1): it does not verify"},
    {"UPDATE subtree_signatures SET signature = " CHANGED(
         "signature", "77") " WHERE is_checkpoint = 0 AND end_index = 260",
     "260): it does not verify"},
    {"UPDATE subtree_signatures SET end_index = 521, start_index = 520 WHERE is_checkpoint = 0"
     " AND end_index = 1",
     "signature on the subtree [0, 1) is missing"},
    {"INSERT INTO subtree_signatures SELECT log_number, 0, 7, 3, cosigner_id, signature FROM"
     " subtree_signatures WHERE is_checkpoint = 0 AND end_index = 1",
     "signature on the subtree [3, 7): its hash cannot be computed"},
    {"UPDATE landmarks SET number = 5 WHERE number = 2", "landmark 5 follows landmark 1"},
    {"UPDATE landmarks SET tree_size = 259 WHERE number = 1", "landmark 1: there is no checkpoint"},
    {"UPDATE landmarks SET expiry_s = 1900000000 WHERE number = 2",
     "landmark 2 expires at 1900000000, an entry below it at 1924991999"},
    {"UPDATE landmarks SET expiry_s = expiry_s + 9 WHERE number = 1", "expiry"},
    {"UPDATE landmarks SET tree_size = 1 WHERE number = 2", "is not larger"},
    {"UPDATE requests SET entry_index = 5 WHERE request_id = 'request-7'",
     "index 5, which is a null entry's or another request's"},
    {"UPDATE requests SET entry_index = 101 WHERE request_id = 'request-7'", "request-7"},
    {"UPDATE requests SET entry_index = 520 WHERE request_id = 'request-519'",
     "request-519 has index 520, but the log has 520 entries"},
    {"UPDATE requests SET digest = zeroblob(31) WHERE request_id = 'request-7'",
     "column digest has 31 bytes"},
};

static void damaged_databases(void **state) {
  struct fixture *f = *state;
  unsigned num_missed = 0;
  char command[256];
  (void)snprintf(command, sizeof command, "cp %s %s.sound", f->store_path, f->store_path);
  assert_int_equal(system(command), 0);
  (void)snprintf(command, sizeof command, "cp %s.sound %s", f->store_path, f->store_path);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_bytes sql = {0};
    mtc_bytes_append_text(&sql, "PRAGMA ignore_check_constraints = ON;");
    mtc_bytes_append_text(&sql, cases[i].sql);
    mtc_bytes_append(&sql, "", 1);
    damage_guarded(f, (const char *)sql.data);
    if (!finds(f, cases[i].sql, cases[i].problem)) num_missed++;
    mtc_bytes_free(&sql);
    assert_int_equal(system(command), 0);
  }
  assert_int_equal(num_missed, 0);
  (void)expect_sound(f);
}

struct file_case {
  const char *shell; /* inside <folder>/<log_number> */
  const char *problem;
};

static const struct file_case file_cases[] = {
    {"echo x >> tile/0/000", "published file tile/0/000"},
    {"printf x | dd of=tile/0/001 bs=1 seek=99 conv=notrunc status=none",
     "tile/0/001 is published with other content"},
    {"truncate -s -32 tile/0/002.p/8", "tile/0/002.p/8 is published with other content"},
    {"rm tile/0/001", "tile/0/001 is not published"},
    {"rm tile/1/000.p/2", "tile/1/000.p/2 is not published"},
    {"printf x | dd of=tile/1/000.p/1 bs=1 conv=notrunc status=none",
     "tile/1/000.p/1 is published with other content"},
    {"printf x | dd of=tile/entries/000 bs=1 seek=99 conv=notrunc status=none",
     "tile/entries/000 is published with other content"},
    {"rm tile/entries/002.p/8", "tile/entries/002.p/8 is not published"},
    {"printf x | dd of=tile/entries/001.p/4 bs=1 conv=notrunc status=none",
     "tile/entries/001.p/4 is published with other content"},
    {"rm checkpoint", "no published checkpoint"},
    {"echo x > checkpoint", "published checkpoint: checkpoint line 2"},
    {"sed -i 1s/32473.1/32473.2/ checkpoint", "another log's"},
    {"sed -i 2s/520/519/ checkpoint", "the published checkpoint has size 519"},
    {"sed -i 2s/520/521/ checkpoint", "no checkpoint of tree size 521"},
    {"sed -i '3s/^./\\x41/;3s/^A\\(.\\)./A\\1x/' checkpoint", "with another root"},
    {"sed -i '5s/\\(.*\\)......../\\1AAAAAAA=/' checkpoint", "does not verify"},
    {"rm landmarks", "the landmarks file is missing"},
    {"echo 1 >> landmarks", "landmarks file: landmarks line 5"},
    {"sed -i 2s/520/519/ landmarks", "landmark 2 is published otherwise"},
    {"printf '0\\n0 0\\n' >landmarks", "begins with landmark 0; the newest is 2"},
};

static void damaged_folders(void **state) {
  struct fixture *f = *state;
  unsigned num_missed = 0;
  char command[512];
  (void)snprintf(command, sizeof command, "cp -a %s %s.sound", f->publish_folder,
                 f->publish_folder);
  assert_int_equal(system(command), 0);
  for (size_t i = 0; i < sizeof file_cases / sizeof file_cases[0]; i++) {
    (void)snprintf(command, sizeof command, "cd %s/%d && %s", f->publish_folder, LOG_NUMBER,
                   file_cases[i].shell);
    assert_int_equal(system(command), 0);
    if (!finds(f, file_cases[i].shell, file_cases[i].problem)) num_missed++;
    f->options.publish_folder = NULL; /* then nobody looks */
    (void)expect_sound(f);
    f->options.publish_folder = f->publish_folder;
    (void)snprintf(command, sizeof command, "rm -r %s && cp -a %s.sound %s", f->publish_folder,
                   f->publish_folder, f->publish_folder);
    assert_int_equal(system(command), 0);
  }
  assert_int_equal(num_missed, 0);
  /* Partial tiles of earlier sizes may be removed; the newest landmark may not be published yet. */
  (void)snprintf(command, sizeof command,
                 "cd %s/%d && rm tile/0/000.p/1 tile/1/000.p/1 && sed -i '1s/2/1/;2d' landmarks",
                 f->publish_folder, LOG_NUMBER);
  assert_int_equal(system(command), 0);
  (void)expect_sound(f);
}

static void another_key_signs_nothing(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes other = {0};
  char path[128];
  (void)snprintf(path, sizeof path, "%s/other.pem", f->folder);
  struct mtc_key_request request = {.uri = path, .algorithm = MTC_ALGORITHM_MLDSA44};
  assert_ok(mtc_key_generate(&request, &other, &error));
  f->options.public_key = mtc_span_of_bytes(&other);
  struct mtc_log_report report = examine(f);
  assert_true(report.num_problems >= 7);
  assert_non_null(strstr(report.first_problem, "does not verify"));
  mtc_bytes_free(&other);
}

static void an_invented_size_ends(void **state) {
  struct fixture *f = *state;
  damage_guarded(f,
                 "INSERT INTO checkpoints VALUES(3, 281474976710655, zeroblob(32), 2000000000,"
                 " 'committed'); UPDATE logs SET tree_size = 281474976710655");
  struct mtc_log_report report = examine(f);
  assert_true(report.num_problems >= 1000);
  assert_true(report.num_problems < 2000);
}

static void running_out_of_memory_is_said(void **state) {
  struct fixture *f = *state;
  struct mtc_store *store = NULL;
  mtc_status status = MTC_NOMEM;
  assert_ok(mtc_store_open(f->store_path, f->wire, &f->ca_id, LOG_NUMBER, true, &store, &error));
  for (long i = 0; i < 4000; i = i < 60 ? i + 1 : i + 97) {
    struct mtc_error error = {0};
    struct mtc_log_report report;
    mtc_alloc_fail_after(i);
    status = mtc_log_check(store, &f->options, &report, &error);
    mtc_alloc_fail_after(-1);
    if (status && status != MTC_NOMEM)
      fail_msg("%ld: %s: %s", i, mtc_status_name(status), error.text);
    if (!status && report.num_problems) fail_msg("%ld: %s", i, report.first_problem);
    if (!status) break;
  }
  mtc_store_close(store);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_log, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(a_sound_log_has_no_problem),
      test(damaged_databases),
      test(damaged_folders),
      test(another_key_signs_nothing),
      test(an_invented_size_ends),
      test(running_out_of_memory_is_said),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
