/* The files that change: the checkpoint and the landmarks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/publish.h"
#include "mtc/runtime.h"
#include "publish/file.h"

#define FILE_MODE 0644
#define MAX_NOTE_LEN (1u << 20)

/* A checkpoint's first three lines; the signatures are not this layer's business. */
struct heading {
  struct mtc_span origin;
  uint64_t tree_size;
  struct mtc_hash root;
};

/* Source: c2sp.org/tlog-checkpoint, "Note text" */
static mtc_status parse_heading(struct mtc_span note, struct heading *out,
                                struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(note);
  struct mtc_span size, root, line;
  struct mtc_bytes decoded = {0};
  if (!mtc_read_line(&reader, &out->origin) || out->origin.len == 0) {
    return mtc_fail(error, MTC_INPUT, "line 1: no origin");
  }
  if (!mtc_read_line(&reader, &size) ||
      !mtc_parse_decimal(size, MTC_MAX_INDEX + 1, &out->tree_size)) {
    return mtc_fail(error, MTC_INPUT, "line 2: no tree size");
  }
  mtc_status status = MTC_INPUT;
  if (mtc_read_line(&reader, &root)) status = mtc_bytes_append_decoded_base64(&decoded, root);
  if (!status && decoded.len == MTC_HASH_LEN) memcpy(out->root.bytes, decoded.data, MTC_HASH_LEN);
  if (!status && decoded.len != MTC_HASH_LEN) status = MTC_INPUT;
  mtc_bytes_free(&decoded);
  if (status) return mtc_fail(error, status, "line 3: no base64 root hash");
  if (!mtc_read_line(&reader, &line) || line.len != 0) {
    return mtc_fail(error, MTC_INPUT, "line 4: not empty");
  }
  return MTC_OK;
}

/* Reads size and root of the checkpoint at `path`, which must be of log `origin`. */
static mtc_status read_published(const char *path, struct mtc_span origin, bool *out_found,
                                 struct mtc_head *out, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  struct heading heading;
  struct stat info;
  *out_found = false;
  *out = (struct mtc_head){0};
  if (lstat(path, &info) != 0) {
    if (errno == ENOENT) return MTC_OK;
    return mtc_fail(error, MTC_IO, "cannot stat %s: %s", path, strerror(errno));
  }
  mtc_status status = mtc_file_read(path, MAX_NOTE_LEN, &file, error);
  if (!status) {
    status = parse_heading(mtc_span_of_bytes(&file), &heading, error);
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  if (!status && !mtc_span_equal(heading.origin, origin))
    status = mtc_fail(error, MTC_CORRUPT, "%s is of log %.*s", path, (int)heading.origin.len,
                      (const char *)heading.origin.data);
  if (!status) {
    *out_found = true;
    out->tree_size = heading.tree_size;
    out->root = heading.root;
  }
  mtc_bytes_free(&file);
  return status == MTC_INPUT ? MTC_CORRUPT : status;
}

/* Tells in *out_keep whether the checkpoint at `path` is larger than the new one. */
static mtc_status compare(const char *path, const struct heading *new, bool *out_keep,
                          struct mtc_error *error) {
  struct mtc_head old;
  bool found;
  *out_keep = false;
  mtc_status status = read_published(path, new->origin, &found, &old, error);
  if (status || !found) return status;
  if (old.tree_size == new->tree_size && !mtc_hash_equal(&old.root, &new->root))
    return mtc_fail(error, MTC_CORRUPT, "%s: tree size %llu is published with another root", path,
                    (unsigned long long)old.tree_size);
  *out_keep = old.tree_size > new->tree_size;
  return MTC_OK;
}

/* Holds the log's folder, so that no other publisher moves between comparing and renaming. */
static mtc_status lock_folder(const char *log_folder, int *out_fd, struct mtc_error *error) {
  int fd = open(log_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_EX) == 0) {
    *out_fd = fd;
    return MTC_OK;
  }
  mtc_status status = mtc_fail(error, MTC_IO, "cannot lock %s: %s", log_folder, strerror(errno));
  if (fd >= 0) (void)close(fd);
  return status;
}

static mtc_status file_path(const char *folder, uint64_t log_number, const char *name,
                            char log_folder[PATH_MAX], char path[PATH_MAX],
                            struct mtc_error *error) {
  mtc_status status = mtc_publish_folder(folder, log_number, log_folder, error);
  if (status) return status;
  int len = snprintf(path, PATH_MAX, "%s/%s", log_folder, name);
  if (len > 0 && len < PATH_MAX) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "path too long: %s", log_folder);
}

mtc_status mtc_publish_read_checkpoint(const char *folder, uint64_t log_number,
                                       struct mtc_span origin, bool *out_found,
                                       struct mtc_head *out, struct mtc_error *error) {
  char path[PATH_MAX];
  int len =
      snprintf(path, sizeof path, "%s/%llu/checkpoint", folder, (unsigned long long)log_number);
  if (len < 0 || (size_t)len >= sizeof path)
    return mtc_fail(error, MTC_INPUT, "path too long: %s", folder);
  return read_published(path, origin, out_found, out, error);
}

mtc_status mtc_publish_checkpoint(const char *folder, uint64_t log_number, struct mtc_span note,
                                  struct mtc_error *error) {
  char log_folder[PATH_MAX], path[PATH_MAX];
  struct heading heading;
  int lock_fd = -1;
  bool keep = false;
  mtc_status status = parse_heading(note, &heading, error);
  if (!status && note.len > MAX_NOTE_LEN) status = mtc_fail(error, MTC_INPUT, "over 1 MiB");
  if (status) return mtc_fail_within(error, status, "checkpoint to be published");
  status = file_path(folder, log_number, "checkpoint", log_folder, path, error);
  if (!status) status = lock_folder(log_folder, &lock_fd, error);
  if (!status) status = compare(path, &heading, &keep, error);
  if (!status && !keep) status = mtc_file_write_atomic(path, note, FILE_MODE, error);
  if (lock_fd >= 0) (void)close(lock_fd);
  return status;
}

mtc_status mtc_publish_landmarks(const char *folder, uint64_t log_number, struct mtc_span file,
                                 struct mtc_error *error) {
  char log_folder[PATH_MAX], path[PATH_MAX];
  mtc_status status = file_path(folder, log_number, "landmarks", log_folder, path, error);
  return status ? status : mtc_file_write_atomic(path, file, FILE_MODE, error);
}
