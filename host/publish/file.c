#include "publish/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"

#define FILE_MODE 0644 /* a web server serves them */

static mtc_status sync_folder(const char *path, struct mtc_error *error) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && fsync(fd) == 0;
  int saved = errno;
  if (fd >= 0) (void)close(fd);
  return ok ? MTC_OK : mtc_fail(error, MTC_IO, "cannot sync %s: %s", path, strerror(saved));
}

mtc_status mtc_publish_folder(const char *folder, uint64_t log_number, char *out_path,
                              struct mtc_error *error) {
  int len = snprintf(out_path, PATH_MAX, "%s/%llu", folder, (unsigned long long)log_number);
  if (len < 0 || len >= PATH_MAX) {
    return mtc_fail(error, MTC_INPUT, "path too long: %s", folder);
  }
  mtc_status status = mtc_make_folders(out_path, error);
  return status ? status : sync_folder(folder, error);
}

/*
 * Syncs the folders from that of `path` up to the one that ends at `base_len`. Also when the file
 * was there already: the run that wrote it may have been killed before it synced.
 */
static mtc_status sync_upwards(char *path, size_t base_len, struct mtc_error *error) {
  for (size_t at = strlen(path); at > base_len;) {
    while (at > base_len && path[at] != '/')
      at--;
    char saved = path[at];
    path[at] = 0;
    mtc_status status = sync_folder(path, error);
    path[at] = saved;
    if (status) return status;
    if (at > base_len) at--;
  }
  return MTC_OK;
}

static mtc_status compare(const char *path, struct mtc_span content, struct mtc_error *error) {
  struct mtc_bytes found = {0};
  mtc_status status = mtc_file_read(path, content.len, &found, error);
  if (status == MTC_INPUT) {
    status = MTC_CORRUPT; /* larger, or not a file: the text says which */
  } else if (!status && !mtc_span_equal(mtc_span_of_bytes(&found), content)) {
    status = mtc_fail(error, MTC_CORRUPT, "%s is published with other content", path);
  }
  mtc_bytes_free(&found);
  return status;
}

static mtc_status make_folder_of(char *path, struct mtc_error *error) {
  char *slash = strrchr(path, '/');
  *slash = 0;
  mtc_status status = mtc_make_folders(path, error);
  *slash = '/';
  return status;
}

mtc_status mtc_publish_once(const char *folder, const char *name, struct mtc_span content,
                            struct mtc_error *error) {
  char path[PATH_MAX];
  int len = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (len < 0 || (size_t)len >= sizeof path) {
    return mtc_fail(error, MTC_INPUT, "path too long: %s/%s", folder, name);
  }
  struct stat info;
  mtc_status status;
  if (lstat(path, &info) == 0) {
    status = compare(path, content, error);
  } else {
    status = make_folder_of(path, error);
    if (!status) status = mtc_file_write_atomic(path, content, FILE_MODE, error);
  }
  return status ? status : sync_upwards(path, strlen(folder), error);
}
