/* The ACME server's database: its rows come back as they were written; damage is found. */
#include <sys/stat.h>

#include "acme/rows.h"
#include "unit/acme_fixture.h"

#define NOW INT64_C(1800000000)

static sqlite3 *open_db(void **state) {
  sqlite3 *db;
  struct mtc_error error = {""};
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &db, &error), MTC_OK);
  return db;
}

static void run(sqlite3 *db, const char *sql) {
  struct mtc_error error = {""};
  assert_int_equal(mtc_sql_run(db, sql, &error), MTC_OK);
}

static void add_account(sqlite3 *db, uint64_t id, const char *thumbprint) {
  struct acme_account account = {.id = id, .state = ACME_VALID, .created_s = NOW};
  struct mtc_error error = {""};
  char jwk[] = "{}", contacts[] = "[\"mailto:a@b.c\"]", terms[] = "t", kid[] = "k";
  account.jwk = jwk;
  account.contacts = contacts;
  account.terms = terms;
  account.binding_kid = kid;
  (void)snprintf(account.thumbprint, sizeof account.thumbprint, "%s", thumbprint);
  assert_int_equal(acme_account_insert(db, &account, &error), MTC_OK);
}

static struct acme_authorization add_authorization(sqlite3 *db, const char *name,
                                                   enum acme_state state, int64_t validated_s,
                                                   int64_t expires_s) {
  struct acme_identifier identifier = {.type = ACME_DNS_NAME};
  struct acme_authorization authorization;
  struct mtc_error error = {""};
  (void)snprintf(identifier.value, sizeof identifier.value, "%s", name);
  assert_int_equal(acme_authorization_make(1, &identifier, expires_s, &authorization, &error),
                   MTC_OK);
  authorization.state = state;
  authorization.validated_s = validated_s;
  assert_int_equal(acme_authorization_insert(db, &authorization, &error), MTC_OK);
  return authorization;
}

