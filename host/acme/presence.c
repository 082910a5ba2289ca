#include "acme/presence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Locks of an open file: they end with the process, however it ends, and no other descriptor's
 * close takes them away. One that is exclusive becomes a shared one without a moment in between. */
static int lock(int fd, int command, short type) {
  struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
  int result;
  do {
    result = fcntl(fd, command, &whole);
  } while (result != 0 && errno == EINTR);
  return result;
}

mtc_status acme_presence_open(const char *database, int *out_fd, bool *out_alone,
                              struct mtc_error *error) {
  char path[4096];
  *out_fd = -1;
  *out_alone = false;
  if (snprintf(path, sizeof path, "%s-servers", database) >= (int)sizeof path)
    return mtc_fail(error, MTC_IO, "database %s: the name is too long", database);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
  bool is_alone = lock(fd, F_OFD_SETLK, F_WRLCK) == 0;
  if ((!is_alone && errno != EAGAIN && errno != EACCES) || lock(fd, F_OFD_SETLKW, F_RDLCK) != 0) {
    (void)mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
    (void)close(fd);
    return MTC_IO;
  }
  *out_fd = fd;
  *out_alone = is_alone;
  return MTC_OK;
}
