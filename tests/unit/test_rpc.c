/* The local socket: a real server on a thread of its own, our client, and raw hostile peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mtc/rpc.h"
#include "mtc/runtime.h"

enum method { ECHO = 1, HOLD, REFUSE, BIG, TOO_LARGE };
enum { BIG_LEN = 900000, MAX_HELD = 8192 };

static char path[64];
static uint8_t payload[(1 << 20) + 1], received[1 << 20];

static struct fixture {
  struct mtc_rpc_server *server;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t num_held, num_big;
  struct held {
    struct mtc_rpc_request *request;
    uint8_t body[8];
    size_t len;
  } held[MAX_HELD];
} now = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void handle(void *context, uint8_t method, struct mtc_span body,
                   struct mtc_rpc_request *request) {
  struct fixture *fixture = context;
  if (method == ECHO) {
    mtc_rpc_answer(request, body);
  } else if (method == REFUSE) {
    mtc_rpc_refuse(request, MTC_BUSY, "come back later");
  } else if (method == TOO_LARGE) {
    mtc_rpc_answer(request, mtc_span_of(payload, (1 << 20) - 4));
  } else if (method == BIG) {
    mtc_rpc_answer(request, mtc_span_of(payload, BIG_LEN));
    pthread_mutex_lock(&fixture->mutex);
    fixture->num_big++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
  } else {
    pthread_mutex_lock(&fixture->mutex);
    struct held *held = &fixture->held[fixture->num_held++ % MAX_HELD];
    held->request = request;
    held->len = body.len < sizeof held->body ? body.len : sizeof held->body;
    if (held->len) memcpy(held->body, body.data, held->len);
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
  }
}

static void *run_server(void *server) {
  return mtc_rpc_server_run(server) == MTC_OK ? NULL : server;
}

static int start(void **state) {
  (void)state;
  struct mtc_error error = {0};
  char folder[] = "/tmp/mtc-test-XXXXXX";
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/s", folder);
  now.num_held = now.num_big = 0;
  if (mtc_rpc_server_open(path, handle, &now, &now.server, &error)) return -1;
  return pthread_create(&now.thread, NULL, run_server, now.server);
}

static void stop_server(void) {
  if (!now.server) return;
  void *failed;
  mtc_rpc_server_stop(now.server);
  assert_int_equal(pthread_join(now.thread, &failed), 0);
  assert_null(failed);
  mtc_rpc_server_close(now.server);
  now.server = NULL;
}

static int stop(void **state) {
  (void)state;
  stop_server();
  *strrchr(path, '/') = 0;
  return rmdir(path); /* nothing may be left behind */
}

static void wait_for(const size_t *count, size_t wanted) {
  pthread_mutex_lock(&now.mutex);
  while (*count < wanted)
    pthread_cond_wait(&now.changed, &now.mutex);
  pthread_mutex_unlock(&now.mutex);
}

static size_t count_of(const size_t *count) {
  pthread_mutex_lock(&now.mutex);
  size_t value = *count;
  pthread_mutex_unlock(&now.mutex);
  return value;
}

/* Answers held requests [start, end), the last one first. */
static void answer_held(size_t start_index, size_t end) {
  while (end-- > start_index) {
    pthread_mutex_lock(&now.mutex);
    struct held held = now.held[end];
    pthread_mutex_unlock(&now.mutex);
    mtc_rpc_answer(held.request, mtc_span_of(held.body, held.len));
  }
}

static struct mtc_rpc_client *connect_client(void) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_error error = {0};
  if (mtc_rpc_connect(path, &client, &error)) fail_msg("%s", error.text);
  return client;
}

static void expect_echo(struct mtc_rpc_client *client) {
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  struct mtc_span text = mtc_span_of_text("hello");
  if (mtc_rpc_call(client, (enum mtc_rpc_method)ECHO, text, &body, &error)) {
    fail_msg("%s", error.text);
  }
  assert_true(mtc_span_equal(mtc_span_of_bytes(&body), text));
  mtc_bytes_free(&body);
}

