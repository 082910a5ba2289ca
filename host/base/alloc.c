#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mtc/runtime.h"

/* Countdown to the allocation that fails; negative: none does. */
static atomic_long fail_after = -1;

static bool must_fail(void) {
  if (atomic_load_explicit(&fail_after, memory_order_relaxed) < 0) return false;
  return atomic_fetch_sub(&fail_after, 1) == 0;
}

void mtc_alloc_fail_after(long count) {
  atomic_store(&fail_after, count);
}

void *mtc_alloc(size_t count, size_t size) {
  if (must_fail()) return NULL;
  return calloc(count ? count : 1, size ? size : 1);
}

void *mtc_realloc(void *memory, size_t size) {
  if (must_fail()) return NULL;
  return realloc(memory, size ? size : 1);
}

void mtc_free(void *memory) {
  free(memory);
}

char *mtc_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = mtc_alloc(size, 1);
  if (copy) memcpy(copy, text, size);
  return copy;
}
