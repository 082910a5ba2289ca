/* One connection to the daemon. One thread at a time may use it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

/* Answers kept while a send waits, so that neither side waits for the other to read. */
#define MAX_BUFFERED (64u << 20)
#define PATIENCE_MS 60000

struct mtc_rpc_client {
  int fd;
  bool at_end;    /* the daemon will send nothing more */
  bool is_broken; /* half a request was sent, or the answers are malformed */
  uint32_t next_tag;
  int patience_ms;
  struct mtc_bytes input;
  size_t consumed_len; /* of `input` */
};

mtc_status mtc_rpc_connect(const char *socket_path, struct mtc_rpc_client **out,
                           struct mtc_error *error) {
  struct sockaddr_un address;
  mtc_status status = mtc_rpc_address(socket_path, &address, error);
  if (status != MTC_OK) return status;
  struct mtc_rpc_client *client = mtc_alloc(1, sizeof *client);
  if (!client) return mtc_fail(error, MTC_NOMEM, "connecting to %s: out of memory", socket_path);
  client->patience_ms = PATIENCE_MS;
  /* Non-blocking: connecting to a daemon that accepts nobody must not wait. */
  client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int result = client->fd;
  while (result >= 0) {
    result = connect(client->fd, (struct sockaddr *)&address, sizeof address);
    if (result == 0) {
      *out = client;
      return MTC_OK;
    }
    if (errno == EINTR) result = 0;
  }
  bool is_absent = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
  status = mtc_fail(error, is_absent ? MTC_BUSY : MTC_IO, "cannot connect to the daemon at %s: %s",
                    socket_path, strerror(errno));
  mtc_rpc_close(client);
  return status;
}

void mtc_rpc_set_patience(struct mtc_rpc_client *client, int patience_ms) {
  client->patience_ms = patience_ms;
}

void mtc_rpc_close(struct mtc_rpc_client *client) {
  if (!client) return;
  if (client->fd >= 0) (void)close(client->fd);
  mtc_bytes_free(&client->input);
  mtc_free(client);
}

/* Buffers what has arrived, without blocking. */
static mtc_status read_some(struct mtc_rpc_client *client, struct mtc_error *error) {
  mtc_rpc_bytes_consume(&client->input, client->consumed_len);
  client->consumed_len = 0;
  uint8_t *room = mtc_bytes_reserve(&client->input, RPC_READ_LEN);
  if (!room) {
    client->input.failed = false; /* what was buffered is still good */
    return mtc_fail(error, MTC_NOMEM, "reading from the daemon: out of memory");
  }
  ssize_t count = recv(client->fd, room, RPC_READ_LEN, MSG_DONTWAIT);
  if (count == 0) client->at_end = true;
  if (count > 0) client->input.len += (size_t)count;
  if (count >= 0 || errno == EAGAIN || errno == EINTR) return MTC_OK;
  client->at_end = true;
  return MTC_OK; /* what came before the reset is still to be received */
}

static mtc_status wait_to_send(struct mtc_rpc_client *client, struct mtc_error *error) {
  size_t buffered = client->input.len - client->consumed_len;
  bool reads = !client->at_end && buffered < MAX_BUFFERED;
  struct pollfd waiting = {client->fd, (short)(POLLOUT | (reads ? POLLIN : 0)), 0};
  int count = poll(&waiting, 1, client->patience_ms);
  if (count < 0 && errno != EINTR) {
    return mtc_fail(error, MTC_IO, "waiting for the daemon: %s", strerror(errno));
  }
  if (count == 0) {
    return mtc_fail(error, MTC_IO, "the daemon has taken no request for %d ms",
                    client->patience_ms);
  }
  return reads && waiting.revents & POLLIN ? read_some(client, error) : MTC_OK;
}

mtc_status mtc_rpc_send(struct mtc_rpc_client *client, enum mtc_rpc_method method, uint32_t tag,
                        struct mtc_span body, struct mtc_error *error) {
  if (body.len > RPC_MAX_BODY) {
    return mtc_fail(error, MTC_INPUT, "request of %zu bytes is larger than %u", body.len,
                    RPC_MAX_BODY);
  }
  if (client->is_broken) return mtc_fail(error, MTC_IO, "the connection to the daemon is lost");
  struct mtc_bytes frame = {0};
  mtc_bytes_reserve(&frame, RPC_HEAD_LEN + body.len);
  mtc_rpc_frame_append_head(&frame, (uint8_t)method, tag, body.len);
  mtc_bytes_append_span(&frame, body);
  mtc_status status = mtc_bytes_status(&frame);
  if (status != MTC_OK) {
    status = mtc_fail(error, status, "sending to the daemon: out of memory");
    goto out;
  }
  for (size_t sent = 0; sent < frame.len;) {
    ssize_t count =
        send(client->fd, frame.data + sent, frame.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += (size_t)count;
    } else if (errno == EAGAIN) {
      status = wait_to_send(client, error);
    } else if (errno != EINTR) {
      status = mtc_fail(error, MTC_IO, "the connection to the daemon is lost: %s", strerror(errno));
    }
    if (status != MTC_OK) {
      client->is_broken = true;
      goto out;
    }
  }
out:
  mtc_bytes_free(&frame);
  return status;
}

