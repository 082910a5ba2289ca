/*
 * A process is killed at every fault point, and another one goes on with the same log: what was
 * acknowledged is there, no index is given twice, no tree size gets two roots.
 */
#include "unit/engine_fixture.h"

#include <sys/wait.h>

enum { NUM_KEYED = 6, NUM_RESERVED = 2, NUM_EACH = NUM_KEYED + NUM_RESERVED, MAX_SERIALS = 1024 };
#define CLOCK_STEP_MS 100000 /* so that what a dead process reserved has expired */

#define REPORT_FD 3

static const char *own_path;

/* --- the process that is killed --- */

struct report_context {
  unsigned serial;
  struct answer answer;
};

/* Tells the parent first, as a daemon tells its client. */
static void report(void *context, const struct mtc_receipt *receipt) {
  struct report_context *reported = context;
  char line[64];
  int len = snprintf(line, sizeof line, "%u %llu %d\n", reported->serial,
                     (unsigned long long)receipt->index, (int)receipt->status);
  if (write(REPORT_FD, line, (size_t)len) != len) abort();
  keep_answer(&reported->answer, receipt);
}

static void submit_reported(struct fixture *f, struct report_context *context,
                            const uint64_t *reserved) {
  struct entry entry;
  char id[32];
  (void)snprintf(id, sizeof id, "request-%u", context->serial);
  make_entry(f, context->serial, id, &entry);
  entry.submission.at_reserved = reserved != NULL;
  if (reserved) entry.submission.reserved_index = *reserved;
  assert_ok(mtc_engine_submit(f->engine, &entry.submission, report, context, &error));
  free_entry(&entry);
}

static const char *folder;
static unsigned first_serial;
static int64_t now_ms;

static void be_the_child(void **state) {
  static struct fixture f;
  struct report_context contexts[NUM_EACH] = {0};
  char path[160];
  uint64_t reserved = 0;
  int64_t expires_s;
  (void)state;
  mtc_clock_set(now_ms);
  (void)snprintf(f.folder, sizeof f.folder, "%s", folder);
  prepare(&f, MTC_WIRE_PLANTS_07);
  (void)snprintf(path, sizeof path, "%s/public.der", folder);
  assert_ok(mtc_file_read(path, 65536, &f.public_key, &error));
  open_signer(&f);
  set_options(&f);
  f.options.batch_max_entries = 4;
  assert_ok(open_engine(&f, &error));
  for (unsigned i = 0; i < NUM_EACH; i++)
    contexts[i].serial = first_serial + i;
  for (unsigned i = 0; i < NUM_KEYED / 2; i++)
    submit_reported(&f, &contexts[i], NULL);
  assert_ok(mtc_engine_reserve(f.engine, NUM_RESERVED, &reserved, &expires_s, &error));
  for (unsigned i = NUM_KEYED / 2; i < NUM_KEYED; i++)
    submit_reported(&f, &contexts[i], NULL);
  for (unsigned i = NUM_RESERVED; i-- > 0;) {
    uint64_t index = reserved + i;
    submit_reported(&f, &contexts[NUM_KEYED + i], &index);
  }
  /* What was logged before the crash keeps its index and leaves the new reservation unfilled. */
  struct answer last = {0};
  mtc_clock_set(now_ms + CLOCK_STEP_MS / 2 + 60000);
  assert_ok(submit(&f, MAX_SERIALS, NULL, &last, &error)); /* wakes the engine up to the new time */
  for (unsigned i = 0; i < NUM_EACH; i++)
    await(&contexts[i].answer);
  await(&last);
  struct mtc_landmark landmark;
  struct mtc_error error;
  mtc_status status = mtc_engine_allocate_landmark(f.engine, &landmark, &error);
  if (status && status != MTC_BUSY) fail_msg("%s", error.text);
  close_engine(&f);
  mtc_signer_close(f.signer);
  mtc_hasher_close(f.hasher);
  mtc_bytes_free(&f.public_key);
}

