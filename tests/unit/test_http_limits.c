/* The HTTP server's limits: slow clients, idle ones, too many; whose address a request has. */
#include "http_fixture.h"

#define HOST "Host: localhost\r\n"

/* Sends a byte every 50 ms until the server hangs up; false when it takes all of them. */
static bool is_dropped(int fd, const char *text, char filler) {
  if (!put_text(fd, text)) return true;
  for (int i = 0; i < 1200; i++) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char buffer[64];
    if (poll(&wait, 1, 50) == 1 && recv(fd, buffer, sizeof buffer, 0) <= 0) return true;
    if (!put(fd, &filler, 1)) return true;
  }
  return false;
}

static void slow_clients_are_dropped(void **state) {
  (void)state;
  struct http_options options = usual_options();
  options.request_timeout_s = 1;
  open_server(&options);
  /* What the application takes its time for is not the client's fault. */
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  int held = dial();
  assert_true(put_text(held, "GET /hold HTTP/1.1\r\n" HOST "\r\n"));
  wait_for_held(1);
  static const char *const beginnings[] = {
      "G",                                                        /* in the method */
      "GET /",                                                    /* in the target */
      "GET / HTTP/1.1\r\nX-Slow: ",                               /* in the headers */
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 50000\r\n\r\n", /* in the body */
  };
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
    int fd = dial();
    if (!is_dropped(fd, beginnings[i], 'a')) fail_msg("'%s' may go on for ever", beginnings[i]);
    close(fd);
  }
  /* In the second request of a connection, of which a part came with the first. */
  int fd = dial();
  assert_true(put_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\n"));
  assert_int_equal(get_answer(fd, &input, false, &answer), 200);
  assert_true(is_dropped(fd, "GET", 'a'));
  close(fd);
  release_held();
  assert_int_equal(get_answer(held, &input, false, &answer), 200);
  close(held);
  close_server();
  assert_int_equal(now.num_handled, 2);
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

static void slow_readers_are_dropped(void **state) {
  (void)state;
  struct http_options options = usual_options();
  options.request_timeout_s = 1;
  open_server(&options);
  int fd = dial();
  assert_true(put_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n"));
  char first[16];
  assert_int_equal(recv(fd, first, sizeof first, MSG_WAITALL), sizeof first);
  /* When this one is dropped, which began later, the time of the other is over, too. */
  int later = dial();
  assert_true(is_dropped(later, "GET", 'a'));
  close(later);
  /* What is on its way may still arrive; it is not everything. */
  struct mtc_bytes rest = {0};
  while (get_more(fd, &rest))
    continue;
  assert_true(rest.len < BIG_LEN - sizeof first);
  mtc_bytes_free(&rest);
  close(fd);
  close_server();
}

static void idle_connections_end(void **state) {
  (void)state;
  struct http_options options = usual_options();
  options.idle_timeout_s = 1;
  open_server(&options);
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  int fresh = dial();
  int used = dial();
  assert_true(put_text(used, "GET / HTTP/1.1\r\n" HOST "\r\n"));
  assert_int_equal(get_answer(used, &input, false, &answer), 200);
  assert_false(get_more(fresh, &input));
  assert_false(get_more(used, &input));
  close(fresh);
  close(used);
  close_server();
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

/* Whether a connection from `address` is served; it stays open as *out. */
static bool is_served(const char *address, int *out) {
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  *out = dial_from(address);
  put_text(*out, "GET / HTTP/1.1\r\n" HOST "\r\n");
  unsigned status = get_answer(*out, &input, false, &answer);
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
  return status == 200;
}

static void connections_are_limited(void **state) {
  (void)state;
  static const char *const proxies[] = {"127.0.0.9"};
  struct http_options options = usual_options();
  options.max_connections = 6;
  options.max_connections_per_address = 2;
  options.proxies = proxies;
  options.num_proxies = 1;
  open_server(&options);
  int fds[6];
  int more;
  assert_true(is_served("127.0.0.1", &fds[0]));
  assert_true(is_served("127.0.0.1", &fds[1]));
  assert_false(is_served("127.0.0.1", &more));
  close(more);
  assert_true(is_served("127.0.0.2", &fds[2]));
  /* All of a proxy's clients come from its address. */
  for (int i = 3; i < 6; i++)
    assert_true(is_served("127.0.0.9", &fds[i]));
  assert_false(is_served("127.0.0.3", &more));
  close(more);
  close(fds[1]);
  /* The server learns of that in its own time. */
  while (!is_served("127.0.0.1", &fds[1]))
    close(fds[1]);
  for (int i = 0; i < 6; i++)
    close(fds[i]);
  close_server();
}

static void expect_address(const char *from, const char *headers, const char *address) {
  struct mtc_bytes input = {0};
  struct mtc_bytes answer = {0};
  char body[128];
  int fd = dial_from(from);
  put_text(fd, "GET / HTTP/1.1\r\n" HOST);
  put_text(fd, headers);
  put_text(fd, "\r\n");
  assert_int_equal(get_answer(fd, &input, false, &answer), 200);
  snprintf(body, sizeof body, "GET / - from %s, -: ", address);
  expect_body(&answer, body);
  close(fd);
  mtc_bytes_free(&input);
  mtc_bytes_free(&answer);
}

static void proxies_name_their_clients(void **state) {
  (void)state;
  static const char *const proxies[] = {"2001:db8::7", "127.0.0.9"};
  struct http_options options = usual_options();
  options.proxies = proxies;
  options.num_proxies = 2;
  open_server(&options);
#define FOR "X-Forwarded-For: "
  static const struct {
    const char *headers, *address;
  } cases[] = {
      {"", "127.0.0.9"},
      {FOR "192.0.2.1\r\n", "192.0.2.1"},
      {"x-forwarded-for:192.0.2.1\t \r\n", "192.0.2.1"},
      {FOR "198.51.100.7, 192.0.2.1\r\n", "192.0.2.1"},
      {FOR "198.51.100.7\r\n" FOR "192.0.2.1\r\n", "192.0.2.1"},
      {FOR "junk,192.0.2.1\r\n", "192.0.2.1"},
      {FOR "2001:DB8:0:0::1\r\n", "2001:db8::1"},
      {FOR "::ffff:192.0.2.1\r\n", "192.0.2.1"},
      /* No address: the proxy's own. */
      {FOR "192.0.2.1,\r\n", "127.0.0.9"},
      {FOR "192.0.2.1, junk\r\n", "127.0.0.9"},
      {FOR "192.0.2.1 192.0.2.2\r\n", "127.0.0.9"},
      {FOR "192.0.2.1:80\r\n", "127.0.0.9"},
      {FOR "[2001:db8::1]\r\n", "127.0.0.9"},
      {FOR "192.0.2.256\r\n", "127.0.0.9"},
      {FOR "192.0.2\r\n", "127.0.0.9"},
      {FOR "fe80::1%eth0\r\n", "127.0.0.9"},
      {FOR "192.0.2.1\r\n" FOR "\r\n", "127.0.0.9"},
      {FOR "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111\r\n", "127.0.0.9"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_address("127.0.0.9", cases[i].headers, cases[i].address);
  }
  expect_address("127.0.0.8", FOR "192.0.2.1\r\n", "127.0.0.8");
  close_server();
}

static void expect_error(const struct http_options *options, mtc_status status, const char *text) {
  struct mtc_error error = {{0}};
  struct http_server *server = NULL;
  assert_int_equal(http_server_open(options, handle, &now, &server, &error), status);
  assert_null(server);
  if (!strstr(error.text, text)) fail_msg("'%s' does not say '%s'", error.text, text);
}

static void options_are_checked(void **state) {
  (void)state;
  static const char *const proxies[] = {"192.0.2.1", "proxy.example"};
  struct http_options options = usual_options();
  options.address = "localhost";
  expect_error(&options, MTC_INPUT, "'localhost': not a numeric");
  options.address = "192.0.2.1";
  expect_error(&options, MTC_IO, "cannot listen on 192.0.2.1 port 0: ");
  options = usual_options();
  options.port = 65536;
  expect_error(&options, MTC_INPUT, "65536");
  options = usual_options();
  options.proxies = proxies;
  options.num_proxies = 2;
  expect_error(&options, MTC_INPUT, "proxy 2: 'proxy.example' is no numeric address");
  options = usual_options();
  options.max_connections = 2000000000;
  expect_error(&options, MTC_INPUT, "LimitNOFILE");
  options.max_connections = 0;
  expect_error(&options, MTC_INPUT, "max_connections");
  options = usual_options();
  open_server(&options);
  options.port = http_server_port(now.server);
  expect_error(&options, MTC_IO, "in use");
  close_server();
  /* Memory that runs out anywhere on the way is an error, nothing worse. */
  options = usual_options();
  for (long i = 0; i < 100; i++) {
    struct mtc_error error = {{0}};
    struct http_server *server = NULL;
    mtc_alloc_fail_after(i);
    mtc_status status = http_server_open(&options, handle, &now, &server, &error);
    mtc_alloc_fail_after(-1);
    http_server_close(server, 0);
    if (status == MTC_OK) break;
    assert_int_equal(status, MTC_NOMEM);
  }
}

static void memory_may_run_out(void **state) {
  (void)state;
  struct http_options options = usual_options();
  open_server(&options);
  static const char request[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab";
  unsigned status = 0;
  int num_failed = 0;
  for (long i = 0; i < 100 && status != 200; i++) {
    struct mtc_bytes input = {0};
    struct mtc_bytes answer = {0};
    mtc_bytes_reserve(&input, 65536);
    mtc_bytes_reserve(&answer, 65536);
    int fd = dial();
    mtc_alloc_fail_after(i);
    put_text(fd, request);
    status = get_answer(fd, &input, false, &answer);
    mtc_alloc_fail_after(-1);
    assert_true(status == 0 || status == 500 || status == 200);
    num_failed += status != 200;
    close(fd);
    mtc_bytes_free(&input);
    mtc_bytes_free(&answer);
  }
  assert_int_equal(status, 200);
  assert_true(num_failed > 4);
  close_server();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slow_clients_are_dropped),   cmocka_unit_test(slow_readers_are_dropped),
      cmocka_unit_test(idle_connections_end),       cmocka_unit_test(connections_are_limited),
      cmocka_unit_test(proxies_name_their_clients), cmocka_unit_test(options_are_checked),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
