/* Which servers there are on a database: each has a lock on a file beside it as long as it lives.
 */
#ifndef ACME_PRESENCE_H
#define ACME_PRESENCE_H

#include "mtc/digest.h"

/*
 * acme_presence_open makes this process known, by the file DATABASE-servers.
 *
 * Output:   *out_fd, to be closed when it is gone; *out_alone: no other had the database at this
 *           moment. Of two that come at once one is alone.
 * Errors:   IO.
 */
mtc_status acme_presence_open(const char *database, int *out_fd, bool *out_alone,
                              struct mtc_error *error) MTC_MUST_CHECK;

#endif
