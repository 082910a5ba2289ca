/* What the programs that run until they are told to stop have in common: their options, "ready". */
#ifndef APP_COMMON_PROGRAM_H
#define APP_COMMON_PROGRAM_H

#include <stdbool.h>

#include "mtc/runtime.h"

struct program {
  const char *version; /* "mtcd 1.0" */
  const char *usage;
  const char *flag; /* an option of its own without a value, "on-demand" */
};

struct program_options {
  const char *config; /* path */
  bool has_flag;
  enum mtc_log_level level;
};

/*
 * program_read_options reads --config FILE, --verbose, --version, --help and the program's flag.
 *
 * Output:   -1: go on with `out`; else the exit code, and what is to be said has been.
 */
int program_read_options(const struct program *program, int argc, char **argv,
                         struct program_options *out);

/*
 * program_say_ready says "ready" on standard output, and to systemd: requests are accepted.
 */
void program_say_ready(void);

/*
 * program_fail says on standard error what went wrong; without a text the status is all there is.
 */
void program_fail(const char *name, mtc_status status, const struct mtc_error *error);

#endif
