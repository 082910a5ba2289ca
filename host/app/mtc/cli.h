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

extern const struct cli_command command_ca_init, command_key_generate, command_key_ceremony,
    command_key_transcript, command_key_list, command_key_show, command_key_test,
    command_key_delete, command_issue, command_certificate_get, command_landmark_allocate,
    command_landmark_list, command_landmark_subtrees, command_reserve, command_verify,
    command_inspect, command_log_fsck, command_status_show, command_card_readmit,
    command_signer_status, command_signer_unlatch, command_bench_signer, command_bench_acme,
    command_acme_run, command_acme_status, command_acme_revoke, command_acme_change_key,
    command_acme_deactivate, command_certificate_revoke, command_certificate_revoked;

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
 * cli_connect connects to the daemon: `path`, else $MTC_SOCKET, else mtcd.sock in this folder. It
 * waits two seconds for one that is starting. A CA's folder in a socket's place has its daemon
 * started when there is none.
 */
mtc_status cli_connect(const char *path, struct mtc_rpc_client **out,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * cli_read_status asks the daemon for its status.
 *
 * Output:   a JSON object, to be released with json_decref; NULL after an error.
 * Errors:   as mtc_rpc_call; IO when the answer is malformed.
 */
mtc_status cli_read_status(struct mtc_rpc_client *client, json_t **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * cli_status_options does the command line of a command that shows some of the daemon's state:
 * --socket, --json, --help and nothing else; then asks the daemon.
 *
 * Output:   *out is the state (release it) when there is something to show; otherwise NULL, and the
 *           result is the exit code: what was wrong has been said.
 */
int cli_status_options(const struct cli_command *command, int argc, char **argv, bool *out_json,
                       json_t **out);

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
 * cli_text_problem tells what in a text neither YAML nor a terminal should be given: bytes that are
 * not UTF-8, control characters, other line ends. NULL is text without any.
 *
 * Output:   words that fit behind "it has", until the next call; NULL when there is nothing.
 * Threads:  one.
 */
const char *cli_text_problem(const char *text);

/*
 * cli_json_text makes a JSON string of text that may be anything (a file's name, say): bytes that
 * are not UTF-8 become %XX. NULL when out of memory.
 */
json_t *cli_json_text(const char *text);

/* DER values of one file, in its order. Zeroed is none. */
struct cli_blocks {
  struct mtc_bytes *items;
  size_t num;
};

/*
 * cli_read_pem reads every PEM block with `label`, or with `other_label` (NULL: none) where `label`
 * does not occur. A file in which no block begins is taken as DER.
 *
 * Output:   at least one block; free with cli_blocks_free, on errors too.
 * Errors:   INPUT: no such block, or one that is malformed; NOMEM.
 */
mtc_status cli_read_pem(struct mtc_span file, const char *label, const char *other_label,
                        struct cli_blocks *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * cli_load_pem does so with the file at `path`.
 *
 * Errors:   as cli_read_pem, and IO; the text names the file.
 */
mtc_status cli_load_pem(const char *path, const char *label, const char *other_label,
                        struct cli_blocks *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * cli_blocks_free releases what was read.
 */
void cli_blocks_free(struct cli_blocks *blocks);

/*
 * cli_is_pem tells whether a PEM block begins in the text.
 */
bool cli_is_pem(struct mtc_span text);

/*
 * cli_check_replaceable refuses to write a certificate over what is none: a file that is there must
 * be empty or hold only certificates and their properties.
 *
 * Errors:   INPUT naming the file; IO. What is not a regular file is left to the writer.
 */
mtc_status cli_check_replaceable(const char *path, struct mtc_error *error) MTC_MUST_CHECK;

#endif