static void expect_still_serving(void) {
  struct mtc_rpc_client *client = connect_client();
  expect_echo(client);
  mtc_rpc_close(client);
}

static void send_request(struct mtc_rpc_client *client, enum method method, uint32_t tag,
                         struct mtc_span body) {
  struct mtc_error error = {0};
  if (mtc_rpc_send(client, (enum mtc_rpc_method)method, tag, body, &error)) {
    fail_msg("%s", error.text);
  }
}

static struct sockaddr_un address_of(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
  return address;
}

static int connect_raw(void) {
  struct sockaddr_un address = address_of(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

static void write_raw(int fd, const void *data, size_t len) {
  assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void read_raw(int fd, void *data, size_t len) {
  assert_int_equal(recv(fd, data, len, MSG_WAITALL), (ssize_t)len);
}

static void expect_dropped(int fd) {
  uint8_t byte;
  assert_true(recv(fd, &byte, 1, 0) <= 0);
  close(fd);
}

static void append_frames(struct mtc_bytes *bytes, enum method method, size_t count) {
  for (size_t i = 0; i < count; i++) {
    mtc_bytes_append_uint(bytes, 5, 4);
    mtc_bytes_append_uint(bytes, (uint64_t)method, 1);
    mtc_bytes_append_uint(bytes, i, 4);
  }
}

static void answers_come_back(void **state) {
  (void)state;
  struct mtc_rpc_client *client = connect_client();
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  expect_echo(client);
  struct mtc_span largest = mtc_span_of(payload, (1 << 20) - 5);
  assert_int_equal(mtc_rpc_call(client, (enum mtc_rpc_method)ECHO, largest, &body, &error), MTC_OK);
  assert_int_equal(body.len, largest.len);
  largest.len++;
  assert_int_equal(mtc_rpc_call(client, (enum mtc_rpc_method)ECHO, largest, &body, &error),
                   MTC_INPUT);
  assert_int_equal(
      mtc_rpc_call(client, (enum mtc_rpc_method)REFUSE, mtc_span_of("", 0), &body, &error),
      MTC_BUSY);
  assert_string_equal(error.text, "come back later");
  assert_int_equal(
      mtc_rpc_call(client, (enum mtc_rpc_method)TOO_LARGE, mtc_span_of("", 0), &body, &error),
      MTC_INPUT);
  assert_non_null(strstr(error.text, "larger than"));
  expect_echo(client);
  mtc_rpc_close(client);
  mtc_rpc_close(NULL);
  mtc_bytes_free(&body);
}

enum { NUM_PIPELINED = 5000 };

static void *answer_backwards(void *unused) {
  (void)unused;
  for (size_t answered = 0; answered < NUM_PIPELINED; answered += 1000) {
    wait_for(&now.num_held, answered + 1000);
    answer_held(answered, answered + 1000);
  }
  return NULL;
}

static void pipelined_requests_are_answered_out_of_order(void **state) {
  (void)state;
  static bool seen[NUM_PIPELINED];
  struct mtc_rpc_client *client = connect_client();
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  pthread_t answering;
  memset(seen, 0, sizeof seen);
  assert_int_equal(pthread_create(&answering, NULL, answer_backwards, NULL), 0);
  for (uint32_t i = 0; i < NUM_PIPELINED; i++) {
    uint8_t text[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};
    send_request(client, HOLD, 0xF0000000u + i, mtc_span_of(text, sizeof text));
  }
  size_t num_backwards = 0;
  uint32_t last = 0;
  for (size_t i = 0; i < NUM_PIPELINED; i++) {
    uint32_t tag;
    mtc_status answer;
    assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_OK);
    assert_int_equal(answer, MTC_OK);
    uint32_t index = tag - 0xF0000000u;
    assert_true(index < NUM_PIPELINED && !seen[index]);
    seen[index] = true;
    assert_int_equal(body.len, 4);
    assert_int_equal(body.data[2] << 8 | body.data[3], index);
    if (tag < last) num_backwards++;
    last = tag;
  }
  assert_true(num_backwards > NUM_PIPELINED / 2);
  assert_int_equal(pthread_join(answering, NULL), 0);
  mtc_rpc_close(client);
  mtc_bytes_free(&body);
}

static void requests_in_flight_are_bounded(void **state) {
  (void)state;
  struct mtc_bytes frames = {0};
  append_frames(&frames, HOLD, NUM_PIPELINED);
  int fd = connect_raw();
  write_raw(fd, frames.data, frames.len);
  wait_for(&now.num_held, 4096);
  expect_still_serving(); /* on the same thread: what it would have taken too much, it has */
  assert_int_equal(count_of(&now.num_held), 4096);
  answer_held(0, 4096);
  wait_for(&now.num_held, NUM_PIPELINED);
  answer_held(4096, NUM_PIPELINED);
  read_raw(fd, received, NUM_PIPELINED * 9);
  close(fd);
  mtc_bytes_free(&frames);
}

static void answers_may_come_too_late(void **state) {
  (void)state;
  struct mtc_rpc_client *client = connect_client();
  for (uint32_t i = 0; i < 3; i++)
    send_request(client, HOLD, i, mtc_span_of("", 0));
  wait_for(&now.num_held, 3);
  mtc_rpc_close(client);
  answer_held(0, 3);
  expect_still_serving();

  client = connect_client();
  for (uint32_t i = 0; i < 3; i++)
    send_request(client, HOLD, i, mtc_span_of("", 0));
  wait_for(&now.num_held, 6);
  stop_server();
  answer_held(4, 6);
  mtc_rpc_refuse(now.held[3].request, MTC_FATAL, "stopped");
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  uint32_t tag;
  mtc_status answer;
  assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_IO);
  assert_int_equal(mtc_rpc_send(client, (enum mtc_rpc_method)ECHO, 0, mtc_span_of("", 0), &error),
                   MTC_IO);
  mtc_rpc_close(client);
}

static void a_peer_that_ends_sending_gets_its_answers(void **state) {
  (void)state;
  int fd = connect_raw();
  uint8_t answer[9];
  write_raw(fd, "\0\0\0\5\2abcd", 9);
  assert_int_equal(shutdown(fd, SHUT_WR), 0);
  wait_for(&now.num_held, 1);
  expect_still_serving();
  answer_held(0, 1);
  read_raw(fd, answer, 9);
  assert_memory_equal(answer, "\0\0\0\5\0abcd", 9);
  expect_dropped(fd);
}

static void broken_framing_is_dropped_with_a_warning(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
  } cases[] = {
      {"\0\0\0\0", 4},         {"\0\0\0\4\1abc", 8},       {"\0\x10\0\1", 4},
      {"\xff\xff\xff\xff", 4}, {"GET / HTTP/1.1\r\n", 16},
  };
  struct mtc_rpc_client *bystander = connect_client();
  expect_echo(bystander);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char name[96], text[2048] = "";
    (void)snprintf(name, sizeof name, "%s.log", path);
    int saved = dup(STDERR_FILENO), log = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(saved >= 0 && log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    int fd = connect_raw();
    write_raw(fd, cases[i].bytes, cases[i].len);
    expect_dropped(fd);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_true(pread(log, text, sizeof text - 1, 0) >= 0);
    close(log);
    close(saved);
    unlink(name);
    if (!strstr(text, "warning") || !strstr(text, "rpc-peer-dropped")) fail_msg("log: %s", text);
    expect_echo(bystander);
  }
  mtc_rpc_close(bystander);
}

