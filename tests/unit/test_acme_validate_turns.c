/* Whose turn it is: accounts one after the other, each within its bounds. */
#include "acme/queue.h"
#include "unit/acme_fixture.h"

struct item {
  struct acme_turn turn; /* first */
  uint64_t account_id;
  unsigned number;
};

#define MAX 4096
static struct item items[MAX];
static unsigned num_items;

static mtc_status put(struct acme_queue *queue, uint64_t account_id) {
  struct item *item = &items[num_items];
  *item = (struct item){.account_id = account_id, .number = num_items};
  mtc_status status = acme_queue_put(queue, account_id, &item->turn);
  if (!status) num_items++;
  return status;
}

static struct acme_queue make(unsigned max_waiting, unsigned each, unsigned running) {
  num_items = 0;
  return (struct acme_queue){
      .max_waiting = max_waiting, .max_waiting_each = each, .max_running_each = running};
}

/* Whose item is next, and -1 when nothing may run. */
static int take(struct acme_queue *queue) {
  const struct item *item = (struct item *)acme_queue_take(queue);
  return item ? (int)item->number : -1;
}

static void end(struct acme_queue *queue, int number) {
  acme_queue_end(queue, &items[number].turn);
}

static bool is_empty(const struct acme_queue *queue) {
  bool has_lines = queue->first || queue->last || queue->num_waiting;
  for (unsigned i = 0; i < ACME_QUEUE_BUCKETS; i++)
    has_lines = has_lines || queue->lines[i];
  return !has_lines;
}

static void test_one_account_is_in_order(void **state) {
  struct acme_queue queue = make(10, 10, 2);
  (void)state;
  assert_int_equal(take(&queue), -1);
  for (int i = 0; i < 4; i++)
    assert_int_equal(put(&queue, 7), MTC_OK);
  assert_int_equal(take(&queue), 0);
  assert_int_equal(take(&queue), 1);
  assert_int_equal(take(&queue), -1); /* its share runs */
  end(&queue, 1);
  assert_int_equal(take(&queue), 2);
  end(&queue, 0);
  assert_int_equal(take(&queue), 3);
  end(&queue, 2);
  end(&queue, 3);
  assert_int_equal(take(&queue), -1);
  assert_true(is_empty(&queue));
}

/* 100 of one account are there before the others come, whom they do not hold up. */
static void test_others_overtake(void **state) {
  struct acme_queue queue = make(1000, 1000, 8);
  (void)state;
  for (int i = 0; i < 100; i++)
    assert_int_equal(put(&queue, 1), MTC_OK);
  for (int i = 0; i < 4; i++)
    assert_int_equal(take(&queue), i);
  assert_int_equal(put(&queue, 1 + ACME_QUEUE_BUCKETS), MTC_OK); /* 100, of the same bucket */
  assert_int_equal(put(&queue, 3), MTC_OK);                      /* 101 */
  assert_int_equal(put(&queue, 3), MTC_OK);                      /* 102 */
  assert_int_equal(take(&queue), 4);
  assert_int_equal(take(&queue), 100);
  assert_int_equal(take(&queue), 101);
  assert_int_equal(take(&queue), 5);
  assert_int_equal(take(&queue), 102);
  assert_int_equal(take(&queue), 6);
  assert_int_equal(take(&queue), 7);
  assert_int_equal(take(&queue), -1); /* eight of the first run, and the others have nothing */
  assert_int_equal(put(&queue, 3), MTC_OK);
  assert_int_equal(take(&queue), 103);
  end(&queue, 3);
  assert_int_equal(take(&queue), 8);
  while (acme_queue_drain(&queue))
    continue;
  assert_false(is_empty(&queue)); /* some still run */
  for (int i = 0; i < 9; i++)
    if (i != 3) end(&queue, i);
  for (int i = 100; i < 104; i++)
    end(&queue, i);
  assert_true(is_empty(&queue));
}

static void test_bounds(void **state) {
  struct acme_queue queue = make(10, 4, 1);
  (void)state;
  for (int i = 0; i < 4; i++)
    assert_int_equal(put(&queue, 1), MTC_OK);
  assert_int_equal(put(&queue, 1), MTC_BUSY);
  for (int i = 0; i < 4; i++)
    assert_int_equal(put(&queue, 2), MTC_OK); /* one that is full is nobody else's business */
  assert_int_equal(take(&queue), 0);
  assert_int_equal(put(&queue, 1), MTC_OK); /* what runs does not wait */
  assert_int_equal(put(&queue, 1), MTC_BUSY);
  assert_int_equal(put(&queue, 3), MTC_OK);
  assert_int_equal(put(&queue, 4), MTC_OK);
  assert_int_equal(put(&queue, 5), MTC_BUSY); /* ten wait */
  mtc_alloc_fail_after(0);
  assert_int_equal(take(&queue), 4);
  assert_int_equal(put(&queue, 5), MTC_NOMEM);
  mtc_alloc_fail_after(-1);
  end(&queue, 0);
  end(&queue, 4);
  unsigned num = 0;
  while (acme_queue_drain(&queue))
    num++;
  assert_int_equal(num, 9);
  assert_true(is_empty(&queue));
}

/* Nobody waits longer than until each of the others has had a turn; nothing is lost. */
static void test_many(void **state) {
  enum { ACCOUNTS = 20, THREADS = 8 };
  struct acme_queue queue = make(MAX, MAX, 2);
  int running[THREADS], waits[ACCOUNTS] = {0};
  unsigned waiting[ACCOUNTS] = {0}, runs[ACCOUNTS] = {0}, num_taken = 0, random = 1;
  (void)state;
  for (unsigned i = 0; i < 2000; i++) {
    /* Most of it is the first account's. */
    uint64_t account = i % 4 ? 0 : i / 4 % ACCOUNTS;
    assert_int_equal(put(&queue, account), MTC_OK);
    waiting[account]++;
  }
  unsigned num_running = 0;
  while (num_taken < 2000 || num_running) {
    int number = num_running < THREADS ? take(&queue) : -1;
    if (number < 0) {
      random = random * 1103515245 + 12345;
      unsigned which = random / 65536 % num_running;
      runs[items[running[which]].account_id]--;
      end(&queue, running[which]);
      running[which] = running[--num_running];
      continue;
    }
    uint64_t account = items[number].account_id;
    running[num_running++] = number;
    assert_in_range(++runs[account], 1, 2);
    waiting[account]--;
    waits[account] = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++)
      if (i != account && waiting[i] && runs[i] < 2) assert_in_range(++waits[i], 0, 2 * ACCOUNTS);
    num_taken++;
  }
  assert_true(is_empty(&queue));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_account_is_in_order),
      cmocka_unit_test(test_others_overtake),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
