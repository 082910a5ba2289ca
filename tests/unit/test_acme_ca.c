/* Calls of a CA's daemon: a real server, and peers that hang, die and lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "acme/ca.h"
#include "mtc/runtime.h"

enum method { ECHO = 1, HOLD, REFUSE };
enum { LONG_MS = 60000, MAX_HELD = 8192, MANY = 4000 };

static char folder[] = "/tmp/mtc-test-XXXXXX", path[64];
static struct acme_ca *ca;

/* What the calls of a test ended with. */
static struct ends {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t num, num_ok, num_lost, num_late, num_refused, num_wrong, num_maybe;
  char text[768];
} ends = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct fixture {
  struct mtc_rpc_server *server;
  pthread_t thread;
  size_t num_held;
  struct held {
    struct mtc_rpc_request *request;
    uint8_t body[8];
  } held[MAX_HELD];
} now;

static void handle(void *context, uint8_t method, struct mtc_span body,
                   struct mtc_rpc_request *request) {
  struct fixture *fixture = context;
  if (method == ECHO) {
    mtc_rpc_answer(request, body);
  } else if (method == REFUSE) {
    mtc_rpc_refuse(request, MTC_INPUT, "field \"x\" is wrong");
  } else {
    pthread_mutex_lock(&ends.mutex);
    struct held *held = &fixture->held[fixture->num_held++];
    held->request = request;
    if (body.len == 8) memcpy(held->body, body.data, 8);
    pthread_cond_broadcast(&ends.changed);
    pthread_mutex_unlock(&ends.mutex);
  }
}

static void *run_server(void *server) {
  return mtc_rpc_server_run(server) == MTC_OK ? NULL : server;
}

static void start_server(void) {
  struct mtc_error error = {""};
  now.num_held = 0;
  assert_int_equal(mtc_rpc_server_open(path, handle, &now, &now.server, &error), MTC_OK);
  assert_int_equal(pthread_create(&now.thread, NULL, run_server, now.server), 0);
}

static void stop_server(void) {
  mtc_rpc_server_stop(now.server);
  pthread_join(now.thread, NULL);
  mtc_rpc_server_close(now.server);
  now.server = NULL;
}

/* Answers what is held, the last one first. */
static void answer_held(size_t num) {
  pthread_mutex_lock(&ends.mutex);
  while (now.num_held < num)
    pthread_cond_wait(&ends.changed, &ends.mutex);
  pthread_mutex_unlock(&ends.mutex);
  while (now.num_held) {
    struct held *held = &now.held[--now.num_held];
    mtc_rpc_answer(held->request, mtc_span_of(held->body, 8));
  }
}