/* A process that is being started has copies of all descriptors for a moment. What the server
 * closes then must be watched no more, or an event names what is freed. */
static void a_copy_of_a_socket_is_no_peer(void **state) {
  (void)state;
  enum { FIRST = 3, END = 64 };
  int fd = connect_raw(), copies[END];
  expect_still_serving(); /* on another connection: this one has been accepted by then */
  for (int i = FIRST; i < END; i++)
    copies[i] = i == fd ? -1 : fcntl(i, F_DUPFD_CLOEXEC, 100);
  write_raw(fd, "\0\0\0\0", 4);
  expect_still_serving(); /* dropped */
  (void)close(fd);
  expect_still_serving();
  expect_still_serving();
  for (int i = FIRST; i < END; i++)
    if (copies[i] >= 0) (void)close(copies[i]);
}

static void frames_may_come_byte_by_byte(void **state) {
  (void)state;
  int fd = connect_raw();
  static const uint8_t frame[] = "\0\0\0\7\1tag!hi";
  uint8_t answer[11];
  for (size_t i = 0; i < 11; i++) {
    write_raw(fd, frame + i, 1);
    expect_still_serving(); /* the server has seen this byte alone */
  }
  read_raw(fd, answer, 11);
  assert_memory_equal(answer, "\0\0\0\7\0tag!hi", 11);
  close(fd);
}

