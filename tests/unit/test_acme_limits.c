/* Rate limits in fixed windows. */
#include "acme/limits.h"
#include "unit/acme_fixture.h"

#define NOW_S INT64_C(1800000000)

static struct acme_config config;
static struct acme_server server;

static void open_server(void **state) {
  struct mtc_error error = {""};
  config =
      (struct acme_config){.limits = {.accounts_per_address_hour = 2, .pending_authorizations = 3}};
  server = (struct acme_server){.config = &config};
  assert_int_equal(acme_db_open(path_in(*state, "acme.db"), true, &server.db, &error), MTC_OK);
  mtc_clock_set(NOW_S * 1000);
}

/* 0: allowed, else Retry-After. */
static unsigned check(enum acme_limit limit, const char *subject) {
  struct acme_problem problem = {0};
  struct mtc_error error = {""};
  assert_int_equal(acme_limit_check(&server, limit, subject, &problem, &error), MTC_OK);
  unsigned retry_after_s = problem.retry_after_s;
  assert_int_equal(problem.type, retry_after_s ? ACME_RATE_LIMITED : ACME_NONE);
  acme_problem_free(&problem);
  return retry_after_s;
}

static void count(enum acme_limit limit, const char *subject) {
  struct mtc_error error = {""};
  assert_int_equal(acme_limit_count(&server, limit, subject, &error), MTC_OK);
}

static void test_window(void **state) {
  open_server(state);
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  count(ACME_LIMIT_ACCOUNTS, "a");
  mtc_clock_set((NOW_S + 600) * 1000);
  count(ACME_LIMIT_ACCOUNTS, "a");
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 3000); /* the window is the first use's */
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "b"), 0);
  mtc_clock_set((NOW_S + 3599) * 1000);
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 1);
  mtc_clock_set((NOW_S + 3600) * 1000);
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  count(ACME_LIMIT_ACCOUNTS, "a"); /* a new window with one use */
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  count(ACME_LIMIT_ACCOUNTS, "a");
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 3600);
  assert_true(mtc_sql_close(server.db));
}

static void test_no_limit(void **state) {
  open_server(state);
  for (int i = 0; i < 10; i++)
    count(ACME_LIMIT_ORDERS, "a");
  assert_int_equal(check(ACME_LIMIT_ORDERS, "a"), 0);
  assert_true(mtc_sql_close(server.db));
}

static void test_clean(void **state) {
  struct mtc_error error = {""};
  bool has_more = true;
  open_server(state);
  count(ACME_LIMIT_ACCOUNTS, "a");
  count(ACME_LIMIT_ACCOUNTS, "a");
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3599, &has_more, &error), MTC_OK);
  assert_false(has_more);
  assert_int_not_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3600, &has_more, &error), MTC_OK);
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  /* As much as there is time for, and it says when there is another; each call does a piece. */
  assert_int_equal(
      mtc_sql_run(server.db,
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5500)"
                  " INSERT INTO rate_windows SELECT 'x' || i, 0, 1800003600, 1 FROM n",
                  &error),
      MTC_OK);
  for (unsigned i = 0; i < 6 && (i == 0 || has_more); i++)
    assert_int_equal(acme_limits_clean(server.db, NOW_S + 3600, &has_more, &error), MTC_OK);
  assert_false(has_more);
  assert_int_equal(mtc_sql_run(server.db, "CREATE TABLE none(n INTEGER CHECK (n = 0))", &error), 0);
  assert_int_equal(
      mtc_sql_run(server.db, "INSERT INTO none SELECT count(*) FROM rate_windows", &error), MTC_OK);
  assert_true(mtc_sql_close(server.db));
}

static bool is_pending_allowed(uint64_t account_id, size_t num_more) {
  struct acme_problem problem = {0};
  struct mtc_error error = {""};
  assert_int_equal(acme_limit_check_pending(&server, account_id, num_more, &problem, &error),
                   MTC_OK);
  return problem.type == ACME_NONE;
}

