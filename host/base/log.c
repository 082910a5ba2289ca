#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mtc/runtime.h"

static const char *program_name = "mtc";
static atomic_int max_level = MTC_LOG_INFO;

void mtc_log_init(const char *program, enum mtc_log_level level) {
  program_name = program;
  atomic_store(&max_level, (int)level);
}

/* Copies `text` so that no byte of it can end the line or drive a terminal. */
static void append_escaped(char *out, size_t size, size_t *len, const char *text) {
  for (; *text && *len + 5 < size; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 0x20 || c == 0x7F) {
      *len += (size_t)snprintf(out + *len, size - *len, "\\x%02x", c);
    } else {
      out[(*len)++] = (char)c;
    }
  }
}

void mtc_log(enum mtc_log_level level, const char *event, const char *format, ...) {
  static const char *const names[] = {"error", "warning", "info", "debug"};
  if ((int)level > atomic_load(&max_level)) return;
  char fields[1024], line[1536];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(fields, sizeof fields, format, args);
  va_end(args);

  int64_t now_ms = mtc_clock_now_ms();
  time_t now_s = (time_t)(now_ms / 1000);
  struct tm utc;
  gmtime_r(&now_s, &utc);
  size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  int head = snprintf(line + len, sizeof line - len, ".%03dZ %s %s %s ", (int)(now_ms % 1000),
                      names[level], program_name, event);
  len += head > 0 ? (size_t)head : 0;
  append_escaped(line, sizeof line, &len, fields);
  line[len++] = '\n';
  /* One write per line, so that lines of several threads do not mix. A full disk loses the line. */
  if (write(STDERR_FILENO, line, len) < 0) return;
}