static void a_slow_reader_blocks_nobody_and_is_paused(void **state) {
  (void)state;
  struct mtc_bytes frames = {0};
  append_frames(&frames, BIG, 40);
  int fd = connect_raw();
  write_raw(fd, frames.data, frames.len);
  wait_for(&now.num_big, 1);
  expect_still_serving();
  assert_in_range(count_of(&now.num_big), 4, 8);
  for (uint8_t i = 0; i < 40; i++) {
    uint8_t head[9];
    read_raw(fd, head, 9);
    assert_int_equal(head[8], i);
    read_raw(fd, received, BIG_LEN);
    assert_memory_equal(received, payload, BIG_LEN);
  }
  close(fd);
  mtc_bytes_free(&frames);
}

static void a_client_may_send_before_it_receives(void **state) {
  (void)state;
  struct mtc_rpc_client *client = connect_client();
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  for (uint32_t i = 0; i < 1000; i++)
    send_request(client, ECHO, i, mtc_span_of(payload, 16384));
  for (uint32_t i = 0; i < 1000; i++) {
    uint32_t tag;
    mtc_status answer;
    assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_OK);
    assert_int_equal(body.len, 16384);
    assert_memory_equal(body.data, payload, 16384);
  }
  mtc_rpc_close(client);
  mtc_bytes_free(&body);
}

static void connections_are_bounded(void **state) {
  (void)state;
  struct mtc_rpc_client *clients[257];
  for (size_t i = 0; i < 256; i++) {
    clients[i] = connect_client();
    expect_echo(clients[i]);
  }
  clients[256] = connect_client();
  send_request(clients[256], ECHO, 7, mtc_span_of("", 0));
  expect_echo(clients[0]);
  expect_echo(clients[0]);
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  uint32_t tag = 0;
  mtc_status answer;
  assert_int_equal(mtc_rpc_receive(clients[256], 0, &tag, &answer, &body, &error), MTC_BUSY);
  mtc_rpc_close(clients[0]);
  assert_int_equal(mtc_rpc_receive(clients[256], -1, &tag, &answer, &body, &error), MTC_OK);
  assert_int_equal(tag, 7);
  for (size_t i = 1; i < 257; i++)
    mtc_rpc_close(clients[i]);
  mtc_bytes_free(&body);
}

/* Peers that ask for nothing, or begin a request and never end it, give way to one that asks. */
static void idle_peers_make_room(void **state) {
  (void)state;
  struct mtc_rpc_client *client;
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  uint32_t tag;
  mtc_status answer;
  int idle[256];
  for (size_t i = 0; i < 256; i++) {
    idle[i] = connect_raw();
    if (i % 2) write_raw(idle[i], "\0\0\0\x09\1", 5);
  }
  client = connect_client();
  send_request(client, ECHO, 7, mtc_span_of("", 0));
  assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_OK);
  assert_int_equal(tag, 7);
  mtc_rpc_close(client);
  for (size_t i = 0; i < 256; i++)
    close(idle[i]);
  mtc_bytes_free(&body);
}

