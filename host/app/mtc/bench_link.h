/* One keep-alive connection of a load generator to an HTTP server: never blocks, for epoll. */
#ifndef MTC_APP_MTC_BENCH_LINK_H
#define MTC_APP_MTC_BENCH_LINK_H

#include <netdb.h>
#include <openssl/ssl.h>

#include "mtc/bytes.h"

/* Where to. The texts are parts of the URL that bench_target_open was given. */
struct bench_target {
  bool is_tls;
  char host[256], port[8];
  char origin[300]; /* "https://host:port" as the URL has it */
  struct addrinfo *addresses;
  SSL_CTX *tls;
};

/*
 * bench_target_open splits a URL, looks its host up and reads the CA file (NULL: the system's).
 *
 * Owner:    release with bench_target_close, on errors too.
 * Errors:   INPUT, IO, NOMEM.
 */
mtc_status bench_target_open(const char *url, const char *ca_file, struct bench_target *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_target_close releases a target.
 */
void bench_target_close(struct bench_target *target);

/*
 * bench_target_path gives the path of a URL of this server; NULL: it is another's.
 */
const char *bench_target_path(const struct bench_target *target, const char *url);

enum bench_link_state { BENCH_LINK_CLOSED, BENCH_LINK_CONNECTING, BENCH_LINK_OPEN };

/* Zeroed is closed. */
struct bench_link {
  enum bench_link_state state;
  int fd;
  SSL *ssl;
  struct mtc_bytes out, in;
  size_t num_sent; /* of `out` */
  bool is_head;    /* the answer has no body */
};

enum bench_event {
  BENCH_WAIT,   /* until epoll says something */
  BENCH_ANSWER, /* `answer` is there, until the next call */
  BENCH_LOST,   /* the connection ended, or its answer is malformed */
};

struct bench_answer {
  unsigned status;
  struct mtc_span nonce, location;
  struct mtc_span body;
};

/*
 * bench_link_open begins to connect and enters the descriptor into `epoll_fd` (edge-triggered),
 * with `context` to come back with its events.
 *
 * Errors:   IO, NOMEM.
 */
mtc_status bench_link_open(struct bench_link *link, const struct bench_target *target, int epoll_fd,
                           void *context, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * bench_link_ask makes a request ready to be sent by bench_link_advance; "POST" sends a JWS. An
 * answer to the last request is gone with it.
 */
void bench_link_ask(struct bench_link *link, const struct bench_target *target, const char *method,
                    const char *path, struct mtc_span jws);

/*
 * bench_link_advance sends and receives what is possible now.
 */
enum bench_event bench_link_advance(struct bench_link *link, struct bench_answer *answer);

/*
 * bench_link_close closes a connection and makes it closed.
 */
void bench_link_close(struct bench_link *link);

#endif
