#include <stdatomic.h>
#include <time.h>

#include "mtc/runtime.h"

static _Atomic int64_t fixed_now_ms = -1;

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t mtc_clock_now_ms(void) {
  int64_t fixed = atomic_load(&fixed_now_ms);
  return fixed >= 0 ? fixed : read_clock(CLOCK_REALTIME);
}

int64_t mtc_clock_monotonic_ms(void) {
  return read_clock(CLOCK_MONOTONIC);
}

void mtc_clock_set(int64_t now_ms) {
  atomic_store(&fixed_now_ms, now_ms);
}
