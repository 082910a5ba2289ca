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
  char subject[16];
  open_server(state);
  count(ACME_LIMIT_ACCOUNTS, "a");
  count(ACME_LIMIT_ACCOUNTS, "a");
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3599, &has_more, &error), MTC_OK);
  assert_false(has_more);
  assert_int_not_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3600, &has_more, &error), MTC_OK);
  assert_int_equal(check(ACME_LIMIT_ACCOUNTS, "a"), 0);
  /* A piece at a time, and it says when there is another. */
  for (int i = 0; i < 1500; i++) {
    (void)snprintf(subject, sizeof subject, "%d", i);
    count(ACME_LIMIT_ACCOUNTS, subject);
  }
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3600, &has_more, &error), MTC_OK);
  assert_true(has_more);
  assert_int_equal(acme_limits_clean(server.db, NOW_S + 3600, &has_more, &error), MTC_OK);
  assert_false(has_more);
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_window),
      TEST(test_no_limit),
      TEST(test_clean),
      TEST(test_pending),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
