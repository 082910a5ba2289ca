#include "sign/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"

static bool is_credential(const char *path) {
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  size_t len = folder ? strlen(folder) : 0;
  return len && strncmp(path, folder, len) == 0 && path[len] == '/' && !strstr(path, "..");
}

mtc_status mtc_secret_file_check(int fd, const char *path, struct mtc_error *error) {
  struct stat info;
  if (fstat(fd, &info) != 0) {
    return mtc_fail(error, MTC_IO, "cannot stat %s: %s", path, strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return mtc_fail(error, MTC_INPUT, "%s is not a regular file", path);
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return mtc_fail(error, MTC_INPUT, "%s belongs to user %u, neither this one nor root", path,
                    (unsigned)info.st_uid);
  }
  mode_t forbidden = is_credential(path) ? 0027 : 0077;
  if (info.st_mode & forbidden) {
    return mtc_fail(error, MTC_INPUT, "%s has mode %04o: others can read it; chmod 600", path,
                    (unsigned)(info.st_mode & 07777));
  }
  return MTC_OK;
}

/* The path that a source means, in `buffer` where it has to be put together. */
static mtc_status path_of(const char *source, char *buffer, size_t size, const char **out,
                          struct mtc_error *error) {
  if (strncmp(source, "file:", 5) == 0) {
    *out = source + 5;
    if (strncmp(*out, "//", 2) == 0) *out += 2;
    if ((*out)[0] == '/') return MTC_OK;
  } else if (strncmp(source, "credential:", 11) == 0) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY"), *name = source + 11;
    if (!folder || !*folder) {
      return mtc_fail(error, MTC_INPUT,
                      "pin-source is a systemd credential, but CREDENTIALS_DIRECTORY is not set");
    }
    int len = snprintf(buffer, size, "%s/%s", folder, name);
    *out = buffer;
    if (*name && !strchr(name, '/') && name[0] != '.' && len > 0 && (size_t)len < size)
      return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT,
                  "pin-source must be file: and an absolute path, credential: and a name, or "
                  "prompt");
}

bool mtc_pin_is_prompted(const char *key, const char *pin_source) {
  struct mtc_key_uri uri;
  struct mtc_error error;
  bool is_prompted = pin_source && strcmp(pin_source, "prompt") == 0;
  if (!mtc_key_is_uri(key) || mtc_key_uri_parse(key, &uri, &error) != MTC_OK) return false;
  if (uri.pin_source[0]) is_prompted = strcmp(uri.pin_source, "prompt") == 0;
  if (uri.pin_value[0]) is_prompted = false;
  mtc_key_uri_wipe(&uri);
  return is_prompted;
}

static mtc_status take_line(char *buffer, size_t len, const char *path, struct mtc_pin *out,
                            struct mtc_error *error) {
  if (len && buffer[len - 1] == '\n') len--;
  if (len && buffer[len - 1] == '\r') len--;
  if (len == 0 || len > MTC_PIN_MAX_LEN || memchr(buffer, 0, len)) {
    return mtc_fail(error, MTC_INPUT, "%s: a PIN is 1 to %d bytes without a zero byte", path,
                    MTC_PIN_MAX_LEN);
  }
  memcpy(out->text, buffer, len);
  out->text[len] = 0;
  out->len = len;
  return MTC_OK;
}

mtc_status mtc_pin_read(const char *source, struct mtc_pin *out, struct mtc_error *error) {
  char room[PATH_MAX];
  const char *path = NULL;
  mtc_status status = path_of(source, room, sizeof room, &path, error);
  if (status) return status;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return mtc_fail(error, MTC_IO, "cannot open %s: %s", path, strerror(errno));
  char buffer[MTC_PIN_MAX_LEN + 3];
  size_t len = 0;
  status = mtc_secret_file_check(fd, path, error);
  while (!status && len < sizeof buffer) {
    ssize_t count = read(fd, buffer + len, sizeof buffer - len);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status = mtc_fail(error, MTC_IO, "cannot read %s: %s", path, strerror(errno));
    if (count <= 0) break;
    len += (size_t)count;
  }
  if (!status) status = take_line(buffer, len, path, out, error);
  OPENSSL_cleanse(buffer, sizeof buffer);
  (void)close(fd);
  return status;
}

mtc_status mtc_pin_for(const struct mtc_key_uri *uri, const char *pin_source, struct mtc_pin *out,
                       struct mtc_error *error) {
  _Static_assert(sizeof uri->pin_value <= sizeof out->text, "a pin-value fits");
  *out = (struct mtc_pin){0};
  if (uri->pin_value[0]) {
    out->len = strlen(uri->pin_value);
    memcpy(out->text, uri->pin_value, out->len);
    mtc_log(MTC_LOG_WARNING, "pin.in_uri",
            "text=\"pin-value puts the PIN into configuration files; use pin-source=file:\"");
    return MTC_OK;
  }
  if (uri->pin_source[0]) pin_source = uri->pin_source;
  if (!pin_source || !*pin_source || strcmp(pin_source, "prompt") == 0) return MTC_OK;
  return mtc_pin_read(pin_source, out, error);
}

bool mtc_pin_has_credential(void) {
  char path[PATH_MAX];
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  if (!folder || folder[0] != '/') return false;
  int len = snprintf(path, sizeof path, "%s/" MTC_PIN_CREDENTIAL, folder);
  return len > 0 && len < (int)sizeof path && access(path, F_OK) == 0;
}

mtc_status mtc_pin_find(const struct mtc_key_uri *uri, const char *pin_source, bool needs_login,
                        bool has_protected_path, struct mtc_pin *out, struct mtc_error *error) {
  mtc_status status = mtc_pin_for(uri, pin_source, out, error);
  if (status || out->len || !needs_login || has_protected_path) return status;
  bool is_prompted = pin_source && strcmp(pin_source, "prompt") == 0;
  if (!is_prompted && mtc_pin_has_credential())
    return mtc_pin_read("credential:" MTC_PIN_CREDENTIAL, out, error);
  if (isatty(STDIN_FILENO) &&
      EVP_read_pw_string_min(out->text, 1, (int)sizeof out->text, "Token PIN: ", 0) == 0) {
    out->len = strlen(out->text);
    return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT, "token \"%s\" wants a PIN: give a pin-source", uri->token);
}

void mtc_pin_wipe(struct mtc_pin *pin) {
  OPENSSL_cleanse(pin, sizeof *pin);
}
