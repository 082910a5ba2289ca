#include "mtc/runtime.h"

#ifdef MTC_FAULT_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mtc_fault_point(const char *name) {
  static atomic_long passages;
  const char *wanted = getenv("MTC_FAULT");
  if (!wanted) return;
  size_t len = strcspn(wanted, ":");
  if (strlen(name) != len || strncmp(wanted, name, len) != 0) return;
  long count = wanted[len] == ':' ? strtol(wanted + len + 1, NULL, 10) : 1;
  if (atomic_fetch_add(&passages, 1) + 1 == count) (void)kill(getpid(), SIGKILL);
}
#else
void mtc_fault_point(const char *name) {
  (void)name;
}
#endif
