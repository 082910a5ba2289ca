/* Creating, opening, owning a store; refusing what is not this CA's log. */
#include "unit/store_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static void a_new_log_is_empty(void **state) {
  struct fixture *f = *state;
  struct mtc_log_state log;
  struct mtc_hash empty;
  mtc_hash_message(mtc_span_of(NULL, 0), &empty);
  assert_ok(mtc_store_state(f->store, &log, &error));
  assert_int_equal(log.head.tree_size, 0);
  assert_true(mtc_hash_equal(&log.head.root, &empty));
  assert_false(log.has_pending);
  assert_int_equal(log.published_size, 0);
  assert_true(log.next_reserved == UINT64_MAX);
  int64_t not_after = -1;
  assert_ok(mtc_store_max_not_after(f->store, &not_after, &error));
  assert_int_equal(not_after, 0);
}

static void creating_overwrites_nothing(void **state) {
  struct fixture *f = *state;
  char path[128];
  assert_status(mtc_store_create(f->path, f->wire, &f->ca_id, LOG_NUMBER, &error), MTC_INPUT);
  (void)snprintf(path, sizeof path, "%s/none/log.db", f->folder);
  assert_status(mtc_store_create(path, f->wire, &f->ca_id, LOG_NUMBER, &error), MTC_IO);
  (void)snprintf(path, sizeof path, "%s/zero.db", f->folder);
  assert_status(mtc_store_create(path, f->wire, &f->ca_id, 0, &error), MTC_INPUT);
  struct stat info;
  assert_int_not_equal(stat(path, &info), 0);
}

static void one_process_owns_it(void **state) {
  struct fixture *f = *state;
  struct mtc_store *second = NULL, *reader = NULL;
  struct mtc_log_state log;
  assert_status(mtc_store_open(f->path, f->wire, &f->ca_id, LOG_NUMBER, false, &second, &error),
                MTC_BUSY);
  assert_null(second);
  assert_ok(mtc_store_open(f->path, f->wire, &f->ca_id, LOG_NUMBER, true, &reader, &error));
  add_batch(f, 3);
  assert_ok(mtc_store_state(reader, &log, &error));
  assert_int_equal(log.head.tree_size, 3);
  assert_status(mtc_store_reserve(reader, 10, 1, 0, &error), MTC_INPUT);
  mtc_store_close(reader);
  reopen(f); /* closing gave the lock back */
}

/* Whatever name leads to the file, it is one file. */
static void one_process_owns_it_under_every_name(void **state) {
  struct fixture *f = *state;
  struct mtc_store *second = NULL;
  char name[128];
  (void)snprintf(name, sizeof name, "%s/symlink.db", f->folder);
  assert_int_equal(symlink("log.db", name), 0);
  assert_status(mtc_store_open(name, f->wire, &f->ca_id, LOG_NUMBER, false, &second, &error),
                MTC_BUSY);
  (void)snprintf(name, sizeof name, "%s/other.db", f->folder);
  assert_int_equal(link(f->path, name), 0);
  assert_status(mtc_store_open(name, f->wire, &f->ca_id, LOG_NUMBER, false, &second, &error),
                MTC_INPUT);
  mtc_store_close(f->store);
  f->store = NULL;
  assert_status(open_store(f, false, &error), MTC_INPUT);
  assert_int_equal(unlink(name), 0);
  assert_ok(open_store(f, false, &error));
}

/* What is committed to a file without a name is lost: nothing more is. */
static void a_file_that_was_replaced_is_noticed(void **state) {
  static const char *const commands[] = {"mv log.db away && cp away log.db", "mv log.db away",
                                         "rm log.db-wal"};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    char command[256];
    (void)snprintf(command, sizeof command, "cd %s && %s", f->folder, commands[i]);
    assert_int_equal(system(command), 0);
    assert_status(mtc_store_reserve(f->store, 10, 1, 0, &error), MTC_FATAL);
    mtc_store_close(f->store);
    f->store = NULL;
    (void)snprintf(command, sizeof command, "cd %s && if [ -e away ]; then mv away log.db; fi",
                   f->folder);
    assert_int_equal(system(command), 0);
    assert_ok(open_store(f, false, &error));
  }
}