static int prepare(void **state) {
  (void)state;
  ends = (struct ends){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  return acme_ca_open(path, &ca, &(struct mtc_error){""}) == MTC_OK ? 0 : -1;
}

static int clean(void **state) {
  (void)state;
  acme_ca_close(ca);
  if (now.server) stop_server();
  (void)unlink(path);
  return 0;
}

/* `context`, when given, is the number that the answer must carry. */
static void done(void *context, const struct acme_ca_result *result) {
  pthread_mutex_lock(&ends.mutex);
  ends.num++;
  ends.num_maybe += result->may_be_done;
  if (result->status == MTC_OK) {
    ends.num_ok++;
    struct mtc_reader reader = mtc_reader_of(result->body);
    uint64_t number;
    if (context && (!mtc_read_uint(&reader, 8, &number) || reader.len ||
                    number != (uint64_t)(uintptr_t)context))
      ends.num_wrong++;
  }
  ends.num_lost += result->status == MTC_IO;
  ends.num_late += result->status == MTC_BUSY;
  ends.num_refused += result->status == MTC_INPUT;
  (void)snprintf(ends.text, sizeof ends.text, "%s", result->text);
  pthread_cond_broadcast(&ends.changed);
  pthread_mutex_unlock(&ends.mutex);
}

static mtc_status call(unsigned method, uint64_t number, unsigned timeout_ms) {
  uint8_t body[8];
  for (unsigned i = 0; i < 8; i++)
    body[i] = (uint8_t)(number >> (56 - 8 * i));
  return acme_ca_call(ca, (enum mtc_rpc_method)method, mtc_span_of(body, sizeof body), timeout_ms,
                      done, (void *)(uintptr_t)number);
}

static void wait_for(size_t num) {
  pthread_mutex_lock(&ends.mutex);
  while (ends.num < num)
    pthread_cond_wait(&ends.changed, &ends.mutex);
  pthread_mutex_unlock(&ends.mutex);
  assert_int_equal(ends.num, num);
}

static void answers_come_to_their_calls(void **state) {
  (void)state;
  start_server();
  for (uint64_t i = 1; i <= MANY; i++)
    assert_int_equal(call(ECHO, i, LONG_MS), MTC_OK);
  wait_for(MANY);
  assert_int_equal(ends.num_ok, MANY);
  assert_int_equal(ends.num_wrong, 0);
  assert_int_equal(ends.num_maybe, 0);
}

static void answers_come_in_any_order(void **state) {
  (void)state;
  start_server();
  for (uint64_t i = 1; i <= MANY; i++)
    assert_int_equal(call(HOLD, i, LONG_MS), MTC_OK);
  assert_int_equal(call(HOLD, 1, LONG_MS), MTC_BUSY); /* one too many */
  answer_held(MANY);
  wait_for(MANY);
  assert_int_equal(ends.num_ok, MANY);
  assert_int_equal(ends.num_wrong, 0);
  assert_int_equal(call(ECHO, 1, LONG_MS), MTC_OK);
  wait_for(MANY + 1);
}

static void refusal_is_told_with_its_text(void **state) {
  (void)state;
  start_server();
  assert_int_equal(call(REFUSE, 1, LONG_MS), MTC_OK);
  wait_for(1);
  assert_int_equal(ends.num_refused, 1);
  assert_string_equal(ends.text, "field \"x\" is wrong");
}

static void one_call_is_waited_for(void **state) {
  (void)state;
  struct mtc_bytes out = {0};
  struct mtc_error error = {""};
  start_server();
  mtc_bytes_append_text(&out, "old");
  assert_int_equal(acme_ca_call_wait(ca, (enum mtc_rpc_method)ECHO, mtc_span_of_text("hello"),
                                     LONG_MS, &out, &error),
                   MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&out), mtc_span_of_text("hello")));
  assert_int_equal(acme_ca_call_wait(ca, (enum mtc_rpc_method)REFUSE, mtc_span_of_text(""), LONG_MS,
                                     &out, &error),
                   MTC_INPUT);
  assert_string_equal(error.text, "field \"x\" is wrong");
  mtc_bytes_free(&out);
}

static void absent_daemon_is_waited_for(void **state) {
  (void)state;
  assert_int_equal(call(ECHO, 1, 100), MTC_OK);
  wait_for(1);
  assert_int_equal(ends.num_late, 1);
  assert_int_equal(ends.num_maybe, 0);
  assert_non_null(strstr(ends.text, path));
  assert_int_equal(call(ECHO, 2, LONG_MS), MTC_OK);
  start_server();
  wait_for(2);
  assert_int_equal(ends.num_ok, 1);
}

