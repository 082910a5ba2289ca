/* Many threads at once: every submission gets one answer, and no index is given twice. */
#include "unit/engine_fixture.h"

enum { NUM_THREADS = 8, NUM_EACH = 150, NUM = NUM_THREADS * NUM_EACH };

struct worker {
  struct fixture *f;
  unsigned at;
  unsigned num_refused;
  struct answer *answers;
  struct answer *repeats;
  const char *problem;
};

/* Submits, repeats every third key, reads certificates and counters in between. */
static void *work(void *context) {
  struct worker *worker = context;
  struct fixture *f = worker->f;
  for (unsigned i = 0; i < NUM_EACH; i++) {
    struct mtc_error error = {0};
    struct mtc_bytes certificate = {0};
    struct mtc_engine_stats stats;
    char id[32];
    unsigned serial = worker->at + i;
    (void)snprintf(id, sizeof id, "request-%u", serial);
    while (submit(f, serial, id, &worker->answers[serial], &error) == MTC_BUSY) {
      worker->num_refused++;
      (void)sched_yield();
    }
    if (i % 3 == 0) {
      while (submit(f, serial, id, &worker->repeats[serial], &error) == MTC_BUSY)
        (void)sched_yield();
    }
    mtc_engine_stats(f->engine, &stats);
    if (stats.tree_size && i % 10 == 0) {
      mtc_status status =
          mtc_engine_certificate(f->engine, stats.tree_size - 1, false, &certificate, NULL, &error);
      if (status) worker->problem = "no certificate";
    }
    mtc_bytes_free(&certificate);
  }
  return NULL;
}

static void eight_threads(void **state) {
  struct fixture *f = *state;
  static struct answer answers[NUM], repeats[NUM];
  static bool seen[NUM];
  struct worker workers[NUM_THREADS];
  pthread_t threads[NUM_THREADS];
  memset(answers, 0, sizeof answers);
  memset(repeats, 0, sizeof repeats);
  with_options(f, (o->batch_max_entries = 64, o->queue_max_entries = 100));
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    workers[i] = (struct worker){f, i * NUM_EACH, 0, answers, repeats, NULL};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  /* Landmarks from yet another thread, while the tree grows. */
  for (unsigned i = 0; i < 20; i++) {
    struct mtc_landmark landmark;
    struct mtc_error error;
    uint64_t size = stats_of(f).tree_size;
    mtc_status status = mtc_engine_allocate_landmark(f->engine, &landmark, &error);
    if (status && status != MTC_BUSY) fail_msg("%s", error.text);
    until(f, stats.tree_size != size || stats.tree_size == NUM);
  }
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (workers[i].problem) fail_msg("%s", workers[i].problem);
  }
  for (unsigned i = 0; i < NUM; i++) {
    uint64_t index = await_index(&answers[i]);
    assert_true(index < NUM);
    assert_false(seen[index]);
    seen[index] = true;
    if (i % NUM_EACH % 3 == 0) assert_int_equal(await_index(&repeats[i]), index);
  }
  assert_int_equal(stats_of(f).tree_size, NUM);
  assert_int_equal(expect_sound(f).num_null_entries, 0);
}

/* Each thread reserves and fills its own, backwards, while the others do. */
static void *reserve_and_fill(void *context) {
  struct worker *worker = context;
  for (unsigned i = 0; i < NUM_EACH; i += 5) {
    struct mtc_error error = {0};
    uint64_t first;
    int64_t expires_s;
    if (mtc_engine_reserve(worker->f->engine, 5, &first, &expires_s, &error))
      worker->problem = "no reservation";
    for (unsigned k = 5; k-- > 0;) {
      struct answer *answer = &worker->answers[worker->at + i + k];
      if (submit_at(worker->f, worker->at + i + k, first + k, answer, &error))
        worker->problem = "cannot fill";
    }
  }
  return NULL;
}

static void threads_with_reservations(void **state) {
  struct fixture *f = *state;
  static struct answer answers[NUM];
  static bool seen[NUM];
  struct worker workers[NUM_THREADS];
  pthread_t threads[NUM_THREADS];
  memset(answers, 0, sizeof answers);
  memset(seen, 0, sizeof seen);
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    workers[i] = (struct worker){f, i * NUM_EACH, 0, answers, NULL, NULL};
    assert_int_equal(pthread_create(&threads[i], NULL, reserve_and_fill, &workers[i]), 0);
  }
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (workers[i].problem) fail_msg("%s", workers[i].problem);
  }
  for (unsigned i = 0; i < NUM; i++) {
    uint64_t index = await_index(&answers[i]);
    assert_true(index < NUM);
    assert_false(seen[index]);
    seen[index] = true;
    if (i % 5) assert_int_equal(index, answers[i - 1].receipt.index + 1);
  }
  assert_int_equal(expect_sound(f).num_null_entries, 0);
}

/* Closing with much in the queue: whoever was accepted is answered, once. */
static void *submit_until_stopped(void *context) {
  struct worker *worker = context;
  for (unsigned i = 0; i < NUM_EACH; i++) {
    struct mtc_error error = {0};
    struct answer *answer = &worker->answers[worker->at + i];
    if (submit(worker->f, worker->at + i, NULL, answer, &error)) worker->num_refused++;
  }
  return NULL;
}

static void close_answers_everybody(void **state) {
  struct fixture *f = *state;
  static struct answer answers[NUM];
  struct worker workers[NUM_THREADS];
  pthread_t threads[NUM_THREADS];
  unsigned num_answered = 0, num_refused = 0, num_logged = 0;
  memset(answers, 0, sizeof answers);
  with_options(f, (o->batch_max_entries = 16, o->queue_max_entries = 200));
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    workers[i] = (struct worker){f, i * NUM_EACH, 0, answers, NULL, NULL};
    assert_int_equal(pthread_create(&threads[i], NULL, submit_until_stopped, &workers[i]), 0);
  }
  for (unsigned i = 0; i < NUM_THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    num_refused += workers[i].num_refused;
  }
  close_engine(f);
  for (unsigned i = 0; i < NUM; i++) {
    assert_true(answers[i].times <= 1);
    num_answered += answers[i].times;
    if (answers[i].times && !answers[i].receipt.status) num_logged++;
  }
  assert_int_equal(num_answered + num_refused, NUM);
  assert_int_equal(expect_sound(f).tree_size, num_logged);
  assert_ok(open_engine(f, &error));
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      test(eight_threads),
      test(threads_with_reservations),
      test(close_answers_everybody),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
