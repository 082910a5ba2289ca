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

/* Folders with names in them that are not durable yet. Zeroed is none. */
struct mtc_publish_folders {
  char **paths;
  size_t num, capacity;
};

/*
 * mtc_publish_once writes <folder>/<name>, durable but for its name and those of the folders above
 * it: these are noted in `folders`.
 *
 * Requires: `folder` exists. Safe to repeat: a file that holds `content` already is left alone.
 * Errors:   CORRUPT when it holds anything else; IO, NOMEM.
 */
mtc_status mtc_publish_once(struct mtc_publish_folders *folders, const char *folder,
                            const char *name, struct mtc_span content,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_publish_sync_folders makes the names in `folders` durable, each folder once (a batch has half
 * a dozen files in about as many folders, and an fsync costs a millisecond or more), and empties
 * it; after a `status` that is a failure it only empties it.
 *
 * Output:   `status`, or why syncing failed.
 */
mtc_status mtc_publish_sync_folders(struct mtc_publish_folders *folders, mtc_status status,
                                    struct mtc_error *error) MTC_MUST_CHECK;

#endif