/* What must not be sent later ends; what may, waits beside it and keeps its place. */
static void absent_daemon_is_not_waited_for(void **state) {
  (void)state;
  assert_int_equal(call(ECHO, 1, LONG_MS), MTC_OK);
  for (size_t i = 1; i <= 3; i++) {
    assert_int_equal(acme_ca_call_now(ca, (enum mtc_rpc_method)ECHO, mtc_span_of_text("now"),
                                      LONG_MS, done, NULL),
                     MTC_OK);
    wait_for(i);
    assert_int_equal(ends.num_lost, i);
    assert_int_equal(ends.num_maybe, 0);
    assert_non_null(strstr(ends.text, path));
  }
  assert_int_equal(call(ECHO, 2, LONG_MS), MTC_OK);
  start_server();
  wait_for(5);
  assert_int_equal(ends.num_ok, 2);
  assert_int_equal(ends.num_wrong, 0);
  assert_int_equal(
      acme_ca_call_now(ca, (enum mtc_rpc_method)ECHO, mtc_span_of_text("now"), LONG_MS, done, NULL),
      MTC_OK);
  wait_for(6);
  assert_int_equal(ends.num_ok, 3);
}

static void daemon_that_dies_ends_what_it_got(void **state) {
  (void)state;
  start_server();
  for (uint64_t i = 1; i <= 100; i++)
    assert_int_equal(call(HOLD, i, LONG_MS), MTC_OK);
  pthread_mutex_lock(&ends.mutex);
  while (now.num_held < 100)
    pthread_cond_wait(&ends.changed, &ends.mutex);
  pthread_mutex_unlock(&ends.mutex);
  stop_server();
  wait_for(100);
  assert_int_equal(ends.num_lost, 100);
  assert_int_equal(ends.num_maybe, 100);
  assert_int_equal(call(ECHO, 1, LONG_MS), MTC_OK);
  while (now.num_held) /* into the void */
    mtc_rpc_answer(now.held[--now.num_held].request, mtc_span_of_text(""));
  start_server();
  wait_for(101);
  assert_int_equal(ends.num_ok, 1);
}

static void late_answer_is_no_other_calls(void **state) {
  (void)state;
  start_server();
  for (uint64_t i = 1; i <= 50; i++)
    assert_int_equal(call(HOLD, i, 50), MTC_OK);
  wait_for(50);
  assert_int_equal(ends.num_late, 50);
  for (uint64_t i = 51; i <= 100; i++)
    assert_int_equal(call(HOLD, i, LONG_MS), MTC_OK);
  answer_held(100);
  wait_for(100);
  assert_int_equal(ends.num_ok, 50);
  assert_int_equal(ends.num_wrong, 0);
}

static void closing_ends_every_call(void **state) {
  (void)state;
  start_server();
  assert_int_equal(call(HOLD, 1, LONG_MS), MTC_OK);
  pthread_mutex_lock(&ends.mutex);
  while (now.num_held < 1)
    pthread_cond_wait(&ends.changed, &ends.mutex);
  pthread_mutex_unlock(&ends.mutex);
  acme_ca_close(ca);
  assert_int_equal(ends.num, 1);
  assert_int_equal(ends.num_late, 1);
  assert_int_equal(ends.num_maybe, 1);
  mtc_rpc_answer(now.held[0].request, mtc_span_of_text(""));
  assert_int_equal(acme_ca_open(path, &ca, &(struct mtc_error){""}), MTC_OK);
  assert_int_equal(call(ECHO, 2, LONG_MS), MTC_OK);
  acme_ca_close(ca); /* whether it was answered or not */
  ca = NULL;
  assert_int_equal(ends.num, 2);
}

/* A peer made by hand. */
static int listen_raw(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 8), 0);
  return fd;
}

/* Reads one request with an 8-byte body; its frame has 17 bytes. */
static void read_request(int fd, uint8_t frame[17]) {
  assert_int_equal(recv(fd, frame, 17, MSG_WAITALL), 17);
}

