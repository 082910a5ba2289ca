/* The server's open connections: how many, from whom, and which of them dawdle. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/address.h"

/* What a connection is doing, which says what it has time for. */
enum http_phase {
  HTTP_IDLE,      /* since the last answer or its beginning: libmicrohttpd's idle timeout counts */
  HTTP_RECEIVING, /* a request has begun: request_timeout_s */
  HTTP_PENDING,   /* the answer is the application's business: no limit */
  HTTP_SENDING,   /* the client reads the answer: request_timeout_s */
};

struct http_connection {
  struct http_connection *previous, *next;           /* all of the table */
  struct http_connection *bucket_before, *same_hash; /* those counted by address */
  struct http_address address;
  int fd;
  enum http_phase phase;
  bool counted;
  int64_t since_ms;        /* of the phase */
  uint64_t bytes_received; /* by the kernel, when the phase HTTP_IDLE began */
};

struct http_connections;

/*
 * http_connections_open makes a table.
 *
 * Requires: connections from `proxies`, which the table borrows, are never counted by address.
 * Errors:   NOMEM, IO (no randomness).
 */
mtc_status http_connections_open(unsigned max, unsigned max_per_address, unsigned request_timeout_s,
                                 unsigned idle_timeout_s, const struct http_address *proxies,
                                 unsigned num_proxies, struct http_connections **out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * http_connections_admit tells whether one more from this peer is allowed. Threads: any.
 */
bool http_connections_admit(struct http_connections *connections, struct http_address address);

/*
 * http_connections_add enters a connection; NULL when out of memory. Threads: any.
 */
struct http_connection *http_connections_add(struct http_connections *connections, int fd,
                                             struct http_address address);

/*
 * http_connections_remove takes one out, before its file descriptor is closed. Threads: any.
 */
void http_connections_remove(struct http_connections *connections,
                             struct http_connection *connection);

/*
 * http_connections_enter says that a connection enters a phase. Threads: any.
 */
void http_connections_enter(struct http_connections *connections,
                            struct http_connection *connection, enum http_phase phase);

/*
 * http_connections_drop_slow shuts down those whose time is over. Threads: any.
 */
void http_connections_drop_slow(struct http_connections *connections, int64_t now_ms);

/*
 * http_connections_close releases the table, which is empty then; NULL is ignored.
 */
void http_connections_close(struct http_connections *connections);

#endif