/* --- its parent --- */

struct history {
  int64_t now_ms;
  bool acknowledged[MAX_SERIALS];
  uint64_t index[MAX_SERIALS];
  unsigned num_serials;
  struct mtc_head heads[4 * MAX_SERIALS]; /* by tree size; tree_size 0: not seen */
};

/* Runs a child to its end; its acknowledgements go into the history. Gives the signal. */
static int spawn(struct fixture *f, struct history *h, unsigned from_serial, const char *fault) {
  int pipes[2], result = 0;
  char serial[16], now[32];
  h->now_ms += CLOCK_STEP_MS;
  (void)snprintf(serial, sizeof serial, "%u", from_serial);
  (void)snprintf(now, sizeof now, "%lld", (long long)h->now_ms);
  h->now_ms += CLOCK_STEP_MS;
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (pipes[0] != REPORT_FD) (void)close(pipes[0]);
    if (pipes[1] != REPORT_FD) {
      (void)dup2(pipes[1], REPORT_FD);
      (void)close(pipes[1]);
    }
    if (fault) (void)setenv("MTC_FAULT", fault, 1);
    (void)execl(own_path, own_path, "child", f->folder, serial, now, (char *)NULL);
    _exit(99);
  }
  (void)close(pipes[1]);
  FILE *lines = fdopen(pipes[0], "r");
  unsigned at;
  unsigned long long index;
  int status;
  while (fscanf(lines, "%u %llu %d", &at, &index, &status) == 3) {
    assert_int_equal(status, MTC_OK);
    assert_true(at < MAX_SERIALS);
    if (h->acknowledged[at]) assert_int_equal(h->index[at], index);
    h->acknowledged[at] = true;
    h->index[at] = index;
  }
  (void)fclose(lines);
  assert_int_equal(waitpid(pid, &result, 0), pid);
  if (WIFSIGNALED(result)) return WTERMSIG(result);
  if (WEXITSTATUS(result)) fail_msg("%s: exit code %d", fault ? fault : "", WEXITSTATUS(result));
  return 0;
}

/* A checkpoint that may have been signed never changes, also when it is only pending. */
static void remember_head(struct history *h, const struct mtc_head *head) {
  assert_true(head->tree_size < sizeof h->heads / sizeof h->heads[0]);
  struct mtc_head *seen = &h->heads[head->tree_size];
  if (seen->tree_size) {
    assert_true(mtc_hash_equal(&seen->root, &head->root));
    assert_int_equal(seen->timestamp_s, head->timestamp_s);
  }
  *seen = *head;
}

/* What is stored now: every acknowledged entry, at its index, and no index twice. */
static void inspect(struct fixture *f, struct history *h) {
  static bool used[4 * MAX_SERIALS];
  struct mtc_store *store = NULL;
  struct mtc_log_state state;
  struct mtc_head heads[64];
  size_t num;
  memset(used, 0, sizeof used);
  mtc_clock_set(h->now_ms);
  (void)expect_sound(f);
  assert_ok(mtc_store_open(f->store_path, f->wire, &f->ca_id, LOG_NUMBER, true, &store, &error));
  assert_ok(mtc_store_state(store, &state, &error));
  if (state.has_pending) remember_head(h, &state.pending);
  for (uint64_t from = 0;; from = heads[num - 1].tree_size + 1) {
    assert_ok(mtc_store_read_heads(store, from, heads, 64, &num, &error));
    if (num == 0) break;
    for (size_t i = 0; i < num; i++)
      remember_head(h, &heads[i]);
  }
  for (unsigned i = 0; i < h->num_serials; i++) {
    struct mtc_bytes stored = {0};
    struct mtc_request_row row;
    struct entry entry;
    char id[32];
    bool found;
    if (!h->acknowledged[i]) continue;
    (void)snprintf(id, sizeof id, "request-%u", i);
    assert_ok(mtc_store_find_request(store, id, &found, &row, &error));
    assert_true(found);
    assert_int_equal(row.index, h->index[i]);
    assert_false(used[row.index]);
    used[row.index] = true;
    assert_ok(mtc_store_read_entry(store, row.index, &stored, NULL, &error));
    make_entry(f, i, NULL, &entry);
    assert_true(mtc_span_equal(mtc_span_of_bytes(&stored), entry.submission.entry));
    free_entry(&entry);
    mtc_bytes_free(&stored);
  }
  mtc_store_close(store);
}

