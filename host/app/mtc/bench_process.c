#include "app/mtc/bench_process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The text of /proc/PID/NAME, empty when there is none. */
static void read_proc(unsigned pid, const char *name, char *out, size_t size) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%u/%s", pid, name);
  FILE *file = fopen(path, "re");
  size_t len = file ? fread(out, 1, size - 1, file) : 0;
  if (file) (void)fclose(file);
  out[len] = 0;
}

int64_t bench_process_rss(unsigned pid) {
  char text[256];
  long long pages = 0;
  read_proc(pid, "statm", text, sizeof text);
  if (sscanf(text, "%*d %lld", &pages) != 1) return 0;
  return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

int64_t bench_process_cpu_us(unsigned pid) {
  char text[1024];
  long long user = 0, system = 0;
  read_proc(pid, "stat", text, sizeof text);
  /* The program's name, in parentheses, may have blanks. */
  const char *rest = strrchr(text, ')');
  if (!rest ||
      sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system) != 2)
    return 0;
  return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}
