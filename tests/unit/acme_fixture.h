/* A folder of its own for the tests of the ACME server's parts. */
#ifndef UNIT_ACME_FIXTURE_H
#define UNIT_ACME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/runtime.h"

struct folder {
  char path[64];
};

static inline int make_folder(void **state) {
  static struct folder folder;
  (void)snprintf(folder.path, sizeof folder.path, "/tmp/mtc-acme-XXXXXX");
  assert_non_null(mkdtemp(folder.path));
  *state = &folder;
  return 0;
}

/* Only files are in it. */
static inline int remove_folder(void **state) {
  const struct folder *folder = *state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf --one-file-system %s", folder->path);
  assert_int_equal(system(command), 0);
  mtc_clock_set(-1);
  return 0;
}

static inline const char *path_in(const struct folder *folder, const char *name) {
  static char paths[4][128];
  static unsigned next;
  char *path = paths[next++ % 4];
  (void)snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
  return path;
}

#endif
