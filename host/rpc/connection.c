/* One peer of the server, seen from the server's thread: bytes in, requests, bytes out. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

#define MAX_PIECES 64

struct rpc_connection *mtc_rpc_connection_make(struct rpc_core *core, int fd) {
  struct rpc_connection *connection = mtc_alloc(1, sizeof *connection);
  if (!connection) return NULL;
  struct ucred credentials = {0};
  socklen_t len = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0) credentials.pid = 0;
  connection->core = core;
  connection->num_references = 1;
  connection->fd = fd;
  connection->peer = credentials.pid;
  connection->moved_ms = mtc_clock_monotonic_ms();
  pthread_mutex_lock(&core->mutex);
  core->num_references++;
  pthread_mutex_unlock(&core->mutex);
  return connection;
}

void mtc_rpc_connection_close(struct rpc_connection *connection) {
  struct rpc_queue unsent = {0};
  pthread_mutex_lock(&connection->core->mutex);
  connection->is_closed = true;
  mtc_rpc_queue_append(&unsent, &connection->queued);
  pthread_mutex_unlock(&connection->core->mutex);
  mtc_rpc_queue_free(&unsent);
  mtc_rpc_queue_free(&connection->sending);
  mtc_bytes_free(&connection->input);
  (void)close(connection->fd);
  connection->fd = -1;
  mtc_rpc_connection_release(connection);
}

static bool drop(const struct rpc_connection *connection, const char *reason) {
  mtc_log(MTC_LOG_WARNING, "rpc-peer-dropped", "peer-pid=%ld reason=\"%s\"", (long)connection->peer,
          reason);
  return false;
}

/* Back-pressure: while the peer's requests or answers pile up, it is not read. */
static bool is_paused(struct rpc_connection *connection) {
  pthread_mutex_lock(&connection->core->mutex);
  bool paused =
      connection->num_in_flight >= RPC_MAX_IN_FLIGHT || connection->queued_len > RPC_MAX_QUEUED;
  pthread_mutex_unlock(&connection->core->mutex);
  return paused;
}

/* One read a turn, so that a peer that writes without end does not keep the others waiting. */
static bool read_some(struct rpc_connection *connection) {
  uint8_t *room = mtc_bytes_reserve(&connection->input, RPC_READ_LEN);
  if (!room) return drop(connection, "out of memory");
  ssize_t count = recv(connection->fd, room, RPC_READ_LEN, MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) connection->at_end = true;
  connection->moved_ms = mtc_clock_monotonic_ms();
  connection->input.len += (size_t)count;
  return true;
}

/* Hands the whole frames in the input to the handler until the connection is paused. */
static bool handle_frames(struct rpc_connection *connection, mtc_rpc_handler *handler,
                          void *context, bool *out_progress) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&connection->input));
  *out_progress = false;
  while (!is_paused(connection)) {
    struct rpc_frame frame;
    uint64_t len;
    enum rpc_parsed parsed = mtc_rpc_frame_read(&reader, &frame, &len);
    if (parsed == RPC_PARTIAL) break;
    if (parsed == RPC_MALFORMED) {
      char reason[80];
      (void)snprintf(reason, sizeof reason, "frame length %llu is not in %u..%u",
                     (unsigned long long)len, RPC_MIN_FRAME, MTC_RPC_MAX_FRAME);
      return drop(connection, reason);
    }
    struct mtc_rpc_request *request = mtc_rpc_request_make(connection, frame.tag);
    if (!request) return drop(connection, "out of memory");
    *out_progress = true;
    handler(context, frame.kind, frame.body, request);
  }
  mtc_rpc_bytes_consume(&connection->input, connection->input.len - reader.len);
  return true;
}

/* Forgets what the socket took. */
static void advance(struct rpc_connection *connection, size_t sent) {
  pthread_mutex_lock(&connection->core->mutex);
  connection->queued_len -= sent;
  pthread_mutex_unlock(&connection->core->mutex);
  sent += connection->sent_len;
  struct rpc_output *output = connection->sending.first;
  while (output && sent >= output->bytes.len) {
    sent -= output->bytes.len;
    connection->sending.first = output->next;
    if (!output->next) connection->sending.last = NULL;
    mtc_bytes_free(&output->bytes);
    mtc_free(output);
    output = connection->sending.first;
  }
  connection->sent_len = sent;
}

bool mtc_rpc_connection_flush(struct rpc_connection *connection) {
  pthread_mutex_lock(&connection->core->mutex);
  mtc_rpc_queue_append(&connection->sending, &connection->queued);
  bool has_failed = connection->has_failed;
  pthread_mutex_unlock(&connection->core->mutex);
  if (has_failed) return drop(connection, "an answer was lost");
  while (connection->sending.first) {
    struct iovec pieces[MAX_PIECES];
    struct msghdr message = {.msg_iov = pieces};
    size_t skip = connection->sent_len;
    for (struct rpc_output *output = connection->sending.first;
         output && message.msg_iovlen < MAX_PIECES; output = output->next) {
      pieces[message.msg_iovlen++] =
          (struct iovec){output->bytes.data + skip, output->bytes.len - skip};
      skip = 0;
    }
    ssize_t count = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    connection->moved_ms = mtc_clock_monotonic_ms();
    advance(connection, (size_t)count);
  }
  return true;
}

bool mtc_rpc_connection_is_idle(struct rpc_connection *connection, int64_t since_ms) {
  if (connection->moved_ms > since_ms) return false;
  pthread_mutex_lock(&connection->core->mutex);
  bool is_idle = connection->num_in_flight == 0;
  pthread_mutex_unlock(&connection->core->mutex);
  return is_idle;
}

/* A peer that only ended its sending still gets its answers. */
static bool is_finished(struct rpc_connection *connection) {
  if (!connection->at_end) return false;
  pthread_mutex_lock(&connection->core->mutex);
  bool finished = connection->num_in_flight == 0 && connection->queued_len == 0;
  pthread_mutex_unlock(&connection->core->mutex);
  return finished;
}

bool mtc_rpc_connection_serve(struct rpc_connection *connection, uint32_t events,
                              mtc_rpc_handler *handler, void *context) {
  if (events & EPOLLIN) {
    if (!read_some(connection)) return false;
  } else if (events & (EPOLLHUP | EPOLLERR)) {
    return false; /* nobody is left to take the answers */
  }
  /* Handlers may answer at once, and sending may lift a pause: go on until nothing moves. */
  for (bool progress = true; progress;) {
    if (!mtc_rpc_connection_flush(connection) ||
        !handle_frames(connection, handler, context, &progress)) {
      return false;
    }
  }
  if (!is_finished(connection)) return true;
  if (connection->input.len) return drop(connection, "it left in the middle of a frame");
  return false;
}

uint32_t mtc_rpc_connection_wants(struct rpc_connection *connection) {
  uint32_t events = 0;
  if (!connection->at_end && !is_paused(connection)) events |= EPOLLIN;
  if (connection->sending.first) events |= EPOLLOUT;
  return events;
}
