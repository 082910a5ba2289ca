/* How the server's threads and the application's hand a request to each other.
 *
 * libmicrohttpd calls http_exchange_access with the head, with each piece of the body, at its end,
 * and, when that call leaves without an answer and the connection suspended, once more after the
 * resumption. Suspension and resumption happen under the server's mutex, so that an answer that
 * comes while the handler is still running needs none, and that nothing is resumed after its end.
 */
#include "http/exchange.h"

#include "mtc/runtime.h"

/* A body that is too large by less than this is read to its end, so that the client sees the answer
 * instead of a reset connection. */
#define MAX_DISCARDED_LEN (1u << 20)

static struct http_connection *peer_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

void http_exchange_connection(void *context, struct MHD_Connection *connection, void **peer,
                              enum MHD_ConnectionNotificationCode code) {
  struct http_server *server = context;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    if (*peer) http_connections_remove(server->connections, *peer);
    *peer = NULL;
    return;
  }
  const union MHD_ConnectionInfo *fd =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  int number = fd ? fd->connect_fd : -1;
  const union MHD_ConnectionInfo *address =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (number < 0 || !address) return;
  *peer = http_connections_add(server->connections, number, http_address_of(address->client_addr));
}

void *http_exchange_begin(void *context, const char *target, struct MHD_Connection *connection) {
  struct http_server *server = context;
  struct http_connection *peer = peer_of(connection);
  if (!peer) return NULL;
  http_connections_enter(server->connections, peer, HTTP_RECEIVING);
  return http_request_begin(server, connection, peer, target);
}

/* Queues an answer of the server's own. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text,
                              bool close) {
  struct MHD_Response *response = http_response_of_refusal(text);
  if (!response) return MHD_NO;
  if (close) MHD_add_response_header(response, "Connection", "close");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result read_head(struct http_request *request, const char *method,
                                 const char *version) {
  if (http_request_read_head(request, method, version) != MTC_OK) return MHD_NO;
  /* What is wrongly framed or wanted to be read to its end for nothing is answered at once; too
   * large a body is discarded first where it is not much too large. */
  if (request->refused_status == MHD_HTTP_CONTENT_TOO_LARGE) {
    const char *length = http_request_header(request, "Content-Length");
    uint64_t body_len = 0;
    if (mtc_parse_decimal(mtc_span_of_text(length), MAX_DISCARDED_LEN, &body_len)) return MHD_YES;
  }
  if (request->refused_status) {
    return refuse(request->connection, request->refused_status, request->refused_text, true);
  }
  return MHD_YES;
}

static enum MHD_Result read_piece(struct http_request *request, const char *data, size_t *len) {
  size_t room = request->server->max_body_len - request->body.len;
  if (!request->refused_status && *len <= room) {
    mtc_bytes_append(&request->body, data, *len);
    if (mtc_bytes_status(&request->body) != MTC_OK) return MHD_NO;
  } else {
    if (!request->refused_status) mtc_bytes_free(&request->body);
    request->refused_status = MHD_HTTP_CONTENT_TOO_LARGE;
    request->refused_text = "the body is too large\n";
    request->num_discarded += *len;
    if (request->num_discarded > MAX_DISCARDED_LEN) return MHD_NO;
  }
  *len = 0;
  return MHD_YES;
}

static enum MHD_Result queue_answer(struct http_request *request) {
  if (!request->response) return MHD_NO;
  http_connections_enter(request->server->connections, request->peer, HTTP_SENDING);
  enum MHD_Result result =
      MHD_queue_response(request->connection, request->status, request->response);
  MHD_destroy_response(request->response);
  request->response = NULL;
  return result;
}

/* Calls the handler; its answer may come now, later, or not at all when the server closes. */
static enum MHD_Result handle(struct http_request *request) {
  struct http_server *server = request->server;
  http_connections_enter(server->connections, request->peer, HTTP_PENDING);
  pthread_mutex_lock(&server->mutex);
  bool refused = server->draining;
  if (!refused) {
    request->num_references++;
    request->stage = HTTP_STAGE_HANDLING;
    request->is_counted = true;
    server->num_open++;
  }
  pthread_mutex_unlock(&server->mutex);
  if (refused) {
    http_connections_enter(server->connections, request->peer, HTTP_SENDING);
    return refuse(request->connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is closing\n",
                  true);
  }
  server->handler(server->context, request);
  pthread_mutex_lock(&server->mutex);
  bool answered = request->stage == HTTP_STAGE_ANSWERED;
  bool stopping = server->stopping;
  if (!answered && !stopping) {
    request->stage = HTTP_STAGE_SUSPENDED;
    MHD_suspend_connection(request->connection);
  }
  pthread_mutex_unlock(&server->mutex);
  if (answered) return queue_answer(request);
  return stopping ? MHD_NO : MHD_YES;
}

enum MHD_Result http_exchange_access(void *context, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *data, size_t *data_len, void **own) {
  struct http_server *server = context;
  struct http_request *request = *own;
  (void)connection;
  (void)url;
  if (!request) return MHD_NO;
  if (!request->begun) return read_head(request, method, version);
  if (*data_len) return read_piece(request, data, data_len);
  if (request->refused_status) {
    http_connections_enter(server->connections, request->peer, HTTP_SENDING);
    return refuse(connection, request->refused_status, request->refused_text, false);
  }
  pthread_mutex_lock(&server->mutex);
  enum http_stage stage = request->stage;
  pthread_mutex_unlock(&server->mutex);
  if (stage == HTTP_STAGE_ARRIVING) return handle(request);
  return stage == HTTP_STAGE_ANSWERED ? queue_answer(request) : MHD_NO;
}

void http_send(struct http_request *request, struct http_answer *answer) {
  struct http_server *server = request->server;
  unsigned status;
  struct MHD_Response *response = http_response_of(answer, &status);
  pthread_mutex_lock(&server->mutex);
  if (!request->detached && !server->stopping) {
    request->response = response;
    request->status = status;
    response = NULL;
    bool suspended = request->stage == HTTP_STAGE_SUSPENDED;
    request->stage = HTTP_STAGE_ANSWERED;
    if (suspended) MHD_resume_connection(request->connection);
  }
  pthread_mutex_unlock(&server->mutex);
  if (response) MHD_destroy_response(response);
  http_request_release(request);
}

void http_exchange_end(void *context, struct MHD_Connection *connection, void **own,
                       enum MHD_RequestTerminationCode code) {
  struct http_server *server = context;
  struct http_request *request = *own;
  (void)connection;
  (void)code;
  *own = NULL;
  if (!request) return;
  http_connections_enter(server->connections, request->peer, HTTP_IDLE);
  pthread_mutex_lock(&server->mutex);
  request->detached = true;
  if (request->is_counted && --server->num_open == 0) pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->mutex);
  http_request_release(request);
}

void http_exchange_abandon(struct http_server *server) {
  for (struct http_request *each = server->first; each; each = each->next) {
    if (each->detached || each->stage != HTTP_STAGE_SUSPENDED) continue;
    each->stage = HTTP_STAGE_ABANDONED;
    MHD_resume_connection(each->connection);
  }
}
