/* How much of a lying card each way of checking sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hash/card.h"

#define NUM_ENTRIES 25
#define EVERY 10

/* A card that hashed entry `wrong` from other bytes: leaves and nodes agree, the tree is not ours.
 */
static mtc_status check(enum mtc_card_check mode, uint64_t phase, size_t wrong) {
  static const uint8_t bytes[NUM_ENTRIES + 1] = {1};
  const struct mtc_frontier frontier = {0};
  struct mtc_span entries[NUM_ENTRIES];
  for (size_t i = 0; i < NUM_ENTRIES; i++)
    entries[i] = mtc_span_of(bytes, i + 1);
  const struct mtc_hash_job job = {&frontier, entries, NUM_ENTRIES};
  struct mtc_hash_result result;
  assert_int_equal(mtc_hash_result_alloc(&result, 0, NUM_ENTRIES), MTC_OK);
  if (wrong < NUM_ENTRIES) entries[wrong].data++;
  mtc_hash_on_cpu(&job, &result);
  if (wrong < NUM_ENTRIES) entries[wrong].data--;
  const struct mtc_card_checking checking = {.mode = mode, .sample_every = EVERY, .phase = phase};
  struct mtc_error error = {0};
  size_t num_checked;
  mtc_status status = mtc_card_check_batch(&checking, &job, &result, &num_checked, &error);
  mtc_hash_result_free(&result);
  return status;
}

static void a_wrong_entry_is_seen_where_leaves_are_checked(void **state) {
  (void)state;
  for (size_t wrong = 0; wrong < NUM_ENTRIES; wrong++) {
    assert_int_equal(check(MTC_CARD_CHECK_FULL, 0, wrong), MTC_DEVICE);
    assert_int_equal(check(MTC_CARD_CHECK_ROOT, 0, wrong), MTC_OK);
    for (uint64_t phase = 0; phase < 2 * EVERY; phase++) {
      mtc_status expected = wrong % EVERY == phase % EVERY ? MTC_DEVICE : MTC_OK;
      assert_int_equal(check(MTC_CARD_CHECK_SAMPLE, phase, wrong), expected);
    }
  }
}

static void a_right_batch_passes(void **state) {
  (void)state;
  assert_int_equal(check(MTC_CARD_CHECK_FULL, 0, NUM_ENTRIES), MTC_OK);
  assert_int_equal(check(MTC_CARD_CHECK_ROOT, 0, NUM_ENTRIES), MTC_OK);
  assert_int_equal(check(MTC_CARD_CHECK_SAMPLE, 3, NUM_ENTRIES), MTC_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_wrong_entry_is_seen_where_leaves_are_checked),
      cmocka_unit_test(a_right_batch_passes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
