/* The HTTP server: requests and answers, framing that is refused, threads, the end. */
#include "http_fixture.h"

#define HOST "Host: localhost\r\n"

static int set_up(void **state) {
  (void)state;
  struct http_options options = usual_options();
  open_server(&options);
  return 0;
}

/* Threads that answer what is held, for "/later". */
static pthread_t answering[4];
static unsigned num_answering;

static void stop_answering(void) {
  pthread_mutex_lock(&now.mutex);
  now.stopping = true;
  pthread_cond_broadcast(&now.changed);
  pthread_mutex_unlock(&now.mutex);
  while (num_answering)
    pthread_join(answering[--num_answering], NULL);
}

static int tear_down(void **state) {
  (void)state;
  stop_answering();
  close_server();
  return 0;
}

static void expect(const char *request, unsigned status, const char *body) {
  struct mtc_bytes answer = {0};
  assert_int_equal(ask(request, strlen(request), &answer), status);
  if (body) expect_body(&answer, body);
  mtc_bytes_free(&answer);
}

static void requests_arrive_whole(void **state) {
  (void)state;
  expect("GET /a%2fb/..?x=%41&y HTTP/1.1\r\n" HOST "X-Test: first\r\nx-test: second\r\n\r\n", 200,
         "GET /a%2fb/.. x=%41&y from 127.0.0.1, first: ");
  expect("POST /p? HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200,
         "POST /p  from 127.0.0.1, -: hello");
  expect("PUT http://elsewhere/p?q HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Test: late\r\n\r\n",
         200, "PUT /p q from 127.0.0.1, -: hello");
  expect("GET / HTTP/1.0\r\n\r\n", 200, "GET / - from 127.0.0.1, -: ");
  expect("GET /nothing HTTP/1.1\r\n" HOST "\r\n", 204, "");
  struct mtc_bytes answer = {0};
  static const char head[] = "HEAD /h HTTP/1.1\r\n" HOST "\r\n";
  assert_int_equal(ask(head, strlen(head), &answer), 200);
  expect_body(&answer, "");
  assert_non_null(strstr((char *)answer.data, "Content-Length: 29\r\n"));
  assert_non_null(strstr((char *)answer.data, "X-Answer: yes\r\n"));
  mtc_bytes_free(&answer);
}

static void answers_cannot_be_split(void **state) {
  (void)state;
  struct mtc_bytes answer = {0};
  static const char request[] = "GET /inject HTTP/1.1\r\n" HOST "\r\n";
  assert_int_equal(ask(request, strlen(request), &answer), 500);
  assert_null(strstr((char *)answer.data, "Forged"));
  mtc_bytes_free(&answer);
}

