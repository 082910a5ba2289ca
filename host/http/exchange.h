/* The callbacks between libmicrohttpd and the server: a request's way in and its answer's way out.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/request.h"

/* MHD_OPTION_URI_LOG_CALLBACK: the first line of a request is there. */
void *http_exchange_begin(void *server, const char *target, struct MHD_Connection *connection);

/* MHD_AccessHandlerCallback: head, pieces of the body, end, and again after a resumption. */
enum MHD_Result http_exchange_access(void *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *data, size_t *data_len, void **request);

/* MHD_OPTION_NOTIFY_COMPLETED: libmicrohttpd lets go of a request. */
void http_exchange_end(void *server, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode code);

/* MHD_OPTION_NOTIFY_CONNECTION: a connection begins or ends. */
void http_exchange_connection(void *server, struct MHD_Connection *connection, void **peer,
                              enum MHD_ConnectionNotificationCode code);

/*
 * http_exchange_abandon wakes every request that waits for its answer, which ends without one.
 *
 * Requires: the server's mutex is held and `stopping` is set.
 */
void http_exchange_abandon(struct http_server *server);

#endif