/* The client against a daemon that this test plays. */
static void the_client_takes_one_frame_at_a_time(void **state) {
  (void)state;
  stop_server();
  struct sockaddr_un address = address_of(path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(listener, 1), 0);
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  uint32_t tag;
  mtc_status answer;
  struct mtc_rpc_client *client = connect_client();
  int fd = accept(listener, NULL, NULL);
  static const uint8_t frames[] = "\0\0\0\7\0\0\0\0\1hi\0\0\0\x08\1\0\0\0\2\2no";
  for (size_t i = 0; i < 11; i++) {
    assert_int_equal(mtc_rpc_receive(client, i == 5, &tag, &answer, &body, &error), MTC_BUSY);
    write_raw(fd, frames + i, i < 10 ? 1 : 13);
  }
  assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_OK);
  assert_int_equal(tag, 1);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&body), mtc_span_of_text("hi")));
  assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_OK);
  assert_int_equal(tag, 2);
  assert_int_equal(answer, MTC_BUSY);
  assert_string_equal(error.text, "no");
  assert_int_equal(mtc_rpc_receive(client, 0, &tag, &answer, &body, &error), MTC_BUSY);
  mtc_rpc_close(client);
  close(fd);
  static const char *const malformed[] = {"\0\0\0\6\2\0\0\0\0a", "\0\0\0\6\1\0\0\0\0\0",
                                          "\0\0\0\6\1\0\0\0\0\x63", "\0\x20\0\0\1\0\0\0\0\0"};
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
    client = connect_client();
    fd = accept(listener, NULL, NULL);
    write_raw(fd, malformed[i], 10);
    assert_int_equal(mtc_rpc_receive(client, -1, &tag, &answer, &body, &error), MTC_IO);
    assert_non_null(strstr(error.text, "malformed"));
    mtc_rpc_close(client);
    close(fd);
  }
  close(listener);
  unlink(path);
  assert_int_equal(mtc_rpc_connect(path, &client, &error), MTC_BUSY);
  assert_non_null(strstr(error.text, path));
  mtc_bytes_free(&body);
}

