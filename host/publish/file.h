/* Files of a published log: written once, never changed. */
#ifndef PUBLISH_FILE_H
#define PUBLISH_FILE_H

#include "mtc/bytes.h"
#include "mtc/status.h"

/*
 * mtc_publish_folder makes <folder>/<log_number> and writes its path to `out_path`.
 *
 * Requires: `out_path` has room for PATH_MAX bytes.
 * Errors:   INPUT (path too long), IO.
 */
mtc_status mtc_publish_folder(const char *folder, uint64_t log_number, char *out_path,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_publish_once writes <folder>/<name> and makes it durable, with the folders above it.
 *
 * Requires: `folder` exists. Safe to repeat: a file that holds `content` already is left alone.
 * Errors:   CORRUPT when it holds anything else; IO.
 */
mtc_status mtc_publish_once(const char *folder, const char *name, struct mtc_span content,
                            struct mtc_error *error) MTC_MUST_CHECK;

#endif