static mtc_status malformed(struct mtc_rpc_client *client, struct mtc_error *error,
                            const char *what) {
  client->is_broken = client->at_end = true;
  client->consumed_len = client->input.len;
  return mtc_fail(error, MTC_IO, "malformed answer from the daemon: %s", what);
}

/* Turns a whole frame into the caller's outputs. */
static mtc_status take_answer(struct mtc_rpc_client *client, const struct rpc_frame *frame,
                              mtc_status *out_status, struct mtc_bytes *out_body,
                              struct mtc_error *out_error) {
  if (frame->kind == RPC_ANSWERED) {
    mtc_bytes_clear(out_body);
    mtc_bytes_append_span(out_body, frame->body);
    if (mtc_bytes_status(out_body) != MTC_OK) {
      return mtc_fail(out_error, MTC_NOMEM, "reading an answer of the daemon: out of memory");
    }
    *out_status = MTC_OK;
    if (out_error) out_error->text[0] = 0;
    return MTC_OK;
  }
  struct mtc_reader reader = mtc_reader_of(frame->body);
  uint64_t status;
  if (frame->kind != RPC_REFUSED) return malformed(client, out_error, "unknown kind");
  if (!mtc_read_uint(&reader, 1, &status) || status == MTC_OK || status > MTC_FATAL) {
    return malformed(client, out_error, "unknown status");
  }
  int len = reader.len < sizeof out_error->text ? (int)reader.len : (int)sizeof out_error->text;
  *out_status = mtc_fail(out_error, (mtc_status)status, "%.*s", len, (const char *)reader.data);
  return MTC_OK;
}

static int remaining_ms(int timeout_ms, int64_t deadline_ms) {
  if (timeout_ms < 0) return -1;
  int64_t left = deadline_ms - mtc_clock_monotonic_ms();
  return left > 0 ? (int)left : 0;
}

mtc_status mtc_rpc_receive(struct mtc_rpc_client *client, int timeout_ms, uint32_t *out_tag,
                           mtc_status *out_status, struct mtc_bytes *out_body,
                           struct mtc_error *out_error) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + (timeout_ms < 0 ? 0 : timeout_ms);
  for (bool is_late = false;;) {
    struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&client->input));
    struct mtc_span consumed;
    struct rpc_frame frame;
    uint64_t len;
    if (!mtc_read_span(&reader, client->consumed_len, &consumed)) reader.len = 0;
    enum rpc_parsed parsed = mtc_rpc_frame_read(&reader, &frame, &len);
    if (parsed == RPC_MALFORMED) return malformed(client, out_error, "frame length");
    if (parsed == RPC_WHOLE) {
      mtc_status status = take_answer(client, &frame, out_status, out_body, out_error);
      if (status != MTC_OK) return status;
      *out_tag = frame.tag;
      client->consumed_len = client->input.len - reader.len;
      return MTC_OK;
    }
    if (client->at_end) {
      return mtc_fail(out_error, MTC_IO, "the daemon closed the connection");
    }
    int left_ms = remaining_ms(timeout_ms, deadline_ms);
    if (is_late && left_ms == 0) {
      return mtc_fail(out_error, MTC_BUSY, "no answer from the daemon within %d ms", timeout_ms);
    }
    struct pollfd waiting = {client->fd, POLLIN, 0};
    int count = poll(&waiting, 1, left_ms);
    if (count < 0 && errno != EINTR) {
      return mtc_fail(out_error, MTC_IO, "waiting for the daemon: %s", strerror(errno));
    }
    is_late = count == 0;
    if (count > 0) {
      mtc_status status = read_some(client, out_error);
      if (status != MTC_OK) return status;
    }
  }
}

mtc_status mtc_rpc_call(struct mtc_rpc_client *client, enum mtc_rpc_method method,
                        struct mtc_span body, struct mtc_bytes *out_body, struct mtc_error *error) {
  uint32_t tag = client->next_tag++, answered_tag = 0;
  mtc_status answer = MTC_OK;
  mtc_status status = mtc_rpc_send(client, method, tag, body, error);
  if (status == MTC_OK) {
    status = mtc_rpc_receive(client, client->patience_ms, &answered_tag, &answer, out_body, error);
    /* The answer may still come: it must not be taken for that to the next request. */
    if (status == MTC_BUSY) client->is_broken = true;
  }
  if (status == MTC_BUSY) return MTC_IO;
  if (status != MTC_OK) return status;
  if (answered_tag != tag) {
    return mtc_fail(error, MTC_IO, "the daemon answered request %u instead of %u",
                    (unsigned)answered_tag, (unsigned)tag);
  }
  return answer;
}