/* A daemon that is stopped or stuck: accepts (or does not), takes what fits, answers nothing. */
static void a_silent_daemon_is_given_up(void **state) {
  (void)state;
  stop_server();
  struct sockaddr_un address = address_of(path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes body = {0};
  struct mtc_error error = {0};
  assert_int_equal(mtc_rpc_connect(path, &client, &error), MTC_BUSY); /* nobody listens yet */
  assert_int_equal(listen(listener, 1), 0);
  client = connect_client();
  mtc_rpc_set_patience(client, 50);
  struct mtc_span text = mtc_span_of_text("hello");
  assert_int_equal(mtc_rpc_call(client, (enum mtc_rpc_method)ECHO, text, &body, &error), MTC_IO);
  assert_non_null(strstr(error.text, "no answer from the daemon within 50 ms"));
  assert_int_equal(mtc_rpc_call(client, (enum mtc_rpc_method)ECHO, text, &body, &error), MTC_IO);
  assert_non_null(strstr(error.text, "connection to the daemon is lost"));
  mtc_rpc_close(client);

  client = connect_client();
  mtc_rpc_set_patience(client, 50);
  struct mtc_span large = mtc_span_of(payload, 1 << 19);
  mtc_status status = MTC_OK;
  for (uint32_t tag = 0; !status && tag < 1000; tag++)
    status = mtc_rpc_send(client, (enum mtc_rpc_method)ECHO, tag, large, &error);
  assert_int_equal(status, MTC_IO);
  assert_non_null(strstr(error.text, "has taken no request for 50 ms"));
  mtc_rpc_close(client);

  /* The queue of those who wait to be accepted is full: no waiting either. */
  struct mtc_rpc_client *waiting[8] = {0};
  size_t num = 0;
  while (num < 8 && (status = mtc_rpc_connect(path, &waiting[num], &error)) == MTC_OK)
    num++;
  assert_int_equal(status, MTC_BUSY);
  while (num)
    mtc_rpc_close(waiting[--num]);
  close(listener);
  unlink(path);
  mtc_bytes_free(&body);
}

static void only_a_stale_socket_is_replaced(void **state) {
  (void)state;
  struct mtc_rpc_server *other = NULL;
  struct mtc_error error = {0};
  struct stat info;
  assert_int_equal(mtc_rpc_server_open(path, handle, &now, &other, &error), MTC_BUSY);
  assert_non_null(strstr(error.text, path));
  expect_still_serving();
  stop_server();
  assert_int_not_equal(lstat(path, &info), 0);

  struct sockaddr_un address = address_of(path);
  int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
  close(stale);
  mode_t saved = umask(0);
  assert_int_equal(mtc_rpc_server_open(path, handle, &now, &other, &error), MTC_OK);
  umask(saved);
  assert_int_equal(lstat(path, &info), 0);
  assert_true(S_ISSOCK(info.st_mode));
  assert_int_equal(info.st_mode & 0777, 0600);
  mtc_rpc_server_stop(other);
  assert_int_equal(mtc_rpc_server_run(other), MTC_OK);
  mtc_rpc_server_close(other);

  assert_int_equal(mtc_file_write_atomic(path, mtc_span_of_text("x"), 0600, &error), MTC_OK);
  assert_int_equal(mtc_rpc_server_open(path, handle, &now, &other, &error), MTC_IO);
  assert_non_null(strstr(error.text, "not a socket"));
  assert_int_equal(lstat(path, &info), 0);
  unlink(path);
  char long_path[200];
  memset(long_path, 'a', sizeof long_path);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(mtc_rpc_server_open(long_path, handle, &now, &other, &error), MTC_IO);
  for (long count = 0;; count++) {
    mtc_alloc_fail_after(count);
    mtc_status status = mtc_rpc_server_open(path, handle, &now, &other, &error);
    mtc_alloc_fail_after(-1);
    if (status == MTC_OK) break;
    assert_int_equal(status, MTC_NOMEM);
  }
  mtc_rpc_server_close(other);
  mtc_rpc_server_close(NULL);
}

/* It stays while somebody is connected, however long that one says nothing, and not much longer. */
static void a_server_may_leave_when_it_is_alone(void **state) {
  (void)state;
  struct mtc_error error = {0};
  struct mtc_rpc_server *server = NULL;
  struct mtc_rpc_client *client = NULL;
  pthread_t thread;
  enum { IDLE_FOR_MS = 50 };
  char folder[] = "/tmp/mtc-test-XXXXXX";
  assert_non_null(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/s", folder);
  assert_int_equal(mtc_rpc_server_open(path, handle, &now, &server, &error), MTC_OK);
  mtc_rpc_server_set_idle(server, IDLE_FOR_MS);
  assert_int_equal(mtc_rpc_connect(path, &client, &error), MTC_OK);
  assert_int_equal(pthread_create(&thread, NULL, run_server, server), 0);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 4 * IDLE_FOR_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  assert_int_equal(pthread_timedjoin_np(thread, NULL, &until), ETIMEDOUT);
  mtc_rpc_close(client);
  assert_int_equal(pthread_join(thread, NULL), 0);
  mtc_rpc_server_close(server);
  assert_int_equal(mtc_rpc_connect(path, &client, &error), MTC_BUSY);
  assert_int_equal(rmdir(folder), 0);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      SERVED(answers_come_back),
      SERVED(pipelined_requests_are_answered_out_of_order),
      SERVED(requests_in_flight_are_bounded),
      SERVED(answers_may_come_too_late),
      SERVED(a_peer_that_ends_sending_gets_its_answers),
      SERVED(broken_framing_is_dropped_with_a_warning),
      SERVED(a_copy_of_a_socket_is_no_peer),
      SERVED(frames_may_come_byte_by_byte),
      SERVED(a_slow_reader_blocks_nobody_and_is_paused),
      SERVED(a_client_may_send_before_it_receives),
      SERVED(connections_are_bounded),
      SERVED(idle_peers_make_room),
      SERVED(the_client_takes_one_frame_at_a_time),
      SERVED(a_silent_daemon_is_given_up),
      SERVED(only_a_stale_socket_is_replaced),
      cmocka_unit_test(a_server_may_leave_when_it_is_alone),
  };
  for (size_t i = 0; i < sizeof payload; i++)
    payload[i] = (uint8_t)(i * 2654435761u >> 13);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
