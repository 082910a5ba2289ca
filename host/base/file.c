#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"

static mtc_status fail_errno(struct mtc_error *error, const char *what, const char *path) {
  return mtc_fail(error, MTC_IO, "%s %s: %s", what, path, strerror(errno));
}

mtc_status mtc_file_read(const char *path, size_t max_len, struct mtc_bytes *out,
                         struct mtc_error *error) {
  mtc_status status = MTC_OK;
  /* Non-blocking, so that a FIFO put in the file's place cannot hang the reader. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail_errno(error, "cannot open", path);
  struct stat info;
  if (fstat(fd, &info) != 0) {
    status = fail_errno(error, "cannot stat", path);
    goto out;
  }
  if (!S_ISREG(info.st_mode)) {
    status = mtc_fail(error, MTC_INPUT, "%s is not a regular file", path);
    goto out;
  }
  size_t total = 0;
  for (;;) {
    uint8_t *room = mtc_bytes_reserve(out, 65536);
    if (!room) {
      status = mtc_fail(error, MTC_NOMEM, "reading %s: out of memory", path);
      goto out;
    }
    ssize_t count = read(fd, room, 65536);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      status = fail_errno(error, "cannot read", path);
      goto out;
    }
    if (count == 0) break;
    out->len += (size_t)count;
    total += (size_t)count;
    if (total > max_len) {
      status = mtc_fail(error, MTC_INPUT, "%s is larger than %zu bytes", path, max_len);
      goto out;
    }
  }
out:
  (void)close(fd);
  return status;
}

static bool write_all(int fd, struct mtc_span content) {
  while (content.len) {
    ssize_t count = write(fd, content.data, content.len);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    content.data += count;
    content.len -= (size_t)count;
  }
  return true;
}

/* The folder of `path`, with its slash; "" when `path` has none. */
static bool folder_of(const char *path, char out[PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  size_t len = slash ? (size_t)(slash + 1 - path) : 0;
  if (len >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(out, path, len);
  out[len] = 0;
  return true;
}

/* Makes the rename durable. */
static bool sync_folder_of(const char *path) {
  char folder[PATH_MAX];
  if (!folder_of(path, folder)) return false;
  int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool ok = fsync(fd) == 0;
  int saved = errno;
  (void)close(fd);
  errno = saved;
  return ok;
}

/* What a rename may replace: a regular file, or nothing; a symbolic link stands for its target. A
 * device, FIFO or socket replaced by a file would be lost to everybody who uses it. */
static mtc_status find_target(const char *path, char out[PATH_MAX], struct mtc_error *error) {
  struct stat info;
  int len = snprintf(out, PATH_MAX, "%s", path);
  if (len < 0 || len >= PATH_MAX) return mtc_fail(error, MTC_INPUT, "path too long: %s", path);
  int result = lstat(path, &info);
  if (result == 0 && S_ISLNK(info.st_mode)) {
    if (!realpath(path, out)) return fail_errno(error, "cannot follow the link", path);
    result = lstat(out, &info);
  }
  if (result != 0 && errno != ENOENT) return fail_errno(error, "cannot write", path);
  if (result == 0 && !S_ISREG(info.st_mode)) {
    return mtc_fail(error, MTC_IO, "cannot write %s: it exists and is not a regular file", path);
  }
  return MTC_OK;
}

/* What is durable when a file has been written. */
enum sync { SYNC_NOTHING, SYNC_CONTENT, SYNC_NAME };

static bool write_temporary(int fd, struct mtc_span content, unsigned mode, enum sync sync) {
  bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, content) &&
            (sync == SYNC_NOTHING || fsync(fd) == 0);
  int saved = errno;
  if (close(fd) != 0 && ok) return false;
  errno = saved;
  return ok;
}

/* The temporary file's name is its own and short: one made out of the target's would be too long
 * for targets whose name is not. */
static mtc_status write_renamed(const char *path, struct mtc_span content, unsigned mode,
                                enum sync sync, struct mtc_error *error) {
  char target[PATH_MAX], folder[PATH_MAX], temporary[PATH_MAX];
  mtc_status status = find_target(path, target, error);
  if (status) return status;
  int len = folder_of(target, folder)
                ? snprintf(temporary, sizeof temporary, "%s.mtc-XXXXXX", folder)
                : PATH_MAX;
  if (len < 0 || len >= PATH_MAX) return mtc_fail(error, MTC_INPUT, "path too long: %s", path);
  int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) return fail_errno(error, "cannot create a file beside", path);
  if (!write_temporary(fd, content, mode, sync) || rename(temporary, target) != 0) {
    int saved = errno;
    (void)unlink(temporary);
    errno = saved;
    return fail_errno(error, "cannot write", path);
  }
  if (sync == SYNC_NAME && !sync_folder_of(target)) {
    return fail_errno(error, "cannot sync the folder of", path);
  }
  return MTC_OK;
}

mtc_status mtc_file_write_atomic(const char *path, struct mtc_span content, unsigned mode,
                                 struct mtc_error *error) {
  return write_renamed(path, content, mode, SYNC_NAME, error);
}

mtc_status mtc_file_write_unnamed(const char *path, struct mtc_span content, unsigned mode,
                                  struct mtc_error *error) {
  return write_renamed(path, content, mode, SYNC_CONTENT, error);
}

mtc_status mtc_file_write_unsynced(const char *path, struct mtc_span content, unsigned mode,
                                   struct mtc_error *error) {
  return write_renamed(path, content, mode, SYNC_NOTHING, error);
}

bool mtc_fd_write_synced(int fd, struct mtc_span content) {
  return write_all(fd, content) && fsync(fd) == 0;
}

mtc_status mtc_file_create(const char *path, struct mtc_span content, unsigned mode,
                           struct mtc_error *error) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
  if (fd < 0 && errno == EEXIST)
    return mtc_fail(error, MTC_INPUT, "%s exists; it is never overwritten", path);
  if (fd < 0) return fail_errno(error, "cannot create", path);
  bool ok = mtc_fd_write_synced(fd, content);
  int saved = errno;
  if (close(fd) != 0 && ok) {
    saved = errno;
    ok = false;
  }
  if (ok && sync_folder_of(path)) return MTC_OK;
  if (!ok) errno = saved;
  mtc_status status = fail_errno(error, "cannot write", path);
  (void)unlink(path);
  return status;
}

mtc_status mtc_folder_sync(const char *path, struct mtc_error *error) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(error, "cannot open folder", path);
  bool ok = syncfs(fd) == 0;
  int saved = errno;
  (void)close(fd);
  errno = saved;
  return ok ? MTC_OK : fail_errno(error, "cannot sync", path);
}

mtc_status mtc_make_folders(const char *path, struct mtc_error *error) {
  char partial[PATH_MAX];
  size_t len = strlen(path);
  if (len == 0 || len >= sizeof partial) {
    return mtc_fail(error, MTC_INPUT, "path empty or too long: %s", path);
  }
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return MTC_OK; /* as it mostly is */
  memcpy(partial, path, len + 1);
  for (size_t i = 1; i <= len; i++) {
    if (partial[i] != '/' && partial[i] != 0) continue;
    char saved = partial[i];
    partial[i] = 0;
    if (mkdir(partial, 0755) != 0 && errno != EEXIST) {
      return fail_errno(error, "cannot make folder", partial);
    }
    partial[i] = saved;
  }
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
    return mtc_fail(error, MTC_IO, "%s is not a folder", path);
  }
  return MTC_OK;
}
