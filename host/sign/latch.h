/*
 * The latch: a file that says which keys must not be tried again before an operator has looked.
 *
 *   <64 hex digits: SHA-256 of the key's identity> SP <POSIX seconds> SP <cause> LF
 *
 * Whoever logs in to a token holds the file's lock meanwhile and looks into it first, so that a
 * wrong PIN costs one attempt however many processes want to log in. A line that makes no sense
 * latches everything: it may be what is left of one.
 */
#ifndef MTC_SIGN_LATCH_H
#define MTC_SIGN_LATCH_H

#include "mtc/digest.h"

/*
 * mtc_latch_identity makes the identity of a key: what a PIN is for (module and token), not which
 * of the token's objects.
 *
 * Errors:   INPUT for a malformed URI; NOMEM.
 */
mtc_status mtc_latch_identity(const char *key, const char *module, struct mtc_hash *out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_latch_lock opens the file (mode 0600, made when it is not there) and waits for its lock.
 *
 * Owner:    mtc_latch_unlock.
 * Errors:   IO with the path. Without a latch nobody may log in.
 */
mtc_status mtc_latch_lock(const char *path, int *out_fd, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_latch_check refuses a key that is latched.
 *
 * Errors:   TOKEN with the cause (*out_latched); IO: the file cannot be read.
 */
mtc_status mtc_latch_check(int fd, const struct mtc_hash *identity, bool *out_latched,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_latch_set adds a line, durably; the cause is cut at 200 bytes and its control bytes go.
 *
 * Errors:   IO.
 */
mtc_status mtc_latch_set(int fd, const struct mtc_hash *identity, const char *cause,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_latch_unlock releases the lock; a negative `fd` is ignored.
 */
void mtc_latch_unlock(int fd);

/*
 * mtc_latch_clear empties the file: an operator has looked. `out_num_lines` is what was in it.
 *
 * Errors:   IO. A file that is not there is empty.
 */
mtc_status mtc_latch_clear(const char *path, size_t *out_num_lines,
                           struct mtc_error *error) MTC_MUST_CHECK;

#endif
