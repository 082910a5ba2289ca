/* The threads that serve connections, each with an event loop and a libmicrohttpd daemon of its
 * own; all accept from the server's one listener. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "http/request.h"

struct http_loops;

/*
 * http_loops_open starts options->threads loops on the server's listener.
 *
 * Input:    certificate, key: PEM text, NULL for plain HTTP.
 * Errors:   IO (what libmicrohttpd says of it), NOMEM.
 */
mtc_status http_loops_open(struct http_server *server, const struct http_options *options,
                           const char *certificate, const char *key, struct http_loops **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * http_loops_stop_listening lets no new connection in; NULL is ignored. Threads: any.
 */
void http_loops_stop_listening(struct http_loops *loops);

/*
 * http_loops_close ends the threads and every connection; NULL is ignored.
 *
 * Requires: http_loops_stop_listening was called, and no request is suspended any more.
 */
void http_loops_close(struct http_loops *loops);

#endif
