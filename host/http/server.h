/* An HTTP/1.1 server over libmicrohttpd: requests arrive whole and bounded, answers go out from any
 * thread. TLS itself, or plain HTTP for a proxy on the same machine. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <sys/socket.h>

#include "mtc/bytes.h"

struct http_options {
  const char *address;                  /* numeric, IPv4 or IPv6 */
  unsigned port;                        /* 0: any free one, see http_server_port */
  const char *certificate;              /* PEM file, NULL: plain HTTP */
  const char *key;                      /* PEM file */
  unsigned threads;                     /* 1.. */
  unsigned max_connections;             /* those beyond are closed at once */
  unsigned max_connections_per_address; /* 0: no limit */
  size_t max_body_len;
  unsigned idle_timeout_s; /* between requests */
  unsigned
      request_timeout_s; /* from a request's first byte to its last: slow clients are dropped */
  const char *const *proxies; /* numeric addresses whose X-Forwarded-For (last entry) is believed */
  unsigned num_proxies;
};

struct http_server;
struct http_request;

/*
 * A handler gets each request whole, on a thread of the server, and answers it exactly once with
 * http_answer, then or later, from any thread. It must not block for long.
 */
typedef void http_handler(void *context, struct http_request *request);

/* An answer being built; zeroed is 200 without a body. */
struct http_answer {
  unsigned status;          /* 0: 200 */
  struct mtc_bytes headers; /* "Name: value\r\n" lines, added by http_answer_header */
  struct mtc_bytes body;
};

/*
 * http_answer_header adds a header; CR, LF and NUL in the value make the whole answer a 500.
 */
void http_answer_header(struct http_answer *answer, const char *name, const char *value);

/*
 * http_answer_free releases an answer that was not sent.
 */
void http_answer_free(struct http_answer *answer);

/* Parts of a request; all live until it is answered. Path is decoded to bytes as sent (no percent
 * decoding) and without the query, query NULL when there is none. */
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);
const char *http_request_query(const struct http_request *request);
struct mtc_span http_request_body(const struct http_request *request);
/* NULL when the header is absent; the first one where there are several. */
const char *http_request_header(const struct http_request *request, const char *name);
/* The peer's numeric address, or what a trusted proxy says it is. */
const char *http_request_address(const struct http_request *request);

/*
 * http_send answers the request and releases it; `answer` is emptied.
 *
 * Threads:  any. After http_server_close has begun it goes into the void.
 */
void http_send(struct http_request *request, struct http_answer *answer);

/*
 * http_server_open listens and serves on threads of its own.
 *
 * Errors:   INPUT (address, certificate, key: which file and why), IO, NOMEM.
 */
mtc_status http_server_open(const struct http_options *options, http_handler *handler,
                            void *context, struct http_server **out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * http_server_port gives the port listened on.
 */
unsigned http_server_port(const struct http_server *server);

/*
 * http_server_close stops listening, waits until every open request is answered (the caller sees to
 * that) or `patience_ms` have passed, and releases the server; NULL is ignored.
 */
void http_server_close(struct http_server *server, unsigned patience_ms);

#endif
