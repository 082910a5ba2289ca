/* A request from its first line to its answer, and the server it came to: what the files of this
 * folder share. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <microhttpd.h>
#include <pthread.h>

#include "http/connection.h"
#include "http/server.h"

struct http_server {
  pthread_mutex_t mutex; /* num_references, num_open, first, stopping; each request's `stage` */
  pthread_cond_t changed;
  unsigned num_references; /* http_server_open's and one a request */
  unsigned num_open;       /* requests that the handler has or whose answer is not sent */
  struct http_request *first;
  bool draining; /* new requests are told to come again */
  bool stopping; /* nothing is answered any more */
  struct http_loops *loops;
  struct http_connections *connections;
  http_handler *handler;
  void *context;
  struct http_address *proxies;
  unsigned num_proxies;
  size_t max_body_len;
  int listener;
  unsigned port, request_timeout_s;
  pthread_t reaper;
  bool has_reaper;
};

enum http_stage {
  HTTP_STAGE_ARRIVING,  /* libmicrohttpd's alone */
  HTTP_STAGE_HANDLING,  /* the handler is running, on a thread of the server */
  HTTP_STAGE_SUSPENDED, /* the handler has returned without an answer */
  HTTP_STAGE_ANSWERED,  /* `response` is there for libmicrohttpd to take */
  HTTP_STAGE_ABANDONED, /* the server stops */
};

/* Two own a request: libmicrohttpd until it says that it is completed, and the application from the
 * handler's call to http_send. `connection` and `peer` are not touched once `detached`. */
struct http_request {
  struct http_server *server;
  struct http_request *previous, *next;
  struct MHD_Connection *connection;
  struct http_connection *peer;
  unsigned num_references;
  enum http_stage stage;
  bool detached;           /* libmicrohttpd has let go of it */
  bool begun;              /* its headers are read */
  bool is_counted;         /* in server->num_open */
  size_t num_discarded;    /* bytes of a body that is too large */
  unsigned refused_status; /* what is wrong with it, 0: nothing */
  const char *refused_text;
  char *target; /* path, zero, query, as sent */
  const char *path, *query;
  char *method;
  struct mtc_bytes headers; /* name, zero, value, zero, ... */
  struct mtc_bytes body;
  char address[HTTP_MAX_ADDRESS];
  struct MHD_Response *response;
  unsigned status;
};

/*
 * http_request_begin makes a request of its target, when the first line is whole.
 *
 * Output:   NULL when out of memory.
 */
struct http_request *http_request_begin(struct http_server *server,
                                        struct MHD_Connection *connection,
                                        struct http_connection *peer, const char *target);

/*
 * http_request_read_head copies method and headers and checks them.
 *
 * Output:   refused_status and refused_text say what is wrong.
 * Errors:   NOMEM.
 */
mtc_status http_request_read_head(struct http_request *request, const char *method,
                                  const char *version) MTC_MUST_CHECK;

/*
 * http_request_release gives up one of its two ownerships. Requires: the server's mutex is not
 * held.
 */
void http_request_release(struct http_request *request);

/*
 * http_server_release gives up one reference and frees the server with the last.
 */
void http_server_release(struct http_server *server);

/*
 * http_response_of turns an answer into libmicrohttpd's form; NULL when out of memory.
 *
 * Output:   `answer` is emptied. An answer that could not be built becomes 500.
 */
struct MHD_Response *http_response_of(struct http_answer *answer, unsigned *out_status);

/*
 * http_response_of_refusal makes an answer of this folder's own: a line of text.
 */
struct MHD_Response *http_response_of_refusal(const char *text);

#endif
