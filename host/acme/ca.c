/* A connection to a CA's daemon: one thread owns the socket, callers hand it calls. */
#include "acme/ca.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acme/ca_call.h"
#include "mtc/runtime.h"
#include "rpc/frame.h"

#define MIN_BACK_OFF_MS 50
#define MAX_BACK_OFF_MS 2000
/* A daemon that leaves so many sent calls unanswered is given up. */
#define MAX_ABANDONED (ACME_CA_NUM_SLOTS - ACME_CA_MAX_OPEN)

struct acme_ca {
  char *path;
  struct sockaddr_un address;
  int wake_fd;
  pthread_t thread;
  bool has_mutex, is_running;

  pthread_mutex_t mutex;             /* guards the next four */
  struct acme_ca_call *first, *last; /* new ones */
  size_t num_open;
  bool is_closing;

  /* The thread's own. */
  int fd; /* -1: not connected */
  int64_t connect_at_ms;
  unsigned back_off_ms;
  char reason[256]; /* why there is no connection; empty: none was needed */
  struct mtc_bytes input;
  struct acme_ca_calls calls;
};

static void end_call(struct acme_ca *ca, const struct acme_ca_call *call,
                     const struct acme_ca_result *result) {
  if (!call->done) return;
  pthread_mutex_lock(&ca->mutex);
  ca->num_open--; /* first: `done` may make the next call */
  pthread_mutex_unlock(&ca->mutex);
  call->done(call->context, result);
}

/* Ends the calls that a lost connection may have carried; those not sent wait for the next one. */
static void lose(struct acme_ca *ca, const char *what, int error_number) {
  char text[320];
  struct acme_ca_call *call;
  (void)snprintf(ca->reason, sizeof ca->reason, "the connection to %s was lost: %s%s%s", ca->path,
                 what, error_number ? ": " : "", error_number ? strerror(error_number) : "");
  mtc_log(MTC_LOG_WARNING, "ca-connection-lost", "socket=%s reason=\"%s\"", ca->path, ca->reason);
  (void)close(ca->fd);
  ca->fd = -1;
  ca->input.len = 0;
  ca->input.failed = false;
  ca->connect_at_ms = mtc_clock_monotonic_ms() + ca->back_off_ms;
  ca->back_off_ms = ca->back_off_ms * 2 < MAX_BACK_OFF_MS ? ca->back_off_ms * 2 : MAX_BACK_OFF_MS;
  (void)snprintf(text, sizeof text, "%s", ca->reason);
  while ((call = acme_ca_calls_lose(&ca->calls, false))) {
    end_call(ca, call,
             &(struct acme_ca_result){.status = MTC_IO, .text = text, .may_be_done = true});
    acme_ca_call_free(call);
  }
}

static void try_connect(struct acme_ca *ca) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&ca->address, sizeof ca->address) == 0) {
    ca->fd = fd;
    return;
  }
  (void)snprintf(ca->reason, sizeof ca->reason, "cannot connect to the daemon at %s: %s", ca->path,
                 strerror(errno));
  if (fd >= 0) (void)close(fd);
  if (ca->back_off_ms == MIN_BACK_OFF_MS)
    mtc_log(MTC_LOG_WARNING, "ca-not-reached", "socket=%s reason=\"%s\"", ca->path, ca->reason);
  ca->connect_at_ms = mtc_clock_monotonic_ms() + ca->back_off_ms;
  ca->back_off_ms = ca->back_off_ms * 2 < MAX_BACK_OFF_MS ? ca->back_off_ms * 2 : MAX_BACK_OFF_MS;
}

/* NULL: the frame is well-formed and was asked for; else what is wrong with it. */
static const char *end_answered(struct acme_ca *ca, const struct rpc_frame *frame) {
  struct mtc_error text = {""};
  struct acme_ca_result result = {.status = MTC_OK, .text = text.text};
  if (frame->kind == RPC_ANSWERED) {
    result.body = frame->body;
  } else if (frame->kind == RPC_REFUSED) {
    struct mtc_reader reader = mtc_reader_of(frame->body);
    uint64_t status;
    if (!mtc_read_uint(&reader, 1, &status) || status == MTC_OK || status > MTC_FATAL)
      return "its answer is malformed: unknown status";
    int len = reader.len < sizeof text.text ? (int)reader.len : (int)sizeof text.text;
    result.status = mtc_fail(&text, (mtc_status)status, "%.*s", len, (const char *)reader.data);
    result.may_be_done = result.status != MTC_INPUT;
  } else {
    return "its answer is malformed: unknown kind";
  }
  struct acme_ca_call *call = acme_ca_calls_take(&ca->calls, frame->tag);
  if (!call) return "it answered what it was not asked";
  ca->back_off_ms = MIN_BACK_OFF_MS;
  end_call(ca, call, &result);
  acme_ca_call_free(call);
  return NULL;
}