/* A reader that compares many rows sees one state of them. */
static void a_held_store_stands_still(void **state) {
  struct fixture *f = *state;
  struct mtc_store *reader = NULL;
  struct mtc_log_state log;
  add_batch(f, 3);
  assert_ok(mtc_store_open(f->path, f->wire, &f->ca_id, LOG_NUMBER, true, &reader, &error));
  assert_ok(mtc_store_hold(reader, &error));
  add_batch(f, 300);
  assert_ok(mtc_store_state(reader, &log, &error));
  assert_int_equal(log.head.tree_size, 3);
  mtc_store_let_go(reader);
  assert_ok(mtc_store_state(reader, &log, &error));
  assert_int_equal(log.head.tree_size, 303);
  mtc_store_close(reader);
}

static void another_ca_is_refused(void **state) {
  struct fixture *f = *state;
  struct mtc_store *store = NULL;
  struct mtc_tai other;
  const struct mtc_wire *other_wire = mtc_wire_get(MTC_WIRE_PLANTS_05);
  assert_ok(mtc_tai_parse(mtc_span_of_text("32473.2"), &other, &error));
  mtc_store_close(f->store);
  f->store = NULL;
  assert_status(mtc_store_open(f->path, f->wire, &other, LOG_NUMBER, false, &store, &error),
                MTC_INPUT);
  assert_status(mtc_store_open(f->path, f->wire, &f->ca_id, LOG_NUMBER + 1, false, &store, &error),
                MTC_INPUT);
  assert_status(mtc_store_open(f->path, other_wire, &f->ca_id, LOG_NUMBER, false, &store, &error),
                MTC_INPUT);
  assert_ok(open_store(f, false, &error)); /* the failures kept no lock */
}

static void refuse(struct fixture *f, const char *sql, mtc_status expected) {
  mtc_store_close(f->store);
  f->store = NULL;
  damage(f, sql);
  assert_status(open_store(f, false, &error), expected);
  assert_null(f->store);
}

static void a_newer_schema_is_refused(void **state) {
  refuse(*state, "PRAGMA user_version = 99", MTC_INPUT);
}

/* A store that a program before version 2 made: opened, migrated, and its reservations kept. */
static void an_older_schema_is_migrated(void **state) {
  struct fixture *f = *state;
  struct mtc_reservation found[4];
  size_t num;
  add_batch(f, 3);
  assert_ok(mtc_store_reserve(f->store, 5, 2, 77, &error));
  mtc_store_close(f->store);
  f->store = NULL;
  damage(f,
         "DROP TABLE reserved_subjects; DROP TABLE direct_certificates; DROP TABLE direct_issuers;"
         "DROP TABLE compromised_keys; DROP TABLE revocations; DROP TABLE withdrawn_requests; "
         "PRAGMA user_version = 1;");
  assert_status(open_store(f, true, &error), MTC_INPUT); /* a reader migrates nothing */
  assert_ok(open_store(f, false, &error));
  assert_ok(mtc_store_read_reservations(f->store, found, 4, &num, &error));
  assert_int_equal(num, 2);
  assert_int_equal(found[0].index, 5);
  assert_true(found[0].subject_start == UINT64_MAX);
  static const uint8_t name[] = {0x30, 0};
  assert_ok(mtc_store_reserve_for(f->store, 7, 1, 77, mtc_span_of(name, 2), &error));
  reopen(f);
  assert_ok(mtc_store_read_reservations(f->store, found, 4, &num, &error));
  assert_int_equal(found[2].subject_start, 7);
}

