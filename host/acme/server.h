/* The ACME server as a whole. */
#ifndef ACME_SERVER_H
#define ACME_SERVER_H

#include "acme/config.h"

struct acme_server;

/*
 * acme_server_open opens the database, asks the daemons, takes up what was left, and listens.
 *
 * Requires: `config` lives longer.
 * Errors:   INPUT, CORRUPT, IO, NOMEM, FATAL.
 */
mtc_status acme_server_open(const struct acme_config *config, struct acme_server **out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_server_port gives the port listened on.
 */
unsigned acme_server_port(const struct acme_server *server);

/*
 * acme_server_close answers what is open, leaves to the next start what takes longer, and
 * releases; NULL is ignored.
 */
void acme_server_close(struct acme_server *server);

#endif