static void pipelined_requests_are_answered_in_order(void **state) {
  (void)state;
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  int fd = dial();
  assert_true(put_text(fd, "GET /1 HTTP/1.1\r\n" HOST "\r\n"
                           "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n22"
                           "HEAD /3 HTTP/1.1\r\n" HOST "\r\n"
                           "GET /4 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
                           "GET /5 HTTP/1.1\r\n" HOST "\r\n"));
  assert_int_equal(get_answer(fd, &input, false, &answer), 200);
  expect_body(&answer, "GET /1 - from 127.0.0.1, -: ");
  wait_for_held(1);
  release_held();
  assert_int_equal(get_answer(fd, &input, false, &answer), 200);
  expect_body(&answer, "POST /hold - from 127.0.0.1, -: 22");
  assert_int_equal(get_answer(fd, &input, true, &answer), 200);
  assert_int_equal(get_answer(fd, &input, false, &answer), 200);
  expect_body(&answer, "GET /4 - from 127.0.0.1, -: ");
  assert_int_equal(get_answer(fd, &input, false, &answer), 0);
  close(fd);
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

/* Each of these is refused, the connection ends, and a request hidden in the body is not seen. */
static void doubtful_framing_is_refused(void **state) {
  (void)state;
#define HIDDEN "GET /hidden HTTP/1.1\r\n" HOST "\r\n"
  static const char *const heads[] = {
      "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" HIDDEN,
      "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" HIDDEN,
      "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" HIDDEN,
      "Content-Length: 0, 0\r\n\r\n" HIDDEN,
      "Content-Length: +0\r\n\r\n" HIDDEN,
      "Content-Length: -1\r\n\r\n" HIDDEN,
      "Content-Length: 0x0\r\n\r\n" HIDDEN,
      "Content-Length: 1e1\r\n\r\n" HIDDEN,
      "Content-Length: 0 0\r\n\r\n" HIDDEN,
      "Content-Length:\r\n\r\n" HIDDEN,
      "Content-Length : 0\r\n\r\n" HIDDEN,
      " Content-Length: 0\r\n\r\n" HIDDEN,
      "X: 1\r\n Content-Length: 0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: identity\r\n\r\n" HIDDEN,
      "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding:\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n" HIDDEN,
      "Transfer-Encoding: chunked\r\n\r\n0;x=y\r\n\r\n" HIDDEN,
      "Host: other\r\n\r\n" HIDDEN,
      "No colon\r\n\r\n" HIDDEN,
      ": no name\r\n\r\n" HIDDEN,
  };
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    struct mtc_bytes input = {0};
    int fd = dial();
    assert_true(put_text(fd, "POST /doubtful HTTP/1.1\r\n" HOST));
    put_text(fd, heads[i]);
    shutdown(fd, SHUT_WR);
    while (get_more(fd, &input))
      continue;
    mtc_bytes_append(&input, "", 1);
    if (strstr((char *)input.data, "200 OK")) {
      fail_msg("case %zu was taken:\n%s\n->\n%s", i, heads[i], (char *)input.data);
    }
    close(fd);
    mtc_bytes_free(&input);
  }
  assert_int_equal(now.num_handled, 0);
}

static void ill_formed_requests_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t len;
  } lines[] = {
#define LINE(text) {text, sizeof text - 1}
      LINE("GET /a\001b HTTP/1.1\r\n"), LINE("GET /a\0b HTTP/1.1\r\n"),
      LINE("GET /a\tb HTTP/1.1\r\n"),   LINE("GET /a b HTTP/1.1\r\n"),
      LINE("GET /a\x7f HTTP/1.1\r\n"),  LINE("GET /a\xc3\xa4 HTTP/1.1\r\n"),
      LINE("GET /a#b HTTP/1.1\r\n"),    LINE("GET a HTTP/1.1\r\n"),
      LINE("GET * HTTP/1.1\r\n"),       LINE("GET http://a HTTP/1.1\r\n"),
      LINE("GET /?\x80 HTTP/1.1\r\n"),  LINE("G(T / HTTP/1.1\r\n"),
      LINE("G\0T / HTTP/1.1\r\n"),      LINE("GET / HTTP/2.0\r\n"),
      LINE("GET / HTTP/1.1x\r\n"),      LINE("GET /\r\n"),
      LINE("GET / http/1.1\r\n"),       LINE("GET / HTTP/1.1\r\nX: a\0b\r\n"),
      LINE("GET /\r/ HTTP/1.1\r\n"),
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct mtc_bytes input = {0};
    int fd = dial();
    put(fd, lines[i].text, lines[i].len);
    put_text(fd, HOST "\r\n");
    shutdown(fd, SHUT_WR);
    while (get_more(fd, &input))
      continue;
    mtc_bytes_append(&input, "", 1);
    if (strstr((char *)input.data, "200 OK")) fail_msg("%zu: %s", i, lines[i].text);
    close(fd);
    mtc_bytes_free(&input);
  }
  expect("GET / HTTP/1.1\r\n\r\n", 400, NULL); /* no Host */
  assert_int_equal(now.num_handled, 0);
}

static void large_requests_are_refused(void **state) {
  (void)state;
  struct mtc_bytes request = {0};
  mtc_bytes_append_text(&request, "GET /");
  memset(mtc_bytes_reserve(&request, 9000), 'u', 9000);
  request.len += 9000;
  mtc_bytes_append_text(&request, " HTTP/1.1\r\n" HOST "\r\n");
  assert_int_equal(ask((char *)request.data, request.len, NULL), 414);
  mtc_bytes_clear(&request);
  mtc_bytes_append_text(&request, "GET / HTTP/1.1\r\n" HOST);
  for (int i = 0; i < 600; i++)
    mtc_bytes_append_format(&request, "X-%d: some value\r\n", i);
  mtc_bytes_append_text(&request, "\r\n");
  assert_int_equal(ask((char *)request.data, request.len, NULL), 431);
  assert_int_equal(now.num_handled, 0);
  mtc_bytes_free(&request);
}

