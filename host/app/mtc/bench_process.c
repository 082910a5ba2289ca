#include "app/mtc/bench_process.h"

#include <stdio.h>
#include <stdlib.h>
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

/* The number of that place among those that blanks part, the first is 0; 0 where there is none. */
static int64_t number_at(const char *text, unsigned place) {
  for (; place && text; place--) {
    text = strchr(text, ' ');
    if (text) text++;
  }
  return text ? strtoll(text, NULL, 10) : 0;
}

int64_t bench_process_rss(unsigned pid) {
  char text[256];
  read_proc(pid, "statm", text, sizeof text);
  return number_at(text, 1) * sysconf(_SC_PAGESIZE);
}

int64_t bench_process_cpu_us(unsigned pid) {
  char text[1024];
  read_proc(pid, "stat", text, sizeof text);
  /* The program's name, in parentheses, may have blanks. User and system time are the 14th and 15th
   * field of proc_pid_stat(5), the name the second. */
  const char *rest = strrchr(text, ')');
  if (!rest) return 0;
  return (number_at(rest, 12) + number_at(rest, 13)) * 1000000 / sysconf(_SC_CLK_TCK);
}
