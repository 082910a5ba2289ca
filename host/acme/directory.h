/* The directory, made once. */
#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include "acme/config.h"

/*
 * acme_directory_append appends the directory's JSON.
 *
 * Errors:   NOMEM.
 * Source:   RFC 8555, "Directory"; RFC 9773; draft-ietf-acme-profiles
 */
mtc_status acme_directory_append(const struct acme_config *config,
                                 struct mtc_bytes *out) MTC_MUST_CHECK;

#endif