static void test_open(void **state) {
  struct stat info;
  sqlite3 *db = open_db(state), *second;
  struct mtc_error error = {""};
  assert_int_equal(stat(path_in(*state, "acme.db"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  /* Another process beside it, and a later start. */
  second = open_db(state);
  add_account(second, 1, "x");
  assert_true(mtc_sql_close(second));
  static const char *const others[] = {"-1", "0", "99"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    char sql[64], text[32];
    (void)snprintf(sql, sizeof sql, "UPDATE schema_version SET version = %s", others[i]);
    (void)snprintf(text, sizeof text, "version %s,", others[i]);
    run(db, sql);
    assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &second, &error), MTC_INPUT);
    assert_non_null(strstr(error.text, text));
    assert_null(second);
  }
  assert_true(mtc_sql_close(db));
  assert_int_equal(acme_db_open("/nowhere/acme.db", true, &db, &error), MTC_IO);
}

static int64_t number_of(sqlite3 *db, const char *sql) {
  struct mtc_query query;
  struct mtc_error error = {""};
  int64_t number = -1;
  mtc_query_open(&query, db, sql, &error);
  if (mtc_query_next(&query)) number = mtc_query_int(&query, 0);
  assert_int_equal(mtc_query_close(&query), MTC_OK);
  return number;
}

/* A server's first database, with what a client had asked for, goes on with the next version. */
static void test_older_tables(void **state) {
  const char *path = path_in(*state, "acme.db");
  struct acme_authorization found;
  struct acme_issued issued;
  bool is_compromised;
  sqlite3 *db;
  struct mtc_error error = {""};
  assert_int_equal(mtc_file_write_atomic(path, mtc_span_of("", 0), 0600, &error), MTC_OK);
  assert_int_equal(mtc_sql_open(path, false, &db, &error), MTC_OK);
  for (const char *const *sql = acme_db_migration(0); *sql; sql++)
    run(db, *sql);
  add_account(db, 1, "x");
  run(db,
      "INSERT INTO authorizations VALUES"
      " (7, 1, 'dns', 'a.example', 0, 0, 1800000100, 'token', -1, 0, 0, '');"
      "INSERT INTO orders VALUES"
      " (5, 1, 3, '[]', '[]', 'mtc', 0, 1800000100, '', '', 0, '01', '', '');"
      "INSERT INTO certificates VALUES"
      " ('a.b', 5, 1, 'mtc', '01', 'compromised', 1, 2, 0, 1800000000, 1),"
      " ('a.c', 5, 1, 'mtc', '02', 'superseded', 1, 2, 0, 1800000000, 4),"
      " ('a.d', 5, 1, 'mtc', '03', 'kept', 1, 2, 0, 0, 0)");
  assert_int_equal(number_of(db, "SELECT version FROM schema_version"), 1);
  assert_true(mtc_sql_close(db));
  for (int i = 0; i < 2; i++) { /* the second time there is nothing left to do */
    db = open_db(state);
    assert_int_equal(number_of(db, "SELECT version FROM schema_version"), ACME_SCHEMA_VERSION);
    assert_int_equal(acme_authorization_load(db, 7, &found, &error), MTC_OK);
    assert_string_equal(found.identifier.value, "a.example");
    acme_authorization_free(&found);
    assert_int_equal(acme_issued_load(db, "a.c", &issued, &error), MTC_OK);
    assert_int_equal(issued.order_id, 5);
    assert_string_equal(issued.serial, "02");
    assert_int_equal(issued.reason, 4);
    static const char *const keys[] = {"compromised", "superseded", "kept"};
    for (size_t k = 0; k < 3; k++) {
      assert_int_equal(acme_compromised_find(db, keys[k], &is_compromised, &error), MTC_OK);
      assert_int_equal(is_compromised, k == 0);
    }
    assert_true(mtc_sql_close(db));
  }
}

static void test_not_a_database(void **state) {
  sqlite3 *db;
  struct mtc_error error = {""};
  const char *path = path_in(*state, "acme.db");
  char text[4096];
  memset(text, 'x', sizeof text);
  assert_int_equal(mtc_file_write_atomic(path, mtc_span_of(text, sizeof text), 0600, &error),
                   MTC_OK);
  assert_int_equal(acme_db_open(path, true, &db, &error), MTC_CORRUPT);
}

static void test_ids(void **state) {
  char text[ACME_ID_TEXT_LEN + 1], token[44];
  uint64_t id, back, before = 0;
  struct mtc_error error;
  (void)state;
  for (int i = 0; i < 100; i++) {
    assert_int_equal(acme_draw_id(&id, &error), MTC_OK);
    acme_format_id(id, text);
    assert_true(acme_parse_id(text, strlen(text), &back));
    assert_int_equal(id, back);
    assert_true(id > before && (i == 0 || id - before <= UINT64_C(1) << 32));
    before = id;
  }
  assert_int_equal(acme_random_token(32, token, &error), MTC_OK);
  assert_int_equal(strlen(token), 43);
  static const char *const bad[] = {"",
                                    "0",
                                    "0000000000000000",
                                    "8000000000000000",
                                    "000000000000000A",
                                    "00000000000000001",
                                    "000000000000000g",
                                    " 00000000000000a",
                                    "-00000000000000a"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(acme_parse_id(bad[i], strlen(bad[i]), &id));
  assert_false(acme_parse_id("00000000000000\0a", 16, &id));
}

/* Every statement was compiled once: values that are bound do not decide about its plan. */
static void close_db(sqlite3 *db) {
  for (sqlite3_stmt *at = sqlite3_next_stmt(db, NULL); at; at = sqlite3_next_stmt(db, at))
    if (sqlite3_stmt_status(at, SQLITE_STMTSTATUS_REPREPARE, 0) != 0)
      fail_msg("compiled again: %s", sqlite3_sql(at));
  assert_true(mtc_sql_close(db));
}

static void test_accounts(void **state) {
  sqlite3 *db = open_db(state);
  struct acme_account account;
  struct mtc_error error = {""};
  add_account(db, 7, "thumb");
  assert_int_equal(acme_account_find(db, "thumb", &account, &error), MTC_OK);
  assert_int_equal(account.id, 7);
  assert_string_equal(account.contacts, "[\"mailto:a@b.c\"]");
  assert_string_equal(account.binding_kid, "k");
  account.state = ACME_DEACTIVATED;
  assert_int_equal(acme_account_update(db, &account, &error), MTC_OK);
  acme_account_free(&account);
  assert_int_equal(acme_account_load(db, 7, &account, &error), MTC_OK);
  assert_int_equal(account.state, ACME_DEACTIVATED);
  acme_account_free(&account);
  assert_int_equal(acme_account_load(db, 8, &account, &error), MTC_OK);
  assert_int_equal(account.id, 0);
  run(db, "UPDATE accounts SET status = 99");
  assert_int_equal(acme_account_load(db, 7, &account, &error), MTC_CORRUPT);
  assert_int_equal(account.id, 0);
  close_db(db);
}

static void test_reuse(void **state) {
  sqlite3 *db = open_db(state);
  struct acme_authorization found;
  struct acme_identifier name = {ACME_DNS_NAME, "a.example"}, wild = {ACME_DNS_NAME, "*.a.example"};
  struct mtc_error error = {""};
  add_account(db, 1, "x");
  (void)add_authorization(db, "a.example", ACME_PENDING, 0, NOW + 100);
  (void)add_authorization(db, "a.example", ACME_INVALID, 0, NOW + 100);
  assert_int_equal(acme_authorization_find_valid(db, 1, &name, NOW - 50, NOW, &found, &error), 0);
  assert_int_equal(found.id, 0);
  struct acme_authorization valid =
      add_authorization(db, "a.example", ACME_VALID, NOW - 10, NOW + 100);
#define FINDS(account, identifier, validated, expires, expected)                                \
  do {                                                                                          \
    assert_int_equal(acme_authorization_find_valid(db, account, identifier, validated, expires, \
                                                   &found, &error),                             \
                     MTC_OK);                                                                   \
    assert_int_equal(found.id, expected);                                                       \
    acme_authorization_free(&found);                                                            \
  } while (0)
  FINDS(1, &name, NOW - 50, NOW, valid.id);
  FINDS(2, &name, NOW - 50, NOW, 0);       /* another account */
  FINDS(1, &wild, NOW - 50, NOW, 0);       /* a wildcard is more */
  FINDS(1, &name, NOW - 5, NOW, 0);        /* too old */
  FINDS(1, &name, NOW - 50, NOW + 100, 0); /* expires too soon */
  struct acme_authorization any =
      add_authorization(db, "*.a.example", ACME_VALID, NOW - 10, NOW + 100);
  assert_true(any.is_wildcard);
  assert_string_equal(any.identifier.value, "a.example");
  FINDS(1, &wild, NOW - 50, NOW, any.id);
  FINDS(1, &name, NOW - 50, NOW, valid.id);
  close_db(db);
}

static void add_order(sqlite3 *db, struct acme_order *order) {
  static char identifiers[] =
      "[{\"type\":\"dns\",\"value\":\"b.example\"},"
      "{\"type\":\"dns\",\"value\":\"a.example\"}]";
  static char profile[] = "mtc";
  struct mtc_error error = {""};
  order->account_id = 1;
  order->identifiers = identifiers;
  order->profile = profile;
  order->expires_s = NOW + 1000;
  assert_int_equal(acme_order_insert(db, order, &error), MTC_OK);
}

static enum acme_state state_of(sqlite3 *db, uint64_t id, int64_t now_s) {
  struct acme_order order;
  enum acme_state order_state;
  struct mtc_error error = {""};
  assert_int_equal(acme_order_load(db, id, &order, &error), MTC_OK);
  assert_int_equal(order.id, id);
  assert_int_equal(acme_order_state(db, &order, now_s, &order_state, &error), MTC_OK);
  acme_order_free(&order);
  return order_state;
}

static void set_state(sqlite3 *db, struct acme_authorization *authorization, enum acme_state to) {
  struct mtc_error error = {""};
  authorization->state = to;
  assert_int_equal(acme_authorization_update(db, authorization, &error), MTC_OK);
}

static void test_order_follows_its_authorizations(void **state) {
  sqlite3 *db = open_db(state);
  add_account(db, 1, "x");
  struct acme_authorization a = add_authorization(db, "a.example", ACME_PENDING, 0, NOW + 100);
  struct acme_authorization b = add_authorization(db, "b.example", ACME_PENDING, 0, NOW + 200);
  struct acme_order order = {.id = 5, .authorizations = {a.id, b.id}, .num_authorizations = 2};
  add_order(db, &order);
  assert_int_equal(state_of(db, 5, NOW), ACME_PENDING);
  set_state(db, &a, ACME_VALID);
  assert_int_equal(state_of(db, 5, NOW), ACME_PENDING);
  set_state(db, &b, ACME_VALID);
  assert_int_equal(state_of(db, 5, NOW), ACME_READY);
  assert_int_equal(state_of(db, 5, NOW + 100), ACME_INVALID); /* a has expired */
  set_state(db, &b, ACME_DEACTIVATED);
  assert_int_equal(state_of(db, 5, NOW), ACME_INVALID);
  set_state(db, &b, ACME_INVALID);
  assert_int_equal(state_of(db, 5, NOW), ACME_INVALID);
  set_state(db, &b, ACME_VALID);
  run(db, "UPDATE orders SET expires_s = 1800000000");
  assert_int_equal(state_of(db, 5, NOW), ACME_INVALID);
  run(db, "UPDATE orders SET status = 3"); /* what is final asks nobody */
  assert_int_equal(state_of(db, 5, NOW), ACME_VALID);
  run(db, "DELETE FROM authorizations; UPDATE orders SET status = 0, expires_s = 1800000001");
  assert_int_equal(state_of(db, 5, NOW), ACME_INVALID);
  close_db(db);
}

static void test_orders(void **state) {
  sqlite3 *db = open_db(state);
  struct acme_order order = {.id = 5, .authorizations = {9}, .num_authorizations = 1}, found;
  struct acme_identifier *identifiers = calloc(ACME_MAX_IDENTIFIERS, sizeof *identifiers);
  struct mtc_error error = {""};
  size_t num;
  add_account(db, 1, "x");
  add_order(db, &order);
  assert_int_equal(acme_order_find(db, "", &found, &error), MTC_OK);
  assert_int_equal(found.id, 0); /* no token is no token */
  assert_int_equal(acme_order_load(db, 5, &found, &error), MTC_OK);
  assert_int_equal(found.authorizations[0], 9);
  assert_int_equal(acme_order_identifiers(&found, identifiers, &num, &error), MTC_OK);
  assert_int_equal(num, 2);
  assert_string_equal(identifiers[0].value, "a.example"); /* sorted */
  (void)snprintf(found.landmark_token, sizeof found.landmark_token, "token");
  found.state = ACME_VALID;
  assert_int_equal(acme_order_update(db, &found, &error), MTC_OK);
  acme_order_free(&found);
  assert_int_equal(acme_order_find(db, "token", &found, &error), MTC_OK);
  assert_int_equal(found.id, 5);
  assert_int_equal(found.state, ACME_VALID);
  acme_order_free(&found);
  static const char *const damages[] = {
      "UPDATE orders SET authorizations = '[]'", "UPDATE orders SET authorizations = 'x'",
      "UPDATE orders SET authorizations = '[\"1\"]'", "UPDATE orders SET authorizations = '[1]'",
      "UPDATE orders SET authorizations = '[\"0000000000000009\"]', status = 8"};
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    run(db, damages[i]);
    assert_int_equal(acme_order_load(db, 5, &found, &error), MTC_CORRUPT);
  }
  run(db, "UPDATE orders SET status = 0, identifiers = '[{\"type\":\"dns\"}]'");
  assert_int_equal(acme_order_load(db, 5, &found, &error), MTC_OK);
  assert_int_equal(acme_order_identifiers(&found, identifiers, &num, &error), MTC_CORRUPT);
  acme_order_free(&found);
  free(identifiers);
  close_db(db);
}

static void test_issued(void **state) {
  sqlite3 *db = open_db(state);
  struct acme_issued issued = {.order_id = 5, .account_id = 1, .not_after_s = NOW}, found;
  struct acme_order order = {.id = 5, .authorizations = {9}, .num_authorizations = 1};
  struct mtc_error error = {""};
  add_account(db, 1, "x");
  add_order(db, &order);
  (void)snprintf(issued.cert_id, sizeof issued.cert_id, "aa.bb");
  (void)snprintf(issued.serial, sizeof issued.serial, "01");
  assert_int_equal(acme_issued_insert(db, &issued, &error), MTC_OK);
  assert_int_equal(acme_issued_load(db, "aa.bb", &found, &error), MTC_OK);
  assert_int_equal(found.order_id, 5);
  found.revoked_s = NOW;
  found.replaced_by = 6;
  assert_int_equal(acme_issued_update(db, &found, &error), MTC_OK);
  /* Issued once more by a process that was away: what is known stays. */
  assert_int_equal(acme_issued_insert(db, &issued, &error), MTC_OK);
  assert_int_equal(acme_issued_load(db, "aa.bb", &found, &error), MTC_OK);
  assert_int_equal(found.revoked_s, NOW);
  assert_int_equal(found.replaced_by, 6);
  assert_int_equal(acme_issued_load(db, "none", &found, &error), MTC_OK);
  assert_string_equal(found.cert_id, "");
  close_db(db);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_open),     TEST(test_not_a_database), TEST(test_ids),
      TEST(test_accounts), TEST(test_reuse),          TEST(test_order_follows_its_authorizations),
      TEST(test_orders),   TEST(test_issued),         TEST(test_older_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
