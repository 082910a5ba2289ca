/* Challenges that the client's own process answers: http-01 and tls-alpn-01. */
#ifndef ACME_CLIENT_LISTEN_H
#define ACME_CLIENT_LISTEN_H

#include "acme/client_config.h"

struct acme_client_listener;

/* What is answered about one identifier. */
struct acme_client_answerable {
  struct acme_identifier identifier;
  char token[129];
  char key_authorization[192];
};

/*
 * acme_client_listen answers `num` challenges at "address:port" ("[address]:port") until it is
 * closed, on a thread of its own.
 *
 * Errors:   INPUT (address), IO, NOMEM.
 */
mtc_status acme_client_listen(enum acme_client_method method, const char *at,
                              const struct acme_client_answerable *answerable, size_t num,
                              struct acme_client_listener **out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_listener_port gives the port listened on.
 */
unsigned acme_client_listener_port(const struct acme_client_listener *listener);

/*
 * acme_client_listener_close ends it; NULL is ignored.
 */
void acme_client_listener_close(struct acme_client_listener *listener);

/*
 * acme_client_parse_address reads "address:port".
 *
 * Errors:   false.
 */
bool acme_client_parse_address(const char *text, char out_address[64],
                               unsigned *out_port) MTC_MUST_CHECK;

#endif