/* Kills a process at each of `faults` in turn, then lets one come to its end. */
static void crash_at(struct fixture *f, struct history *h, const char *const *faults,
                     size_t num_faults) {
  unsigned from = h->num_serials;
  h->num_serials += NUM_EACH;
  for (size_t i = 0; i < num_faults; i++) {
    if (spawn(f, h, from, faults[i]) != SIGKILL) fail_msg("%s: not reached", faults[i]);
    inspect(f, h);
  }
  assert_int_equal(spawn(f, h, from, NULL), 0);
  for (unsigned i = from; i < h->num_serials; i++)
    assert_true(h->acknowledged[i]);
  inspect(f, h);
}

static void killed_at_every_state(void **state) {
  static const char *const states[] = {"collect", "seal",    "hash",   "stage",  "sign",
                                       "commit",  "publish", "cosign", "certify"};
  struct fixture *f = *state;
  static struct history history;
  history = (struct history){.now_ms = INT64_C(1000) * VERIFY_TIME};
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
    for (unsigned passage = 1; passage <= 2; passage++) {
      for (unsigned after = 0; after < 2; after++) {
        char name[48];
        (void)snprintf(name, sizeof name, "%s.%s:%u", states[i], after ? "after" : "before",
                       passage);
        const char *fault = name;
        crash_at(f, &history, &fault, 1);
      }
    }
  }
}

/* Recovery is killed, too, in every place where it writes. */
static void killed_again_while_recovering(void **state) {
  struct fixture *f = *state;
  static struct history history;
  history = (struct history){.now_ms = INT64_C(1000) * VERIFY_TIME};
  crash_at(f, &history, (const char *const[]){"store.stage"}, 1);
  crash_at(f, &history, (const char *const[]){"stage.after", "store.commit", "store.commit"}, 3);
  crash_at(f, &history, (const char *const[]){"store.commit", "store.commit"}, 2);
  crash_at(f, &history, (const char *const[]){"commit.after", "collect.before"}, 2);
  crash_at(f, &history, (const char *const[]){"sign.after", "stage.after", "sign.after"}, 3);
}

static int make_parent(void **state) {
  struct fixture *f = make_fixture_of(MTC_WIRE_PLANTS_07);
  char path[160];
  close_engine(f);
  mtc_signer_close(f->signer);
  f->signer = NULL;
  (void)snprintf(path, sizeof path, "%s/public.der", f->folder);
  assert_ok(mtc_file_write_atomic(path, mtc_span_of_bytes(&f->public_key), 0644, &error));
  *state = f;
  return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_parent, free_fixture)

int main(int argc, char **argv) {
#ifndef MTC_FAULT_POINTS
  (void)fputs("skipped: this preset has no fault points\n", stderr);
  return 77;
#endif
  mtc_log_init("test", MTC_LOG_ERROR);
  if (argc == 5 && strcmp(argv[1], "child") == 0) {
    const struct CMUnitTest child[] = {cmocka_unit_test(be_the_child)};
    folder = argv[2];
    first_serial = (unsigned)strtoul(argv[3], NULL, 10);
    now_ms = strtoll(argv[4], NULL, 10);
    return cmocka_run_group_tests(child, NULL, NULL);
  }
  const struct CMUnitTest tests[] = {
      test(killed_at_every_state),
      test(killed_again_while_recovering),
  };
  own_path = argv[0];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
