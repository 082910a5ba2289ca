/* A transcript's file: new, durable line by line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "sign/transcript_file.h"

static mtc_status append(void *context, struct mtc_span line, struct mtc_error *error) {
  const int *fd = context;
  return mtc_fd_write_synced(*fd, line)
             ? MTC_OK
             : mtc_fail(error, MTC_IO, "cannot write: %s", strerror(errno));
}

static mtc_status cut(void *context, size_t len, struct mtc_error *error) {
  const int *fd = context;
  if (ftruncate(*fd, (off_t)len) == 0 && lseek(*fd, (off_t)len, SEEK_SET) == (off_t)len &&
      fsync(*fd) == 0)
    return MTC_OK;
  return mtc_fail(error, MTC_IO, "cannot take a line back: %s", strerror(errno));
}

mtc_status mtc_transcript_file_create(const char *path, int *out_fd,
                                      struct mtc_transcript_sink *out_sink,
                                      struct mtc_error *error) {
  *out_fd = -1;
  mtc_status status = mtc_file_create(path, mtc_span_of(NULL, 0), 0644, error);
  if (status) return status;
  /* Nobody else's: the name was not there, and only root and this user can have replaced it. */
  *out_fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (*out_fd < 0) return mtc_fail(error, MTC_IO, "cannot open %s: %s", path, strerror(errno));
  *out_sink = (struct mtc_transcript_sink){.context = out_fd, .append = append, .cut = cut};
  return MTC_OK;
}

void mtc_transcript_file_close(int *fd) {
  if (*fd >= 0) (void)close(*fd);
  *fd = -1;
}
