/* What tests replace: memory, clock; and what every program shares: log, fault points, files. */
#ifndef MTC_RUNTIME_H
#define MTC_RUNTIME_H

#include <stdarg.h>

#include "mtc/bytes.h"

/*
 * mtc_alloc allocates zeroed memory for `count` objects of `size` bytes.
 *
 * Errors:   NULL when out of memory or when count * size overflows.
 */
void *mtc_alloc(size_t count, size_t size);

/*
 * mtc_realloc grows or shrinks as realloc(3) does; the old block stays valid when it fails.
 */
void *mtc_realloc(void *memory, size_t size);

/*
 * mtc_free releases what mtc_alloc, mtc_realloc, mtc_strdup gave; NULL is ignored.
 */
void mtc_free(void *memory);

/*
 * mtc_strdup copies a string.
 *
 * Errors:   NULL when out of memory.
 */
char *mtc_strdup(const char *text);

/*
 * mtc_alloc_fail_after makes the allocation number `count` from now (0 = the next) fail, once.
 *
 * Requires: tests only. A negative count switches failing off.
 */
void mtc_alloc_fail_after(long count);

/*
 * mtc_clock_now_ms gives POSIX time in milliseconds; mtc_clock_monotonic_ms a clock that never
 * goes back, for deadlines.
 */
int64_t mtc_clock_now_ms(void);
/* Milliseconds on a clock that never goes back, for deadlines and durations. */
int64_t mtc_clock_monotonic_ms(void);

/*
 * mtc_clock_set fixes mtc_clock_now_ms at `now_ms` for tests; a negative value restores it.
 */
void mtc_clock_set(int64_t now_ms);

enum mtc_log_level { MTC_LOG_ERROR, MTC_LOG_WARNING, MTC_LOG_INFO, MTC_LOG_DEBUG };

/*
 * mtc_log_init names the program and sets the least important level that is written.
 */
void mtc_log_init(const char *program, enum mtc_log_level level);

/*
 * mtc_log writes one line to standard error: time, level, program, event, then the formatted
 * fields as `key=value` pairs; control bytes are escaped, so that input cannot forge a line.
 *
 * Requires: no secret is ever passed. Threads: any.
 */
void mtc_log(enum mtc_log_level level, const char *event, const char *format, ...) MTC_PRINTF(3, 4);

/*
 * mtc_fault_point kills the process with SIGKILL when the environment variable MTC_FAULT names
 * `name` ("stage.before:3" means at the third passage). Does nothing unless compiled with
 * MTC_FAULT_POINTS (the test presets).
 */
void mtc_fault_point(const char *name);

/*
 * mtc_file_read reads a whole file of at most `max_len` bytes into `out` (appended).
 *
 * Errors:   INPUT when it is larger or not a regular file; IO with errno in words.
 */
mtc_status mtc_file_read(const char *path, size_t max_len, struct mtc_bytes *out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_file_write_atomic writes a temporary file (".mtc-" and six characters) beside `path`, fsyncs
 * it, renames it over `path` and fsyncs the folder: after a crash `path` holds the old or the new
 * content, whole. A symbolic link is followed: its target is replaced.
 *
 * Errors:   IO: `path` holds the old content, or the new one where only the folder's sync failed;
 *           also when it is there and is no regular file. INPUT: the path is too long.
 */
mtc_status mtc_file_write_atomic(const char *path, struct mtc_span content, unsigned mode,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_file_write_unnamed does the same but for the folder, which the caller fsyncs: the content is
 * durable, its name only then. For many files in few folders.
 *
 * Errors:   IO; `path` is untouched.
 */
mtc_status mtc_file_write_unnamed(const char *path, struct mtc_span content, unsigned mode,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_file_write_unsynced does the same without fsync: whole or absent to every reader, but durable
 * only after mtc_folder_sync. For many files at once.
 *
 * Errors:   IO; `path` is untouched.
 */
mtc_status mtc_file_write_unsynced(const char *path, struct mtc_span content, unsigned mode,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_file_create writes a new file and makes it and its name durable.
 *
 * Errors:   INPUT when something of that name is there, which stays as it is; IO (nothing stays).
 */
mtc_status mtc_file_create(const char *path, struct mtc_span content, unsigned mode,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_fd_write_synced writes all of `content` and waits until it is durable.
 *
 * Errors:   false with errno; any part of it may be written.
 */
bool mtc_fd_write_synced(int fd, struct mtc_span content) MTC_MUST_CHECK;

/*
 * mtc_folder_sync makes everything written to the file system of the folder `path` durable.
 *
 * Errors:   IO.
 */
mtc_status mtc_folder_sync(const char *path, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_make_folders makes the folder `path` and its parents where they are missing (mode 0755).
 *
 * Errors:   IO.
 */
mtc_status mtc_make_folders(const char *path, struct mtc_error *error) MTC_MUST_CHECK;

#endif