static void post(struct mtc_bytes *request, size_t len, bool chunked) {
  mtc_bytes_clear(request);
  if (chunked) {
    mtc_bytes_append_format(
        request, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
  } else {
    mtc_bytes_append_format(request, "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", len);
  }
  uint8_t *body = mtc_bytes_reserve(request, len);
  memset(body, 'x', len);
  request->len += len;
  if (chunked) mtc_bytes_append_text(request, "\r\n0\r\n\r\n");
}

static void bodies_are_bounded(void **state) {
  (void)state;
  struct mtc_bytes request = {0};
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  for (int chunked = 0; chunked < 2; chunked++) {
    int fd = dial();
    post(&request, 65536, chunked);
    assert_true(put(fd, request.data, request.len));
    assert_int_equal(get_answer(fd, &input, false, &answer), 200);
    post(&request, 65537, chunked);
    assert_true(put(fd, request.data, request.len));
    assert_int_equal(get_answer(fd, &input, false, &answer), 413);
    /* It was read to its end: the connection is still good. */
    post(&request, 1, chunked);
    assert_true(put(fd, request.data, request.len));
    assert_int_equal(get_answer(fd, &input, false, &answer), 200);
    close(fd);
  }
  expect("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\n", 413, NULL);
  expect("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 413, NULL);
  /* One that never ends is cut off. */
  int fd = dial();
  put_text(fd, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
  static char chunk[4096 + 8] = "1000\r\n";
  memset(chunk + 6, 'x', 4096);
  memcpy(chunk + 6 + 4096, "\r\n", 2);
  int num = 0;
  while (num < 100000 && put(fd, chunk, sizeof chunk))
    num++;
  assert_true(num < 100000);
  close(fd);
  mtc_bytes_free(&request);
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

static void *answer_later(void *context) {
  (void)context;
  pthread_mutex_lock(&now.mutex);
  while (!now.stopping) {
    if (now.num_held == 0) {
      pthread_cond_wait(&now.changed, &now.mutex);
      continue;
    }
    struct http_request *request = now.held[--now.num_held];
    pthread_mutex_unlock(&now.mutex);
    answer_echo(request);
    pthread_mutex_lock(&now.mutex);
  }
  pthread_mutex_unlock(&now.mutex);
  return NULL;
}

static void other_threads_answer_many_connections(void **state) {
  (void)state;
  enum { NUM_CLIENTS = 500, NUM_ROUNDS = 4 };
  static int fds[NUM_CLIENTS];
  now.stopping = false;
  for (; num_answering < sizeof answering / sizeof *answering; num_answering++) {
    assert_int_equal(pthread_create(&answering[num_answering], NULL, answer_later, NULL), 0);
  }
  for (int i = 0; i < NUM_CLIENTS; i++)
    fds[i] = dial();
  for (int round = 0; round < NUM_ROUNDS; round++) {
    for (int i = 0; i < NUM_CLIENTS; i++) {
      char request[128];
      snprintf(request, sizeof request,
               "POST /later HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d", i);
      assert_true(put_text(fds[i], request));
    }
    for (int i = 0; i < NUM_CLIENTS; i++) {
      struct mtc_bytes input = {0};
      struct mtc_bytes answer = {0};
      char body[64];
      snprintf(body, sizeof body, "POST /later - from 127.0.0.1, -: %04d", i);
      assert_int_equal(get_answer(fds[i], &input, false, &answer), 200);
      expect_body(&answer, body);
      mtc_bytes_free(&input);
      mtc_bytes_free(&answer);
    }
  }
  for (int i = 0; i < NUM_CLIENTS; i++)
    close(fds[i]);
  assert_int_equal(now.num_handled, NUM_CLIENTS * NUM_ROUNDS);
}

/* Requests that arrive while a server's only thread is busy are treated once it is not, however
 * many there are: a multiple of the events that epoll hands over at a time is no reason to wait. */
static void requests_that_arrive_together_are_answered(void **state) {
  (void)state;
  enum { MAX_CLIENTS = 260 };
  static int fds[MAX_CLIENTS];
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  struct http_options options = usual_options();
  options.threads = 1;
  open_server(&options);
  int busy = dial();
  for (int num = 60; num <= MAX_CLIENTS; num += num % 64 == 4 ? 56 : 1) {
    for (int i = 0; i < num; i++) {
      fds[i] = dial();
      assert_true(put_text(fds[i], "GET /1 HTTP/1.1\r\n" HOST "\r\n"));
      assert_int_equal(get_answer(fds[i], &input, false, &answer), 200);
    }
    assert_true(put_text(busy, "GET /stall HTTP/1.1\r\n" HOST "\r\n"));
    wait_for_held(1);
    for (int i = 0; i < num; i++)
      assert_true(put_text(fds[i], "GET /2 HTTP/1.1\r\n" HOST "\r\n"));
    release_held();
    assert_int_equal(get_answer(busy, &input, false, &answer), 200);
    for (int i = 0; i < num; i++) {
      assert_int_equal(get_answer(fds[i], &input, false, &answer), 200);
      expect_body(&answer, "GET /2 - from 127.0.0.1, -: ");
      close(fds[i]);
    }
  }
  close(busy);
  close_server();
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

/* Requests whose answers come after the server has gone: their parts live, the answers vanish. */
static void closing_abandons_what_is_pending(void **state) {
  (void)state;
  enum { NUM = 50 };
  struct http_options options = usual_options();
  open_server(&options);
  int fds[NUM];
  for (int i = 0; i < NUM; i++) {
    fds[i] = dial();
    assert_true(put_text(
        fds[i], "POST /hold?q HTTP/1.1\r\n" HOST "X-Test: t\r\nContent-Length: 4\r\n\r\nbody"));
  }
  wait_for_held(NUM);
  http_server_close(now.server, 0);
  now.server = NULL;
  for (int i = 0; i < NUM; i++) {
    assert_string_equal(http_request_header(now.held[i], "X-TEST"), "t");
    assert_int_equal(http_request_body(now.held[i]).len, 4);
    struct mtc_bytes input = {0};
    assert_false(get_more(fds[i], &input));
    close(fds[i]);
  }
  release_held();
}

static void *close_patiently(void *context) {
  (void)context;
  close_server();
  return NULL;
}

static void closing_waits_for_what_is_pending(void **state) {
  (void)state;
  struct http_options options = usual_options();
  open_server(&options);
  unsigned port = http_server_port(now.server);
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  int held = dial();
  int other = dial();
  assert_true(put_text(held, "GET /hold HTTP/1.1\r\n" HOST "\r\n"));
  assert_true(put_text(other, "GET / HTTP/1.1\r\n" HOST "\r\n"));
  assert_int_equal(get_answer(other, &input, false, &answer), 200);
  wait_for_held(1);
  pthread_t closer;
  assert_int_equal(pthread_create(&closer, NULL, close_patiently, NULL), 0);
  /* Until new requests are told to go away, closing has not begun. */
  unsigned status = 200;
  while (status == 200) {
    assert_true(put_text(other, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    status = get_answer(other, &input, false, &answer);
  }
  assert_int_equal(status, 503);
  release_held();
  assert_int_equal(get_answer(held, &input, false, &answer), 200);
  pthread_join(closer, NULL);
  assert_false(get_more(held, &input));
  close(held);
  close(other);
  options.port = port; /* free again */
  open_server(&options);
  close_server();
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      WITH_SERVER(requests_arrive_whole),
      WITH_SERVER(answers_cannot_be_split),
      WITH_SERVER(pipelined_requests_are_answered_in_order),
      WITH_SERVER(doubtful_framing_is_refused),
      WITH_SERVER(ill_formed_requests_are_refused),
      WITH_SERVER(large_requests_are_refused),
      WITH_SERVER(bodies_are_bounded),
      WITH_SERVER(other_threads_answer_many_connections),
      cmocka_unit_test(requests_that_arrive_together_are_answered),
      cmocka_unit_test(closing_abandons_what_is_pending),
      cmocka_unit_test(closing_waits_for_what_is_pending),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