static void garbage_ends_the_connection(void **state) {
  (void)state;
  static const struct {
    uint8_t bytes[24];
    size_t len;
    bool own_tag;
  } answers[] = {
      {{0, 0, 0, 4, 0, 0, 0, 0}, 8, false},                /* too short for a head */
      {{0, 16, 0, 1, 0, 0, 0, 0, 0}, 9, false},            /* over 1 MiB */
      {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0}, 9, false}, /* far over */
      {{0, 0, 0, 5, 2, 0, 0, 0, 0}, 9, true},              /* unknown kind */
      {{0, 0, 0, 5, 1, 0, 0, 0, 0}, 9, true},              /* no status */
      {{0, 0, 0, 6, 1, 0, 0, 0, 0, 0}, 10, true},          /* refused with OK */
      {{0, 0, 0, 6, 1, 0, 0, 0, 0, 200}, 10, true},        /* unknown status */
      {{0, 0, 0, 5, 0, 0xff, 0xff, 0xff, 0xff}, 9, false}, /* a tag nobody has */
      {{0, 0, 0, 5, 0, 0, 0x80, 0, 0}, 9, false},          /* the slot's, of another time */
      {{'H', 'T', 'T', 'P', '/', '1', '.', '1', ' '}, 9, false},
  };
  int listener = listen_raw();
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    uint8_t frame[17], bytes[24], end;
    assert_int_equal(call(ECHO, i + 1, LONG_MS), MTC_OK);
    int fd = accept(listener, NULL, NULL);
    read_request(fd, frame);
    memcpy(bytes, answers[i].bytes, sizeof bytes);
    if (answers[i].own_tag) memcpy(bytes + 5, frame + 5, 4);
    assert_int_equal(send(fd, bytes, answers[i].len, MSG_NOSIGNAL), (ssize_t)answers[i].len);
    wait_for(i + 1);
    assert_int_equal(ends.num_lost, i + 1);
    assert_int_equal(ends.num_maybe, i + 1);
    assert_true(recv(fd, &end, 1, 0) <= 0);
    (void)close(fd);
  }
  (void)close(listener);
}

static void answer_in_pieces_is_one_answer(void **state) {
  (void)state;
  uint8_t frame[17];
  int listener = listen_raw();
  assert_int_equal(call(ECHO, 77, LONG_MS), MTC_OK);
  int fd = accept(listener, NULL, NULL);
  read_request(fd, frame);
  assert_int_equal(frame[4], ECHO);
  frame[4] = 0;
  for (size_t i = 0; i < sizeof frame; i++)
    assert_int_equal(send(fd, frame + i, 1, MSG_NOSIGNAL), 1);
  wait_for(1);
  assert_int_equal(ends.num_ok, 1);
  assert_int_equal(ends.num_wrong, 0);
  (void)close(fd);
  (void)close(listener);
}

/* What was not sent when the connection was lost is carried by the next one. */
static void hanging_daemon_costs_time_only(void **state) {
  (void)state;
  enum { NUM = 40, LEN = 100000 };
  static uint8_t body[LEN];
  char received[4096];
  int listener = listen_raw();
  for (uintptr_t i = 0; i < NUM; i++)
    assert_int_equal(
        acme_ca_call(ca, (enum mtc_rpc_method)ECHO, mtc_span_of(body, LEN), 200, done, NULL),
        MTC_OK);
  int fd = accept(listener, NULL, NULL);
  wait_for(NUM); /* it reads nothing: time is up */
  assert_int_equal(ends.num_late, NUM);
  assert_true(ends.num_maybe < NUM);
  size_t num_maybe = ends.num_maybe;
  for (uintptr_t i = 0; i < NUM; i++)
    assert_int_equal(
        acme_ca_call(ca, (enum mtc_rpc_method)ECHO, mtc_span_of(body, LEN), LONG_MS, done, NULL),
        MTC_OK);
  assert_true(recv(fd, received, sizeof received, 0) > 0);
  (void)close(fd);
  (void)close(listener);
  (void)unlink(path);
  start_server();
  wait_for(2 * NUM);
  /* Those that the socket had taken are lost; the rest came through. */
  assert_int_equal(ends.num_ok + ends.num_lost, NUM);
  assert_int_equal(ends.num_maybe, num_maybe + ends.num_lost);
  assert_true(ends.num_ok > 0);
}

