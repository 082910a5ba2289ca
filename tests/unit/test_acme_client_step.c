/* What the ACME client does next: state and time in, step out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "acme/client_step.h"

#define DAY_S 86400
#define NOW_S INT64_C(1800000000)

static const char wanted[] = "a";

/* A deployed certificate of ten days, a day old, about which nothing is due. */
static struct acme_client_state settled(void) {
  struct acme_client_state state = {
      .last_generation = 1,
      .current = {1, NOW_S + 9 * DAY_S},
      .not_before_s = NOW_S - DAY_S,
      .is_deployed = true,
      .ask_at_s = NOW_S + 3600,
      .identity = "a",
  };
  return state;
}

static enum acme_client_step next(const struct acme_client_state *state) {
  return acme_client_next(state, wanted, NOW_S, 0);
}

static void test_new(void **context) {
  struct acme_client_state state = {0};
  (void)context;
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
  assert_int_equal(acme_client_next(&state, wanted, NOW_S, 1u << ACME_CLIENT_ORDER),
                   ACME_CLIENT_NOTHING);
  state.order.generation = state.last_generation = 1;
  strcpy(state.order.identity, "a");
  assert_int_equal(next(&state), ACME_CLIENT_CONTINUE);
  state.retry_at_s = NOW_S + 1;
  assert_int_equal(next(&state), ACME_CLIENT_CONTINUE);
  state.failures = 1;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.retry_at_s = NOW_S;
  assert_int_equal(next(&state), ACME_CLIENT_CONTINUE);
  /* Further away than anything is put off: the clock was wrong then. */
  state.retry_at_s = NOW_S + ACME_CLIENT_MAX_WAIT_S;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.retry_at_s = NOW_S + ACME_CLIENT_MAX_WAIT_S + 1;
  assert_int_equal(next(&state), ACME_CLIENT_CONTINUE);
  strcpy(state.order.identity, "b");
  assert_int_equal(next(&state), ACME_CLIENT_DROP);
}

static void test_settled(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.is_deployed = false;
  state.hook_due = true;
  assert_int_equal(next(&state), ACME_CLIENT_DEPLOY);
  state.is_deployed = true;
  assert_int_equal(next(&state), ACME_CLIENT_HOOK);
  assert_int_equal(acme_client_next(&state, wanted, NOW_S, 1u << ACME_CLIENT_HOOK),
                   ACME_CLIENT_NOTHING);
  state.hook_due = false;
  state.hook_landmark_due = true;
  assert_int_equal(next(&state), ACME_CLIENT_HOOK);
  state.hook_landmark_due = false;
  state.ask_at_s = NOW_S;
  assert_int_equal(next(&state), ACME_CLIENT_ASK);
  state.ask_at_s = NOW_S + 3600;
  state.old[0] = (struct acme_client_generation){7, NOW_S};
  state.num_old = 1;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.old[0].not_after_s = NOW_S - 1;
  assert_int_equal(next(&state), ACME_CLIENT_CLEAN);
  /* Proofs are left of an order that is over. */
  state.num_old = 0;
  state.num_proofs = 1;
  assert_int_equal(next(&state), ACME_CLIENT_CLEAN);
  state.order = (struct acme_client_open_order){.generation = 2, .identity = "a"};
  assert_int_equal(next(&state), ACME_CLIENT_CONTINUE);
}

static void test_landmark(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  strcpy(state.landmark_url, "https://ca.test/landmark");
  assert_int_equal(next(&state), ACME_CLIENT_LANDMARK);
  state.landmark_at_s = NOW_S + 1;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.landmark_at_s = 0;
  /* An order goes before it, and does not wait for it. */
  state.renew_at_s = NOW_S;
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
  state.renew_at_s = 0;
  state.has_landmark = true;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.has_landmark = false;
  state.current.not_after_s = NOW_S - 1;
  assert_int_equal(acme_client_next(&state, wanted, NOW_S, 1u << ACME_CLIENT_ORDER),
                   ACME_CLIENT_NOTHING);
}

static void test_renewal(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  /* Two thirds of ten days; what a server says is kept within the lifetime. */
  assert_true(acme_client_renewal_time(&state) == state.not_before_s + 576000);
  state.renew_at_s = NOW_S + 100 * DAY_S;
  assert_true(acme_client_renewal_time(&state) == NOW_S + 9 * DAY_S - DAY_S / 2);
  state.renew_at_s = NOW_S + 1;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  state.renew_at_s = NOW_S;
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
  state.retry_at_s = NOW_S + 60;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  /* Another configuration does not wait, but for the back-off of a failure. */
  strcpy(state.identity, "b");
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
  state.failures = 1;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
}

static void test_window(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  for (uint32_t random = 0; random < 200; random += 7) {
    state.renew_at_s = 0;
    acme_client_note_window(&state, NOW_S + 1000, NOW_S + 1100, random);
    assert_true(state.renew_at_s == NOW_S + 1000 + random % 101);
  }
  /* What was chosen is kept while it lies within. */
  state.renew_at_s = NOW_S + 1050;
  acme_client_note_window(&state, NOW_S + 1050, NOW_S + 2000, 5);
  assert_true(state.renew_at_s == NOW_S + 1050);
  acme_client_note_window(&state, NOW_S - 100, NOW_S - 1, 50);
  assert_true(state.renew_at_s == NOW_S - 50);
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
  acme_client_note_no_window(&state, 9);
  assert_true(state.renew_at_s == NOW_S - 50);
  state.renew_at_s = 0;
  acme_client_note_no_window(&state, 9);
  assert_true(state.renew_at_s == state.not_before_s + 576000 - 9);
}

