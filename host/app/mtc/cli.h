/* What the subcommands of mtc share. Exit codes: 0 done, 1 failed, 2 usage. */
#ifndef MTC_APP_MTC_CLI_H
#define MTC_APP_MTC_CLI_H

#include <getopt.h>
#include <jansson.h>

#include "mtc/rpc.h"
#include "mtc/runtime.h"
#include "mtc/wire.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* A subcommand: `mtc GROUP NAME ...`, or `mtc NAME ...` when group is NULL. */
struct cli_command {
  const char *group;
  const char *name;
  const char *usage;   /* the line after "usage: " */
  const char *summary; /* one line */
  const char *help;    /* paragraphs after the usage line */
  int (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command command_ca_init, command_key_generate, command_issue,
    command_certificate_get, command_landmark_allocate, command_landmark_list,
    command_landmark_subtrees, command_reserve, command_verify, command_inspect, command_log_fsck,
    command_status_show;

/*
 * cli_usage prints the command's usage to standard error after `problem` and returns CLI_USAGE.
 */
int cli_usage(const struct cli_command *command, const char *problem);

/*
 * cli_fail prints "mtc GROUP NAME: text" to standard error and returns CLI_FAILED.
 */
int cli_fail(const struct cli_command *command, mtc_status status, const struct mtc_error *error);

/*
 * cli_option is getopt_long with --help handled: it returns -1 at the end, or the option's value;
 * '?' after a usage error was printed; 'h' after the help was printed.
 */
int cli_option(const struct cli_command *command, int argc, char **argv,
               const struct option *options);

/*
 * cli_connect connects to the daemon: `path`, else $MTC_SOCKET, else mtcd.sock in this folder.
 */
mtc_status cli_connect(const char *path, struct mtc_rpc_client **out,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * cli_parse_serial reads a serial number: decimal, or LOG:INDEX.
 */
bool cli_parse_serial(const char *text, uint64_t *out_serial) MTC_MUST_CHECK;

/*
 * cli_parse_time reads POSIX seconds or YYYY-MM-DDTHH:MM:SSZ.
 */
bool cli_parse_time(const char *text, int64_t *out_posix_s) MTC_MUST_CHECK;

/*
 * cli_format_time writes YYYY-MM-DDTHH:MM:SSZ.
 */
const char *cli_format_time(int64_t posix_s, char out_text[32]);

/*
 * cli_print_json prints one JSON value on a line and releases it.
 */
void cli_print_json(json_t *value);

/*
 * cli_load_pem reads a file and its first PEM block with one of two labels (the second may be
 * NULL), or takes the file as DER when it does not begin like PEM.
 */
mtc_status cli_load_pem(const char *path, const char *label, const char *other_label,
                        struct mtc_bytes *out_der, struct mtc_error *error) MTC_MUST_CHECK;

#endif