static void a_foreign_database_is_refused(void **state) {
  refuse(*state, "PRAGMA application_id = 1", MTC_INPUT);
}

static void an_altered_schema_is_refused(void **state) {
  refuse(*state, "DROP TRIGGER checkpoints_only_commit", MTC_CORRUPT);
}

static void a_missing_head_is_noticed(void **state) {
  refuse(*state,
         "PRAGMA writable_schema = 0; DROP TRIGGER checkpoints_are_kept; DELETE FROM checkpoints;"
         "CREATE TRIGGER checkpoints_are_kept BEFORE DELETE ON checkpoints"
         "  BEGIN SELECT RAISE(ABORT, 'checkpoints are kept'); END;",
         MTC_CORRUPT);
}

static void what_is_no_database_is_refused(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes noise = {0};
  mtc_store_close(f->store);
  f->store = NULL;
  for (unsigned i = 0; i < 9000; i++)
    mtc_bytes_append_uint(&noise, i * 7919u & 0xFF, 1);
  assert_ok(mtc_file_write_atomic(f->path, mtc_span_of_bytes(&noise), 0600, &error));
  assert_status(open_store(f, false, &error), MTC_CORRUPT);
  assert_ok(mtc_file_write_atomic(f->path, mtc_span_of(NULL, 0), 0600, &error));
  assert_status(open_store(f, false, &error), MTC_INPUT);
  assert_int_equal(unlink(f->path), 0);
  assert_status(open_store(f, false, &error), MTC_IO);
  /* A folder: the message names it, though SQLite does not. */
  assert_int_equal(mkdir(f->path, 0700), 0);
  for (int read_only = 0; read_only < 2; read_only++) {
    struct mtc_error text = {0};
    assert_int_equal(open_store(f, read_only, &text), MTC_IO);
    if (!strstr(text.text, f->path)) fail_msg("%s", text.text);
  }
  assert_int_equal(rmdir(f->path), 0);
  mtc_bytes_free(&noise);
}

static void any_damaged_page_is_survived(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes whole = {0};
  add_batch(f, 300);
  mtc_store_close(f->store);
  f->store = NULL;
  assert_ok(mtc_file_read(f->path, 1 << 24, &whole, &error));
  /* Three bytes of each 512, one version of the file each: opened or refused, never a crash. */
  unsigned num_refused = 0;
  for (size_t at = 100; at + 3 < whole.len; at += 512) {
    uint8_t saved[3];
    struct mtc_error error = {0};
    memcpy(saved, whole.data + at, 3);
    memset(whole.data + at, (int)(at * 31 >> 3 & 0xFF), 3);
    assert_int_equal(mtc_file_write_atomic(f->path, mtc_span_of_bytes(&whole), 0600, &error),
                     MTC_OK);
    mtc_status status = open_store(f, true, &error);
    if (status) num_refused++;
    for (uint64_t i = 0; !status && i < 300; i += 50) {
      struct mtc_bytes entry = {0};
      if (mtc_store_read_entry(f->store, i, &entry, NULL, &error)) num_refused++;
      mtc_bytes_free(&entry);
    }
    mtc_store_close(f->store);
    f->store = NULL;
    memcpy(whole.data + at, saved, 3);
  }
  assert_true(num_refused > 0);
  mtc_bytes_free(&whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_new_log_is_empty, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(creating_overwrites_nothing, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(one_process_owns_it, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(one_process_owns_it_under_every_name, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(a_file_that_was_replaced_is_noticed, make_fixture,
                                      free_fixture),
      cmocka_unit_test_setup_teardown(a_held_store_stands_still, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(another_ca_is_refused, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(an_older_schema_is_migrated, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_foreign_database_is_refused, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(an_altered_schema_is_refused, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(a_missing_head_is_noticed, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(what_is_no_database_is_refused, make_fixture, free_fixture),
      cmocka_unit_test_setup_teardown(any_damaged_page_is_survived, make_fixture, free_fixture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
