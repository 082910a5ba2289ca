#include "mtc/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *mtc_status_name(mtc_status status) {
  static const char *const names[] = {
      [MTC_OK] = "ok",       [MTC_INPUT] = "input",     [MTC_BUSY] = "busy",
      [MTC_NOMEM] = "nomem", [MTC_IO] = "io",           [MTC_DEVICE] = "device",
      [MTC_TOKEN] = "token", [MTC_CORRUPT] = "corrupt", [MTC_FATAL] = "fatal",
  };
  size_t index = (size_t)status;
  return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

mtc_status(mtc_fail)(struct mtc_error *error, mtc_status status, const char *format, ...) {
  if (!error) return status;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  return status;
}

mtc_status(mtc_fail_within)(struct mtc_error *error, mtc_status status, const char *format, ...) {
  if (!error) return status;
  char inner[sizeof error->text];
  memcpy(inner, error->text, sizeof inner);
  va_list args;
  va_start(args, format);
  int len = vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  if (len < 0 || (size_t)len >= sizeof error->text) return status;
  const char *text = inner[0] ? inner : mtc_status_name(status);
  (void)snprintf(error->text + len, sizeof error->text - (size_t)len, ": %s", text);
  return status;
}
