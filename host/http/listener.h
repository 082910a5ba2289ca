/* The socket that the server listens on. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "mtc/bytes.h"

/*
 * http_listener_open listens on a numeric address; "::" takes IPv4 too.
 *
 * Output:   the descriptor and the port, which the system chose where it was 0.
 * Errors:   INPUT (not a numeric address), IO.
 */
mtc_status http_listener_open(const char *address, unsigned port, int *out_fd, unsigned *out_port,
                              struct mtc_error *error) MTC_MUST_CHECK;

#endif