static void test_pending(void **state) {
  struct acme_identifier name = {ACME_DNS_NAME, "a.example"};
  struct acme_authorization authorization;
  struct mtc_error error = {""};
  open_server(state);
  assert_int_equal(
      mtc_sql_run(server.db, "INSERT INTO accounts VALUES (1, 't', '{}', 3, '[]', '', '', 0)",
                  &error),
      MTC_OK);
  assert_true(is_pending_allowed(1, 3));
  assert_false(is_pending_allowed(1, 4));
  for (int i = 0; i < 3; i++) {
    assert_int_equal(acme_authorization_make(1, &name, NOW_S + 10, &authorization, &error), 0);
    assert_int_equal(acme_authorization_insert(server.db, &authorization, &error), MTC_OK);
  }
  assert_true(is_pending_allowed(1, 0));
  assert_false(is_pending_allowed(1, 1));
  assert_true(is_pending_allowed(2, 3));
  mtc_clock_set((NOW_S + 10) * 1000); /* they have expired */
  assert_true(is_pending_allowed(1, 3));
  assert_true(mtc_sql_close(server.db));
}

static void test_set_of_names(void **state) {
  struct acme_identifier names[2] = {{ACME_DNS_NAME, "a.example"}, {ACME_DNS_NAME, "b.example"}};
  struct acme_identifier address = {ACME_IP_ADDRESS, "192.0.2.1"};
  char set[4][ACME_SET_NAME_LEN + 1];
  (void)state;
  assert_int_equal(acme_limit_name_set(names, 2, set[0]), MTC_OK);
  assert_int_equal(acme_limit_name_set(names, 1, set[1]), MTC_OK);
  assert_int_equal(acme_limit_name_set(&address, 1, set[2]), MTC_OK);
  address.type = ACME_DNS_NAME;
  assert_int_equal(acme_limit_name_set(&address, 1, set[3]), MTC_OK);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(strlen(set[i]), ACME_SET_NAME_LEN);
    for (int k = 0; k < i; k++)
      assert_string_not_equal(set[i], set[k]);
  }
}

/* How SQLite runs the statement that was kept with this text in it. */
static void explain(const char *part, char *out, size_t size) {
  sqlite3_stmt *statement = sqlite3_next_stmt(server.db, NULL), *plan;
  char sql[1024];
  size_t used = 0;
  while (statement && !strstr(sqlite3_sql(statement), part))
    statement = sqlite3_next_stmt(server.db, statement);
  assert_non_null(statement);
  (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql(statement));
  assert_int_equal(sqlite3_prepare_v2(server.db, sql, -1, &plan, NULL), SQLITE_OK);
  out[0] = 0;
  while (sqlite3_step(plan) == SQLITE_ROW && used < size)
    used += (size_t)snprintf(out + used, size - used, "%s\n", sqlite3_column_text(plan, 3));
  assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
}

/* An account that has had a million authorizations orders as fast as one that has had none. */
static void test_pending_are_counted_by_an_index(void **state) {
  char plan[1024];
  open_server(state);
  assert_true(is_pending_allowed(1, 3));
  explain("FROM authorizations", plan, sizeof plan);
  if (!strstr(plan, "USING COVERING INDEX authorizations_pending (account_id=? AND expires_s>?)"))
    fail_msg("%s", plan);
  assert_true(mtc_sql_close(server.db));
}

/* Windows that have passed are found by their end, not by reading all of them. */
static void test_windows_are_cleaned_by_an_index(void **state) {
  struct mtc_error error = {""};
  bool has_more;
  char plan[1024];
  open_server(state);
  assert_int_equal(acme_limits_clean(server.db, NOW_S, &has_more, &error), MTC_OK);
  explain("DELETE FROM rate_windows", plan, sizeof plan);
  if (!strstr(plan, "INDEX rate_windows_by_end (end_s<?)")) fail_msg("%s", plan);
  assert_true(mtc_sql_close(server.db));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_window),
      TEST(test_no_limit),
      TEST(test_clean),
      TEST(test_pending),
      TEST(test_set_of_names),
      TEST(test_pending_are_counted_by_an_index),
      TEST(test_windows_are_cleaned_by_an_index),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