static void *call_much(void *number) {
  for (uint64_t i = 0; i < 500; i++)
    if (call(ECHO, (uint64_t)(uintptr_t)number * 1000 + i, LONG_MS)) return number;
  return NULL;
}

static void many_threads_call(void **state) {
  (void)state;
  pthread_t threads[4];
  start_server();
  for (uintptr_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, call_much, (void *)(i + 1)), 0);
  for (size_t i = 0; i < 4; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  wait_for(2000);
  assert_int_equal(ends.num_ok, 2000);
  assert_int_equal(ends.num_wrong, 0);
}

static void call_again(void *context, const struct acme_ca_result *result) {
  size_t *left = context;
  if (result->status == MTC_OK && --*left &&
      acme_ca_call(ca, (enum mtc_rpc_method)ECHO, result->body, LONG_MS, call_again, left) ==
          MTC_OK)
    return;
  done(NULL, result);
}

static void an_end_may_make_the_next_call(void **state) {
  (void)state;
  size_t left = 100;
  start_server();
  assert_int_equal(acme_ca_call(ca, (enum mtc_rpc_method)ECHO, mtc_span_of_text("x"), LONG_MS,
                                call_again, &left),
                   MTC_OK);
  wait_for(1);
  assert_int_equal(left, 0);
}

static void what_cannot_be_begun_is_said(void **state) {
  (void)state;
  static uint8_t body[MTC_RPC_MAX_FRAME];
  struct mtc_error error = {""};
  struct acme_ca *other = NULL;
  char long_path[200];
  assert_int_equal(acme_ca_call(ca, (enum mtc_rpc_method)ECHO, mtc_span_of(body, sizeof body),
                                LONG_MS, done, NULL),
                   MTC_INPUT);
  memset(long_path, 'x', sizeof long_path);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(acme_ca_open(long_path, &other, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "199 bytes"));
  for (long i = 0; i < 2; i++) {
    mtc_alloc_fail_after(i);
    assert_int_equal(call(ECHO, 1, LONG_MS), MTC_NOMEM);
    mtc_alloc_fail_after(i);
    assert_int_equal(acme_ca_open(path, &other, &error), MTC_NOMEM);
  }
  mtc_alloc_fail_after(-1);
  acme_ca_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(answers_come_to_their_calls, prepare, clean),
      cmocka_unit_test_setup_teardown(answers_come_in_any_order, prepare, clean),
      cmocka_unit_test_setup_teardown(refusal_is_told_with_its_text, prepare, clean),
      cmocka_unit_test_setup_teardown(one_call_is_waited_for, prepare, clean),
      cmocka_unit_test_setup_teardown(absent_daemon_is_waited_for, prepare, clean),
      cmocka_unit_test_setup_teardown(absent_daemon_is_not_waited_for, prepare, clean),
      cmocka_unit_test_setup_teardown(daemon_that_dies_ends_what_it_got, prepare, clean),
      cmocka_unit_test_setup_teardown(late_answer_is_no_other_calls, prepare, clean),
      cmocka_unit_test_setup_teardown(closing_ends_every_call, prepare, clean),
      cmocka_unit_test_setup_teardown(garbage_ends_the_connection, prepare, clean),
      cmocka_unit_test_setup_teardown(answer_in_pieces_is_one_answer, prepare, clean),
      cmocka_unit_test_setup_teardown(hanging_daemon_costs_time_only, prepare, clean),
      cmocka_unit_test_setup_teardown(many_threads_call, prepare, clean),
      cmocka_unit_test_setup_teardown(an_end_may_make_the_next_call, prepare, clean),
      cmocka_unit_test_setup_teardown(what_cannot_be_begun_is_said, prepare, clean),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  if (!mkdtemp(folder)) return 1;
  (void)snprintf(path, sizeof path, "%s/s", folder);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  (void)rmdir(folder);
  return failed;
}