static void receive(struct acme_ca *ca) {
  uint8_t *room = mtc_bytes_reserve(&ca->input, RPC_READ_LEN);
  if (!room) {
    lose(ca, "out of memory", 0);
    return;
  }
  ssize_t count = recv(ca->fd, room, RPC_READ_LEN, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    lose(ca, "it closed the connection", count < 0 ? errno : 0);
    return;
  }
  ca->input.len += (size_t)count;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&ca->input));
  for (;;) {
    struct rpc_frame frame;
    uint64_t len;
    enum rpc_parsed parsed = mtc_rpc_frame_read(&reader, &frame, &len);
    if (parsed == RPC_PARTIAL) break;
    const char *wrong = parsed == RPC_MALFORMED ? "its answer is malformed: frame length"
                                                : end_answered(ca, &frame);
    if (wrong) {
      lose(ca, wrong, 0);
      return;
    }
  }
  mtc_rpc_bytes_consume(&ca->input, ca->input.len - reader.len);
}

/* Ends the calls whose time is up. */
static void expire(struct acme_ca *ca, int64_t now_ms) {
  struct acme_ca_call call;
  while (acme_ca_calls_expire(&ca->calls, now_ms, &call)) {
    char text[320];
    bool is_out = call.is_sent;
    (void)snprintf(text, sizeof text, "%s",
                   is_out || !ca->reason[0] || ca->fd >= 0
                       ? "no answer from the CA's daemon in time"
                       : ca->reason);
    end_call(ca, &call,
             &(struct acme_ca_result){.status = MTC_BUSY, .text = text, .may_be_done = is_out});
  }
  if (ca->fd >= 0 && ca->calls.num_abandoned >= MAX_ABANDONED) lose(ca, "it does not answer", 0);
}

/* Ends the calls that would have to wait for a connection, and do not. */
static void refuse_waiting(struct acme_ca *ca) {
  struct acme_ca_call *call;
  while ((call = acme_ca_calls_refuse(&ca->calls))) {
    end_call(ca, call, &(struct acme_ca_result){.status = MTC_IO, .text = ca->reason});
    acme_ca_call_free(call);
  }
}

/* Takes over what callers have handed in. False: the connection is to be closed. */
static bool take_new(struct acme_ca *ca) {
  pthread_mutex_lock(&ca->mutex);
  struct acme_ca_call *call = ca->first;
  ca->first = ca->last = NULL;
  bool goes_on = !ca->is_closing;
  pthread_mutex_unlock(&ca->mutex);
  while (call) {
    struct acme_ca_call *next = call->next;
    acme_ca_calls_begin(&ca->calls, call);
    call = next;
  }
  return goes_on;
}

static void wait_for_events(struct acme_ca *ca, int64_t now_ms) {
  struct pollfd waited[2] = {{ca->wake_fd, POLLIN, 0}, {ca->fd, POLLIN, 0}};
  int64_t until_ms = ca->calls.nearest_ms;
  if (ca->calls.first && ca->fd >= 0) waited[1].events |= POLLOUT;
  if (ca->calls.first && ca->fd < 0 && ca->connect_at_ms < until_ms) until_ms = ca->connect_at_ms;
  int64_t left_ms = until_ms == INT64_MAX ? -1 : until_ms - now_ms;
  if (until_ms != INT64_MAX && left_ms < 0) left_ms = 0;
  if (left_ms > 60000) left_ms = 60000;
  int count = poll(waited, 2, (int)left_ms); /* a negative fd is ignored */
  uint64_t wakes;
  if (count > 0 && waited[0].revents && read(ca->wake_fd, &wakes, sizeof wakes) < 0) return;
  if (count > 0 && ca->fd >= 0 && waited[1].revents & (POLLIN | POLLHUP | POLLERR)) receive(ca);
}

static void *run(void *context) {
  struct acme_ca *ca = context;
  struct acme_ca_call *call;
  while (take_new(ca)) {
    int64_t now_ms = mtc_clock_monotonic_ms();
    expire(ca, now_ms);
    if (ca->calls.first && ca->fd < 0 && now_ms >= ca->connect_at_ms) try_connect(ca);
    if (ca->fd < 0) refuse_waiting(ca);
    if (ca->fd >= 0 && acme_ca_calls_send(&ca->calls, ca->fd)) lose(ca, "sending", errno);
    wait_for_events(ca, now_ms);
  }
  while ((call = acme_ca_calls_lose(&ca->calls, true))) {
    end_call(ca, call,
             &(struct acme_ca_result){.status = MTC_BUSY,
                                      .text = "the connection to the CA's daemon is being closed",
                                      .may_be_done = call->is_sent});
    acme_ca_call_free(call);
  }
  return NULL;
}

