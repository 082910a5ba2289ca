/*
 * Frames and what the server's files share. One thread, inside mtc_rpc_server_run, owns every
 * socket; answers come from any thread and only queue bytes under the core's mutex.
 *
 * Lifetimes: a request holds its connection, a connection holds the core; the server holds all of
 * its connections and the core. So a request may outlive the peer and the server.
 */
#ifndef MTC_RPC_FRAME_H
#define MTC_RPC_FRAME_H

#include <pthread.h>
#include <string.h>
#include <sys/types.h>
#include <sys/un.h>

#include "mtc/rpc.h"

#define RPC_LENGTH_LEN 4u
#define RPC_HEAD_LEN 9u /* length, kind, tag */
#define RPC_MIN_FRAME (RPC_HEAD_LEN - RPC_LENGTH_LEN)
#define RPC_MAX_BODY (MTC_RPC_MAX_FRAME - RPC_MIN_FRAME)
#define RPC_READ_LEN 65536u

#define RPC_MAX_CONNECTIONS 256u
#define RPC_MAX_IN_FLIGHT 4096u
#define RPC_MAX_QUEUED (4u << 20)

enum rpc_answer_kind { RPC_ANSWERED = 0, RPC_REFUSED = 1 };

struct rpc_frame {
  uint8_t kind;
  uint32_t tag;
  struct mtc_span body;
};

enum rpc_parsed { RPC_WHOLE, RPC_PARTIAL, RPC_MALFORMED };

/* Reads one frame from the front of `reader`; only a whole one is consumed. `out_len` gets the
 * length field as soon as it is there: a wrong one is seen before its bytes are buffered. */
static inline enum rpc_parsed mtc_rpc_frame_read(struct mtc_reader *reader, struct rpc_frame *out,
                                                 uint64_t *out_len) {
  struct mtc_reader ahead = *reader;
  if (!mtc_read_uint(&ahead, RPC_LENGTH_LEN, out_len)) return RPC_PARTIAL;
  if (*out_len < RPC_MIN_FRAME || *out_len > MTC_RPC_MAX_FRAME) return RPC_MALFORMED;
  struct mtc_span rest;
  uint64_t kind, tag;
  if (!mtc_read_span(&ahead, (size_t)*out_len, &rest)) return RPC_PARTIAL;
  *reader = ahead;
  struct mtc_reader inner = mtc_reader_of(rest);
  if (!mtc_read_uint(&inner, 1, &kind) || !mtc_read_uint(&inner, 4, &tag)) return RPC_MALFORMED;
  *out = (struct rpc_frame){(uint8_t)kind, (uint32_t)tag, mtc_span_of(inner.data, inner.len)};
  return RPC_WHOLE;
}

/* Appends a frame's head; `body_len` bytes must follow. */
static inline void mtc_rpc_frame_append_head(struct mtc_bytes *bytes, uint8_t kind, uint32_t tag,
                                             size_t body_len) {
  mtc_bytes_append_uint(bytes, body_len + RPC_MIN_FRAME, RPC_LENGTH_LEN);
  mtc_bytes_append_uint(bytes, kind, 1);
  mtc_bytes_append_uint(bytes, tag, 4);
}

/* Drops the first `len` bytes. */
static inline void mtc_rpc_bytes_consume(struct mtc_bytes *bytes, size_t len) {
  if (len == 0) return;
  bytes->len -= len;
  if (bytes->len) memmove(bytes->data, bytes->data + len, bytes->len);
}

/* One answer on its way out. */
struct rpc_output {
  struct rpc_output *next;
  struct mtc_bytes bytes;
};

struct rpc_queue {
  struct rpc_output *first, *last;
};

/* What answering threads share with the server's thread. */
struct rpc_core {
  pthread_mutex_t mutex;
  size_t num_references;                               /* the server, every connection */
  int wake_fd;                                         /* eventfd; -1 once the server is closed */
  struct rpc_connection *first_touched, *last_touched; /* with new answers; each one a reference */
};

struct rpc_connection {
  struct rpc_core *core;

  /* Guarded by core->mutex. */
  size_t num_references; /* the server, every open request, the touched list */
  size_t num_in_flight;
  size_t queued_len; /* bytes in `queued` and `sending` */
  struct rpc_queue queued;
  struct rpc_connection *next_touched;
  bool is_touched;
  bool is_closed;  /* answers go nowhere */
  bool has_failed; /* an answer was lost: the peer must not wait for it */

  /* The server's thread only. */
  int fd;
  pid_t peer;
  uint32_t interest; /* epoll events asked for */
  bool at_end;       /* the peer will send nothing more */
  int64_t moved_ms;  /* when bytes last came or went */
  struct mtc_bytes input;
  struct rpc_queue sending;
  size_t sent_len; /* of the first one in `sending` */
};

struct mtc_rpc_request {
  struct rpc_connection *connection;
  uint32_t tag;
};

/* request.c */
struct rpc_core *mtc_rpc_core_make(int wake_fd);
void mtc_rpc_core_release(struct rpc_core *core);
/* Takes one connection that was answered since its last turn, with a reference; NULL: none. */
struct rpc_connection *mtc_rpc_core_take_touched(struct rpc_core *core);
void mtc_rpc_connection_release(struct rpc_connection *connection);
void mtc_rpc_queue_append(struct rpc_queue *queue, struct rpc_queue *tail);
void mtc_rpc_queue_free(struct rpc_queue *queue);
/* NULL when out of memory. */
struct mtc_rpc_request *mtc_rpc_request_make(struct rpc_connection *connection, uint32_t tag);

/* connection.c; the server's thread only. */
struct rpc_connection *mtc_rpc_connection_make(struct rpc_core *core, int fd);
/* Reads, calls the handler, sends, as far as it goes without blocking. False: close it. */
bool mtc_rpc_connection_serve(struct rpc_connection *connection, uint32_t events,
                              mtc_rpc_handler *handler, void *context);
/* Sends what is queued, as far as it goes. False: the connection is lost. */
bool mtc_rpc_connection_flush(struct rpc_connection *connection);
/* Tells whether nothing has moved since `since_ms` and no request is in flight. */
bool mtc_rpc_connection_is_idle(struct rpc_connection *connection, int64_t since_ms);
/* The epoll events to wait for now. */
uint32_t mtc_rpc_connection_wants(struct rpc_connection *connection);
void mtc_rpc_connection_close(struct rpc_connection *connection);

/* listen.c */
mtc_status mtc_rpc_listen(const char *path, int *out_fd, struct mtc_error *error);
mtc_status mtc_rpc_address(const char *path, struct sockaddr_un *out, struct mtc_error *error);

#endif
