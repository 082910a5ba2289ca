#include "sign/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/uri.h"

#define MAX_LATCH_LEN 65536
#define MAX_CAUSE_LEN 200
#define IDENTITY_LEN (2 * MTC_HASH_LEN)

mtc_status mtc_latch_identity(const char *key, const char *module, struct mtc_hash *out,
                              struct mtc_error *error) {
  struct mtc_key_uri uri;
  if (!mtc_key_is_uri(key)) {
    mtc_hash_message(mtc_span_of_text(key), out);
    return MTC_OK;
  }
  mtc_status status = mtc_key_uri_parse(key, &uri, error);
  if (status) return status;
  const char *const texts[] = {module && *module ? module : uri.module_path, uri.token,
                               uri.manufacturer, uri.model, uri.serial};
  struct mtc_span parts[sizeof texts / sizeof *texts];
  /* With their zeros, so that no two lists of texts look alike. */
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    parts[i] = mtc_span_of(texts[i], strlen(texts[i]) + 1);
  mtc_hash_parts(parts, sizeof parts / sizeof *parts, out);
  mtc_key_uri_wipe(&uri);
  return MTC_OK;
}

static mtc_status fail_errno(struct mtc_error *error, const char *what) {
  return mtc_fail(error, MTC_IO, "the signer's latch file: %s: %s", what, strerror(errno));
}

static mtc_status open_locked(const char *path, int flags, int *out_fd, struct mtc_error *error) {
  struct stat info;
  int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
  if (fd < 0) return fail_errno(error, path);
  int rc;
  do {
    rc = flock(fd, LOCK_EX);
  } while (rc != 0 && errno == EINTR);
  if (rc == 0) rc = fstat(fd, &info);
  if (rc == 0 && !S_ISREG(info.st_mode)) {
    errno = EINVAL;
    rc = -1;
  }
  if (rc != 0) {
    mtc_status status = fail_errno(error, path);
    (void)close(fd);
    return status;
  }
  *out_fd = fd;
  return MTC_OK;
}

mtc_status mtc_latch_lock(const char *path, int *out_fd, struct mtc_error *error) {
  return open_locked(path, O_CREAT, out_fd, error);
}

static mtc_status read_all(int fd, struct mtc_bytes *out, struct mtc_error *error) {
  uint8_t *room = mtc_bytes_reserve(out, MAX_LATCH_LEN);
  if (!room) return mtc_fail(error, MTC_NOMEM, "reading the signer's latch: out of memory");
  while (out->len < MAX_LATCH_LEN) {
    ssize_t count = pread(fd, room + out->len, MAX_LATCH_LEN - out->len, (off_t)out->len);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(error, "reading");
    if (count == 0) break;
    out->len += (size_t)count;
  }
  return MTC_OK;
}

/* The cause on a line; NULL when the line is none. */
static bool parse_line(struct mtc_span line, struct mtc_hash *out_identity,
                       struct mtc_span *out_cause) {
  struct mtc_reader reader = mtc_reader_of(line);
  struct mtc_span identity, space;
  struct mtc_bytes bytes = {0};
  if (!mtc_read_span(&reader, IDENTITY_LEN, &identity) || !mtc_read_span(&reader, 1, &space) ||
      space.data[0] != ' ')
    return false;
  bool ok = mtc_bytes_append_decoded_hex(&bytes, identity) == MTC_OK && bytes.len == MTC_HASH_LEN;
  if (ok) memcpy(out_identity->bytes, bytes.data, MTC_HASH_LEN);
  mtc_bytes_free(&bytes);
  const uint8_t *space_at = reader.len ? memchr(reader.data, ' ', reader.len) : NULL;
  if (!ok || !space_at) return false;
  *out_cause = mtc_span_of(space_at + 1, reader.len - (size_t)(space_at + 1 - reader.data));
  return true;
}

mtc_status mtc_latch_check(int fd, const struct mtc_hash *identity, bool *out_latched,
                           struct mtc_error *error) {
  struct mtc_bytes content = {0};
  *out_latched = false;
  mtc_status status = read_all(fd, &content, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&content));
  while (!status && reader.len) {
    struct mtc_span line, cause;
    struct mtc_hash latched;
    if (!mtc_read_line(&reader, &line) || !parse_line(line, &latched, &cause)) {
      *out_latched = true;
      status = mtc_fail(error, MTC_TOKEN, "the latch file holds a line that makes no sense");
    } else if (mtc_hash_equal(&latched, identity)) {
      *out_latched = true;
      status = mtc_fail(error, MTC_TOKEN, "latched earlier: %.*s", (int)cause.len, cause.data);
    }
  }
  mtc_bytes_free(&content);
  return status;
}

mtc_status mtc_latch_set(int fd, const struct mtc_hash *identity, const char *cause,
                         struct mtc_error *error) {
  char text[MAX_CAUSE_LEN + 1];
  struct mtc_bytes line = {0};
  (void)snprintf(text, sizeof text, "%s", cause);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';
  mtc_bytes_append_hex(&line, mtc_span_of(identity->bytes, MTC_HASH_LEN));
  mtc_bytes_append_format(&line, " %lld %s\n", (long long)(mtc_clock_now_ms() / 1000), text);
  mtc_status status = mtc_bytes_status(&line);
  if (status) return mtc_fail(error, status, "writing the signer's latch: out of memory");
  /* One write: a crash leaves a whole line, or one that makes no sense. */
  ssize_t count = write(fd, line.data, line.len);
  if (count != (ssize_t)line.len || fsync(fd) != 0) status = fail_errno(error, "writing");
  mtc_bytes_free(&line);
  return status;
}

void mtc_latch_unlock(int fd) {
  if (fd >= 0) (void)close(fd);
}

mtc_status mtc_latch_clear(const char *path, size_t *out_num_lines, struct mtc_error *error) {
  int fd = -1;
  *out_num_lines = 0;
  if (access(path, F_OK) != 0 && errno == ENOENT) return MTC_OK;
  mtc_status status = open_locked(path, 0, &fd, error);
  if (status) return status;
  struct mtc_bytes content = {0};
  status = read_all(fd, &content, error);
  for (size_t i = 0; i < content.len; i++)
    *out_num_lines += content.data[i] == '\n' || i + 1 == content.len;
  if (!status && (ftruncate(fd, 0) != 0 || fsync(fd) != 0)) status = fail_errno(error, "emptying");
  mtc_bytes_free(&content);
  mtc_latch_unlock(fd);
  return status;
}