static void test_wait(void **context) {
  (void)context;
  assert_true(acme_client_wait(1, 0, 0) == 60);
  assert_true(acme_client_wait(1, 0, 14) == 46);
  assert_true(acme_client_wait(1, 0, 15) == 60);
  assert_true(acme_client_wait(3, 0, 0) == 240);
  assert_true(acme_client_wait(3, 1000, 0) == 1000);
  assert_true(acme_client_wait(1000, 0, 0) == ACME_CLIENT_MAX_WAIT_S);
  assert_true(acme_client_wait(1, INT64_MAX, 0) == ACME_CLIENT_MAX_WAIT_S);
  assert_true(acme_client_wait(1000, 0, UINT32_MAX) >= ACME_CLIENT_MAX_WAIT_S * 3 / 4);
}

static void test_failure(void **context) {
  struct acme_client_state state = {0};
  (void)context;
  acme_client_note_failure(&state, NOW_S, 0, 0, "bad\nthing\x1b");
  assert_string_equal(state.problem, "bad?thing?");
  assert_int_equal(state.failures, 1);
  assert_true(state.retry_at_s == NOW_S + 60);
  acme_client_note_failure(&state, NOW_S, 500, 0, "again");
  assert_true(state.retry_at_s == NOW_S + 500);
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  acme_client_note_success(&state);
  assert_int_equal(next(&state), ACME_CLIENT_ORDER);
}

static void test_certificate(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  state.failures = 4;
  state.has_landmark = true;
  for (unsigned i = 2; i < 30; i++) {
    state.order = (struct acme_client_open_order){.generation = i, .identity = "a"};
    acme_client_note_certificate(&state, NOW_S, NOW_S + i * DAY_S, "id", "https://ca.test/l", NOW_S,
                                 0);
    assert_int_equal(state.num_old, i - 1 < ACME_CLIENT_MAX_OLD ? i - 1 : ACME_CLIENT_MAX_OLD);
  }
  assert_int_equal(state.current.number, 29);
  for (size_t i = 0; i < state.num_old; i++) /* those that expire first have made room */
    assert_true(state.old[i].number >= 21);
  assert_int_equal(state.order.generation, 0);
  assert_true(state.hook_due && !state.is_deployed && !state.has_landmark && !state.failures);
  assert_int_equal(next(&state), ACME_CLIENT_DEPLOY);
  state.is_deployed = true;
  state.hook_due = false;
  assert_int_equal(next(&state), ACME_CLIENT_ASK);
  /* A server that always suggests to renew at once gets no order from every run. */
  acme_client_note_window(&state, NOW_S - 1000, NOW_S - 1, 0);
  state.ask_at_s = NOW_S + 60;
  state.landmark_at_s = NOW_S + 60;
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  assert_int_equal(acme_client_next(&state, wanted, NOW_S + 3600, 1u << ACME_CLIENT_ASK),
                   ACME_CLIENT_ORDER);
}

static void test_no_landmark(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  acme_client_note_no_landmark(&state, NOW_S, 77, 0);
  assert_true(state.landmark_at_s == NOW_S + 77);
  acme_client_note_no_landmark(&state, NOW_S, 10 * DAY_S, 0);
  assert_true(state.landmark_at_s == NOW_S + DAY_S);
  /* For ever "not yet", without a time: asked less and less often, at least four times a day. */
  for (unsigned i = 0; i < 2000; i++)
    acme_client_note_no_landmark(&state, NOW_S, 0, 0);
  assert_true(state.landmark_at_s == NOW_S + 21600);
  assert_int_equal(state.landmark_tries, 1000);
}

static void test_alternates(void **context) {
  struct acme_client_state state = settled();
  (void)context;
  acme_client_note_alternates(&state, "a b c");
  assert_true(state.is_alternate);
  assert_string_equal(state.landmark_url, "a");
  assert_string_equal(state.alternates, "b c");
  acme_client_drop_alternate(&state, true);
  assert_string_equal(state.landmark_url, "b");
  assert_string_equal(state.alternates, "c a");
  acme_client_drop_alternate(&state, false);
  assert_string_equal(state.landmark_url, "c");
  assert_string_equal(state.alternates, "a");
  acme_client_drop_alternate(&state, true);
  assert_string_equal(state.landmark_url, "a");
  assert_string_equal(state.alternates, "c");
  acme_client_drop_alternate(&state, false);
  acme_client_drop_alternate(&state, true); /* the only one stays */
  assert_string_equal(state.landmark_url, "c");
  acme_client_drop_alternate(&state, false);
  assert_string_equal(state.landmark_url, "");
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
  acme_client_note_alternates(&state, "");
  assert_int_equal(next(&state), ACME_CLIENT_NOTHING);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_new),         cmocka_unit_test(test_settled),
      cmocka_unit_test(test_landmark),    cmocka_unit_test(test_renewal),
      cmocka_unit_test(test_window),      cmocka_unit_test(test_wait),
      cmocka_unit_test(test_failure),     cmocka_unit_test(test_certificate),
      cmocka_unit_test(test_no_landmark), cmocka_unit_test(test_alternates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
