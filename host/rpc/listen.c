/* The socket's name in the file system: never with a wider mode, never taken from a live daemon. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

mtc_status mtc_rpc_address(const char *path, struct sockaddr_un *out, struct mtc_error *error) {
  size_t len = strlen(path);
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (len == 0 || len >= sizeof out->sun_path) {
    return mtc_fail(error, MTC_IO, "socket path %s has %zu bytes, allowed are 1 to %zu", path, len,
                    sizeof out->sun_path - 1);
  }
  memcpy(out->sun_path, path, len + 1);
  return MTC_OK;
}

static mtc_status fail_errno(struct mtc_error *error, const char *what, const char *path) {
  return mtc_fail(error, MTC_IO, "%s %s: %s", what, path, strerror(errno));
}

/* MTC_OK: the name is free, or a daemon that is gone left it behind. */
static mtc_status check_name(const char *path, struct mtc_error *error) {
  struct stat info;
  struct sockaddr_un address;
  mtc_status status = mtc_rpc_address(path, &address, error);
  if (status != MTC_OK) return status;
  if (lstat(path, &info) != 0) {
    return errno == ENOENT ? MTC_OK : fail_errno(error, "cannot stat", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return mtc_fail(error, MTC_IO,
                    "%s exists and is not a socket: remove it or choose another path", path);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(error, "cannot make a socket for", path);
  /* EAGAIN: somebody listens, with a full queue. */
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN) {
    status = mtc_fail(error, MTC_BUSY, "another daemon listens on %s", path);
  } else if (errno != ECONNREFUSED && errno != ENOENT) {
    status = fail_errno(error, "cannot tell whether a daemon listens on", path);
  }
  (void)close(fd);
  return status;
}

mtc_status mtc_rpc_listen(const char *path, int *out_fd, struct mtc_error *error) {
  mtc_status status = check_name(path, error);
  if (status != MTC_OK) return status;
  struct sockaddr_un address;
  char temporary[sizeof address.sun_path + 4];
  (void)snprintf(temporary, sizeof temporary, "%s.new", path);
  status = mtc_rpc_address(temporary, &address, error);
  if (status != MTC_OK) return status;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(error, "cannot make a socket for", path);
  if (unlink(temporary) != 0 && errno != ENOENT) {
    status = fail_errno(error, "cannot remove", temporary);
    goto out;
  }
  /* Linux gives the name the mode that the socket has when it is bound: it is never wider, and no
   * umask of the whole process changes. The name appears only when somebody listens behind it. */
  if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    status = fail_errno(error, "cannot bind", temporary);
    goto out;
  }
  if (listen(fd, SOMAXCONN) != 0 || rename(temporary, path) != 0) {
    status = fail_errno(error, "cannot listen on", path);
    (void)unlink(temporary);
    goto out;
  }
  *out_fd = fd;
  return MTC_OK;
out:
  (void)close(fd);
  return status;
}