mtc_status acme_ca_open(const char *socket_path, struct acme_ca **out, struct mtc_error *error) {
  sigset_t all, saved;
  struct acme_ca *ca = mtc_alloc(1, sizeof *ca);
  if (!ca) return mtc_fail(error, MTC_NOMEM, "connecting to %s: out of memory", socket_path);
  ca->fd = ca->wake_fd = -1;
  ca->back_off_ms = MIN_BACK_OFF_MS;
  acme_ca_calls_init(&ca->calls);
  /* What is wrong with a path is what it says. */
  mtc_status status = mtc_rpc_address(socket_path, &ca->address, error) ? MTC_INPUT : MTC_OK;
  if (status) goto out;
  ca->path = mtc_strdup(socket_path);
  ca->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ca->has_mutex = pthread_mutex_init(&ca->mutex, NULL) == 0;
  if (!ca->path || ca->wake_fd < 0 || !ca->has_mutex) {
    status = mtc_fail(error, ca->path ? MTC_IO : MTC_NOMEM, "cannot prepare calls of %s: %s",
                      socket_path, strerror(errno));
    goto out;
  }
  /* Signals are for the program's own threads. */
  sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &saved);
  ca->is_running = pthread_create(&ca->thread, NULL, run, ca) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
  if (!ca->is_running)
    status = mtc_fail(error, MTC_IO, "cannot start the thread that calls %s", socket_path);
out:
  if (status) {
    acme_ca_close(ca);
    return status;
  }
  *out = ca;
  return MTC_OK;
}

static void wake(struct acme_ca *ca) {
  uint64_t one = 1;
  /* It fails only when the counter is full: the thread is awake then. */
  if (write(ca->wake_fd, &one, sizeof one) < 0) return;
}

static mtc_status begin_call(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                             unsigned timeout_ms, bool is_now, acme_ca_done *done, void *context) {
  if (body.len > RPC_MAX_BODY) return MTC_INPUT;
  struct acme_ca_call *call = mtc_alloc(1, sizeof *call);
  if (!call) return MTC_NOMEM;
  call->done = done;
  call->context = context;
  call->is_now = is_now;
  call->deadline_ms = mtc_clock_monotonic_ms() + timeout_ms;
  mtc_bytes_reserve(&call->frame, RPC_HEAD_LEN + body.len);
  mtc_rpc_frame_append_head(&call->frame, (uint8_t)method, 0, body.len);
  mtc_bytes_append_span(&call->frame, body);
  mtc_status status = mtc_bytes_status(&call->frame);
  bool is_first = false;
  pthread_mutex_lock(&ca->mutex);
  if (!status && (ca->is_closing || ca->num_open >= ACME_CA_MAX_OPEN)) status = MTC_BUSY;
  if (!status) {
    ca->num_open++;
    is_first = !ca->first;
    if (ca->last)
      ca->last->next = call;
    else
      ca->first = call;
    ca->last = call;
  }
  pthread_mutex_unlock(&ca->mutex);
  if (is_first) wake(ca);
  if (status) acme_ca_call_free(call);
  return status;
}

mtc_status acme_ca_call(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                        unsigned timeout_ms, acme_ca_done *done, void *context) {
  return begin_call(ca, method, body, timeout_ms, false, done, context);
}

mtc_status acme_ca_call_now(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                            unsigned timeout_ms, acme_ca_done *done, void *context) {
  return begin_call(ca, method, body, timeout_ms, true, done, context);
}

struct waiting {
  pthread_mutex_t mutex;
  pthread_cond_t ended;
  bool has_ended;
  mtc_status status;
  struct mtc_bytes *out;
  struct mtc_error *error;
};

static void end_waiting(void *context, const struct acme_ca_result *result) {
  struct waiting *waiting = context;
  pthread_mutex_lock(&waiting->mutex);
  waiting->status = result->status;
  if (result->status) {
    (void)mtc_fail(waiting->error, result->status, "%s", result->text);
  } else {
    mtc_bytes_clear(waiting->out);
    mtc_bytes_append_span(waiting->out, result->body);
    waiting->status = mtc_bytes_status(waiting->out);
  }
  waiting->has_ended = true;
  pthread_cond_signal(&waiting->ended);
  pthread_mutex_unlock(&waiting->mutex);
}

mtc_status acme_ca_call_wait(struct acme_ca *ca, enum mtc_rpc_method method, struct mtc_span body,
                             unsigned timeout_ms, struct mtc_bytes *out, struct mtc_error *error) {
  struct waiting waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .ended = PTHREAD_COND_INITIALIZER,
                            .out = out,
                            .error = error};
  mtc_status status = acme_ca_call(ca, method, body, timeout_ms, end_waiting, &waiting);
  if (status) return mtc_fail(error, status, "a call of %s was not begun", ca->path);
  pthread_mutex_lock(&waiting.mutex);
  while (!waiting.has_ended)
    pthread_cond_wait(&waiting.ended, &waiting.mutex);
  pthread_mutex_unlock(&waiting.mutex);
  pthread_mutex_destroy(&waiting.mutex);
  pthread_cond_destroy(&waiting.ended);
  return waiting.status;
}

void acme_ca_close(struct acme_ca *ca) {
  if (!ca) return;
  if (ca->is_running) {
    pthread_mutex_lock(&ca->mutex);
    ca->is_closing = true;
    pthread_mutex_unlock(&ca->mutex);
    wake(ca);
    (void)pthread_join(ca->thread, NULL);
  }
  if (ca->has_mutex) pthread_mutex_destroy(&ca->mutex);
  if (ca->fd >= 0) (void)close(ca->fd);
  if (ca->wake_fd >= 0) (void)close(ca->wake_fd);
  mtc_bytes_wipe(&ca->input);
  mtc_free(ca->path);
  mtc_free(ca);
}
