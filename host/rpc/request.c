/* What any thread may do: answer requests, let go of connections. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

struct rpc_core *mtc_rpc_core_make(int wake_fd) {
  struct rpc_core *core = mtc_alloc(1, sizeof *core);
  if (!core) return NULL;
  if (pthread_mutex_init(&core->mutex, NULL) != 0) {
    mtc_free(core);
    return NULL;
  }
  core->num_references = 1;
  core->wake_fd = wake_fd;
  return core;
}

void mtc_rpc_core_release(struct rpc_core *core) {
  pthread_mutex_lock(&core->mutex);
  bool last = --core->num_references == 0;
  pthread_mutex_unlock(&core->mutex);
  if (!last) return;
  pthread_mutex_destroy(&core->mutex);
  mtc_free(core);
}

static void wake_server(const struct rpc_core *core) {
  uint64_t one = 1;
  /* Fails only when the counter is full, and then the server wakes up anyhow. */
  if (core->wake_fd >= 0 && write(core->wake_fd, &one, sizeof one) < 0) return;
}

/* Puts the connection on the list of those to serve. A closed one has nothing left to serve. */
static void touch_locked(struct rpc_connection *connection) {
  struct rpc_core *core = connection->core;
  if (connection->is_touched || connection->is_closed) return;
  connection->is_touched = true;
  connection->num_references++;
  connection->next_touched = NULL;
  if (core->last_touched) {
    core->last_touched->next_touched = connection;
  } else {
    core->first_touched = connection;
    wake_server(core);
  }
  core->last_touched = connection;
}

struct rpc_connection *mtc_rpc_core_take_touched(struct rpc_core *core) {
  pthread_mutex_lock(&core->mutex);
  struct rpc_connection *connection = core->first_touched;
  if (connection) {
    core->first_touched = connection->next_touched;
    if (!core->first_touched) core->last_touched = NULL;
    /* An answer from here on touches it again: none is overlooked while this turn runs. */
    connection->is_touched = false;
  }
  pthread_mutex_unlock(&core->mutex);
  return connection;
}

void mtc_rpc_connection_release(struct rpc_connection *connection) {
  struct rpc_core *core = connection->core;
  pthread_mutex_lock(&core->mutex);
  bool last = --connection->num_references == 0;
  pthread_mutex_unlock(&core->mutex);
  if (!last) return;
  mtc_rpc_queue_free(&connection->queued);
  mtc_free(connection);
  mtc_rpc_core_release(core);
}

void mtc_rpc_queue_append(struct rpc_queue *queue, struct rpc_queue *tail) {
  if (!tail->first) return;
  if (queue->last) {
    queue->last->next = tail->first;
  } else {
    queue->first = tail->first;
  }
  queue->last = tail->last;
  *tail = (struct rpc_queue){0};
}

void mtc_rpc_queue_free(struct rpc_queue *queue) {
  while (queue->first) {
    struct rpc_output *output = queue->first;
    queue->first = output->next;
    mtc_bytes_free(&output->bytes);
    mtc_free(output);
  }
  queue->last = NULL;
}

struct mtc_rpc_request *mtc_rpc_request_make(struct rpc_connection *connection, uint32_t tag) {
  struct mtc_rpc_request *request = mtc_alloc(1, sizeof *request);
  if (!request) return NULL;
  *request = (struct mtc_rpc_request){connection, tag};
  pthread_mutex_lock(&connection->core->mutex);
  connection->num_references++;
  connection->num_in_flight++;
  pthread_mutex_unlock(&connection->core->mutex);
  return request;
}

static struct rpc_output *make_output(enum rpc_answer_kind kind, uint32_t tag,
                                      struct mtc_span body) {
  struct rpc_output *output = mtc_alloc(1, sizeof *output);
  if (!output) return NULL;
  mtc_bytes_reserve(&output->bytes, RPC_HEAD_LEN + body.len);
  mtc_rpc_frame_append_head(&output->bytes, (uint8_t)kind, tag, body.len);
  mtc_bytes_append_span(&output->bytes, body);
  if (mtc_bytes_status(&output->bytes) == MTC_OK) return output;
  mtc_bytes_free(&output->bytes);
  mtc_free(output);
  return NULL;
}

static void finish(struct mtc_rpc_request *request, enum rpc_answer_kind kind,
                   struct mtc_span body) {
  struct rpc_connection *connection = request->connection;
  struct rpc_output *output = make_output(kind, request->tag, body);
  if (!output) {
    mtc_log(MTC_LOG_ERROR, "rpc-answer-lost", "reason=\"out of memory\" len=%zu", body.len);
  }
  struct rpc_queue unsent = {output, output};
  pthread_mutex_lock(&connection->core->mutex);
  connection->num_in_flight--;
  if (!output) {
    connection->has_failed = true;
  } else if (!connection->is_closed) {
    connection->queued_len += output->bytes.len;
    mtc_rpc_queue_append(&connection->queued, &unsent);
  }
  touch_locked(connection);
  pthread_mutex_unlock(&connection->core->mutex);
  mtc_rpc_queue_free(&unsent);
  mtc_rpc_connection_release(connection);
  mtc_free(request);
}

void mtc_rpc_answer(struct mtc_rpc_request *request, struct mtc_span body) {
  if (body.len > RPC_MAX_BODY) {
    char text[96];
    (void)snprintf(text, sizeof text, "the answer of %zu bytes is larger than %u", body.len,
                   RPC_MAX_BODY);
    mtc_log(MTC_LOG_ERROR, "rpc-answer-too-large", "len=%zu max=%u", body.len, RPC_MAX_BODY);
    mtc_rpc_refuse(request, MTC_INPUT, text);
    return;
  }
  finish(request, RPC_ANSWERED, body);
}

void mtc_rpc_refuse(struct mtc_rpc_request *request, mtc_status status, const char *text) {
  assert(status != MTC_OK);
  /* The client keeps no more of the text than a struct mtc_error holds. */
  uint8_t body[1 + sizeof((struct mtc_error *)0)->text];
  size_t len = strnlen(text, sizeof body - 2);
  body[0] = (uint8_t)status;
  memcpy(body + 1, text, len);
  finish(request, RPC_REFUSED, mtc_span_of(body, 1 + len));
}
