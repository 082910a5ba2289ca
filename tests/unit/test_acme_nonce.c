/* Replay nonces: each good once, none forged, two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "acme/nonce.h"

#define WINDOW (1u << 20)

static struct acme_nonces *nonces;

static int open_nonces(void **state) {
  (void)state;
  return acme_nonces_open(&nonces, NULL) == MTC_OK ? 0 : -1;
}

static int close_nonces(void **state) {
  (void)state;
  acme_nonces_close(nonces);
  return 0;
}

static void good_once(void **state) {
  (void)state;
  char a[ACME_NONCE_LEN + 1], b[ACME_NONCE_LEN + 1];
  acme_nonces_give(nonces, a);
  acme_nonces_give(nonces, b);
  assert_int_equal(strlen(a), ACME_NONCE_LEN);
  assert_string_not_equal(a, b);
  assert_true(acme_nonces_take(nonces, b));
  assert_true(acme_nonces_take(nonces, a));
  assert_false(acme_nonces_take(nonces, a));
  assert_false(acme_nonces_take(nonces, b));
}

static void none_forged(void **state) {
  (void)state;
  char nonce[ACME_NONCE_LEN + 2], other[ACME_NONCE_LEN + 1];
  struct acme_nonces *others;
  acme_nonces_give(nonces, nonce);
  for (size_t i = 0; i < ACME_NONCE_LEN; i++) {
    char was = nonce[i];
    nonce[i] = was == 'E' ? 'I' : 'E';
    assert_false(acme_nonces_take(nonces, nonce));
    nonce[i] = '=';
    assert_false(acme_nonces_take(nonces, nonce));
    nonce[i] = 0;
    assert_false(acme_nonces_take(nonces, nonce));
    nonce[i] = was;
  }
  nonce[ACME_NONCE_LEN] = 'A';
  nonce[ACME_NONCE_LEN + 1] = 0;
  assert_false(acme_nonces_take(nonces, nonce));
  nonce[ACME_NONCE_LEN] = 0;
  assert_false(acme_nonces_take(nonces, ""));
  assert_false(acme_nonces_take(nonces, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  assert_int_equal(acme_nonces_open(&others, NULL), MTC_OK);
  acme_nonces_give(others, other);
  assert_false(acme_nonces_take(nonces, other));
  acme_nonces_close(others);
  acme_nonces_close(NULL);
  assert_true(acme_nonces_take(nonces, nonce));
}

static void window_moves_on(void **state) {
  (void)state;
  char oldest[ACME_NONCE_LEN + 1], second[ACME_NONCE_LEN + 1], newer[ACME_NONCE_LEN + 1];
  acme_nonces_give(nonces, oldest);
  acme_nonces_give(nonces, second);
  for (size_t i = 0; i < WINDOW - 1; i++)
    acme_nonces_give(nonces, newer);
  assert_false(acme_nonces_take(nonces, oldest));
  assert_true(acme_nonces_take(nonces, second));
  assert_true(acme_nonces_take(nonces, newer));
  acme_nonces_give(nonces, newer); /* the same bit as `second` had */
  assert_true(acme_nonces_take(nonces, newer));
  assert_false(acme_nonces_take(nonces, second));
}

#define NUM_SHARED 2000
static char shared[NUM_SHARED][ACME_NONCE_LEN + 1];

/* Both threads try to use each nonce; each gives and takes its own in between. */
static void *take_all(void *num_taken) {
  for (size_t i = 0; i < NUM_SHARED; i++) {
    char own[ACME_NONCE_LEN + 1];
    acme_nonces_give(nonces, own);
    if (acme_nonces_take(nonces, shared[i])) (*(unsigned *)num_taken)++;
    if (!acme_nonces_take(nonces, own)) return nonces; /* its own was refused */
  }
  return NULL;
}

static void one_thread_wins(void **state) {
  (void)state;
  pthread_t threads[2];
  unsigned num_taken[2] = {0};
  for (size_t i = 0; i < NUM_SHARED; i++)
    acme_nonces_give(nonces, shared[i]);
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_all, &num_taken[i]), 0);
  for (size_t i = 0; i < 2; i++) {
    void *problem;
    assert_int_equal(pthread_join(threads[i], &problem), 0);
    assert_null(problem);
  }
  assert_int_equal(num_taken[0] + num_taken[1], NUM_SHARED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(good_once, open_nonces, close_nonces),
      cmocka_unit_test_setup_teardown(none_forged, open_nonces, close_nonces),
      cmocka_unit_test_setup_teardown(window_moves_on, open_nonces, close_nonces),
      cmocka_unit_test_setup_teardown(one_thread_wins, open_nonces, close_nonces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
