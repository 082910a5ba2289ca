/* Publication of a log as a tlog-tiles folder. */
#ifndef MTC_PUBLISH_H
#define MTC_PUBLISH_H

#include "mtc/store.h"

/*
 * mtc_publish_tree writes what the tree of `head` adds since `old_size`: full tiles, then partial
 * ones, entry bundles alike, to <folder>/<log_number>/; each file is fsynced and renamed.
 *
 * Requires: `head` is committed. Safe to repeat.
 * Errors:   IO (retry), CORRUPT when a file that exists holds other bytes.
 * Source:   c2sp.org/tlog-tiles
 */
mtc_status mtc_publish_tree(struct mtc_store *store, const char *folder, uint64_t log_number,
                            uint64_t old_size, const struct mtc_head *head,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_publish_read_checkpoint reads size and root of the published checkpoint; its time and its
 * signatures are not looked at.
 *
 * Output:   *out_found is false, and the size 0, when none is published.
 * Errors:   IO; CORRUPT when it is no checkpoint, or another log's (`origin`).
 */
mtc_status mtc_publish_read_checkpoint(const char *folder, uint64_t log_number,
                                       struct mtc_span origin, bool *out_found,
                                       struct mtc_head *out,
                                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_publish_checkpoint writes <folder>/<log_number>/checkpoint unless a larger one is there.
 *
 * Errors:   IO; CORRUPT when one of the same size with another root is there.
 */
mtc_status mtc_publish_checkpoint(const char *folder, uint64_t log_number, struct mtc_span note,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_publish_landmarks writes <folder>/<log_number>/landmarks.
 */
mtc_status mtc_publish_landmarks(const char *folder, uint64_t log_number, struct mtc_span file,
                                 struct mtc_error *error) MTC_MUST_CHECK;

#endif
