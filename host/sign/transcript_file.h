/* A transcript's file: new, durable line by line. */
#ifndef MTC_SIGN_TRANSCRIPT_FILE_H
#define MTC_SIGN_TRANSCRIPT_FILE_H

#include "sign/transcript.h"

/*
 * mtc_transcript_file_create makes a new file (mode 0644) for a transcript.
 *
 * Owner:    close *out_fd with mtc_transcript_file_close, after the last line; it must stay where
 * it is until then, since the sink points to it. Errors:   INPUT when the file is there; IO.
 */
mtc_status mtc_transcript_file_create(const char *path, int *out_fd,
                                      struct mtc_transcript_sink *out_sink,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_transcript_file_close closes the file; -1 is ignored.
 */
void mtc_transcript_file_close(int *fd);

#endif
