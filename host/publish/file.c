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

/* Adds a folder; *out_known: it was there. */
static bool add_folder(struct mtc_publish_folders *folders, const char *path, bool *out_known) {
  *out_known = false;
  /* From the end: neighbours in a run share their folders. */
  for (size_t i = folders->num; i > 0 && !*out_known; i--)
    *out_known = strcmp(folders->paths[i - 1], path) == 0;
  if (*out_known) return true;
  if (folders->num == folders->capacity) {
    size_t capacity = folders->capacity ? 2 * folders->capacity : 16;
    char **paths = mtc_realloc(folders->paths, capacity * sizeof *paths);
    if (!paths) return false;
    folders->paths = paths;
    folders->capacity = capacity;
  }
  folders->paths[folders->num] = mtc_strdup(path);
  if (!folders->paths[folders->num]) return false;
  folders->num++;
  return true;
}

/*
 * Notes the folders from that of `path` up to the one that ends at `base_len`. Also when the file
 * was there already: the run that wrote it may have been killed before it synced.
 */
static mtc_status note_upwards(struct mtc_publish_folders *folders, char *path, size_t base_len,
                               struct mtc_error *error) {
  bool is_known = false;
  for (size_t at = strlen(path); at > base_len && !is_known;) {
    while (at > base_len && path[at] != '/')
      at--;
    path[at] = 0; /* the caller is done with what is below */
    if (!add_folder(folders, path, &is_known))
      return mtc_fail(error, MTC_NOMEM, "publishing in %s: out of memory", path);
    if (at > base_len) at--;
  }
  return MTC_OK;
}

mtc_status mtc_publish_sync_folders(struct mtc_publish_folders *folders, mtc_status status,
                                    struct mtc_error *error) {
  for (size_t i = 0; i < folders->num; i++) {
    if (!status) status = sync_folder(folders->paths[i], error);
    mtc_free(folders->paths[i]);
  }
  mtc_free(folders->paths);
  *folders = (struct mtc_publish_folders){0};
  return status;
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

mtc_status mtc_publish_once(struct mtc_publish_folders *folders, const char *folder,
                            const char *name, struct mtc_span content, struct mtc_error *error) {
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
    if (!status) status = mtc_file_write_unnamed(path, content, FILE_MODE, error);
  }
  return status ? status : note_upwards(folders, path, strlen(folder), error);
}
