#include "app/mtc/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "entry/utf8.h"
#include "sign/attribute.h"

#define START_WAIT_MS 2000 /* for a daemon that is starting */
#define START_POLL_MS 50

static void print_help(FILE *out, const struct cli_command *command) {
  (void)fprintf(out, "usage: %s\n\n%s\n", command->usage, command->help);
}

int cli_usage(const struct cli_command *command, const char *problem) {
  if (problem) (void)fprintf(stderr, "mtc: %s\n", problem);
  (void)fprintf(stderr, "usage: %s\n(--help says more)\n", command->usage);
  return CLI_USAGE;
}

int cli_fail(const struct cli_command *command, mtc_status status, const struct mtc_error *error) {
  (void)fprintf(stderr, "mtc %s%s%s: %s\n", command->group ? command->group : "",
                command->group ? " " : "", command->name,
                error->text[0] ? error->text : mtc_status_name(status));
  return CLI_FAILED;
}

int cli_option(const struct cli_command *command, int argc, char **argv,
               const struct option *options) {
  int option = getopt_long(argc, argv, ":", options, NULL);
  if (option == 'h') print_help(stdout, command);
  if (option == '?' || option == ':') {
    char problem[256];
    (void)snprintf(problem, sizeof problem,
                   option == '?' ? "unknown option %.200s" : "option %.200s needs a value",
                   argv[optind - 1]);
    (void)cli_usage(command, problem);
    return '?';
  }
  return option;
}

/* By the mtcd beside this program. */
static mtc_status summon(const char *folder, char *out_socket, size_t size,
                         struct mtc_error *error) {
  char program[PATH_MAX];
  ssize_t len = readlink("/proc/self/exe", program, sizeof program - 8);
  if (len <= 0) return mtc_fail(error, MTC_IO, "cannot read /proc/self/exe: %s", strerror(errno));
  program[len] = 0;
  char *slash = strrchr(program, '/');
  memcpy(slash ? slash + 1 : program, "mtcd", 5);
  return mtc_rpc_summon(program, folder, out_socket, size, error);
}

mtc_status cli_connect(const char *path, struct mtc_rpc_client **out, struct mtc_error *error) {
  const struct timespec pause = {0, START_POLL_MS * 1000000L};
  const int64_t deadline_ms = mtc_clock_monotonic_ms() + START_WAIT_MS;
  char socket[108];
  struct stat info;
  if (!path) path = getenv("MTC_SOCKET");
  bool is_folder = path && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
  for (;;) {
    mtc_status status = is_folder ? summon(path, socket, sizeof socket, error) : MTC_OK;
    if (status) return status;
    if (is_folder) path = socket;
    is_folder = false;
    status = mtc_rpc_connect(path ? path : "mtcd.sock", out, error);
    if (status != MTC_BUSY) return status;
    if (mtc_clock_monotonic_ms() >= deadline_ms)
      return mtc_fail_within(error, status, "no daemon within %d s", START_WAIT_MS / 1000);
    (void)nanosleep(&pause, NULL);
  }
}

mtc_status cli_read_status(struct mtc_rpc_client *client, json_t **out, struct mtc_error *error) {
  struct mtc_bytes answer = {0};
  struct mtc_span text;
  *out = NULL;
  mtc_status status = mtc_rpc_call(client, MTC_RPC_STATUS, mtc_span_of(NULL, 0), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && !mtc_read_prefixed(&reader, 3, &text))
    status = mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  if (!status) *out = json_loadb((const char *)text.data, text.len, 0, NULL);
  if (!status && !*out) status = mtc_fail(error, MTC_IO, "the daemon's answer is no JSON");
  mtc_bytes_free(&answer);
  return status;
}

int cli_status_options(const struct cli_command *command, int argc, char **argv, bool *out_json,
                       json_t **out) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_rpc_client *client = NULL;
  struct mtc_error error = {""};
  const char *socket = NULL;
  *out = NULL;
  *out_json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 's')
      socket = optarg;
    else if (option == 'j')
      *out_json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  mtc_status status = cli_connect(socket, &client, &error);
  if (!status) status = cli_read_status(client, out, &error);
  mtc_rpc_close(client);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

bool cli_parse_serial(const char *text, uint64_t *out_serial) {
  const char *colon = strchr(text, ':');
  uint64_t log_number, index;
  if (!colon) return mtc_parse_decimal(mtc_span_of_text(text), UINT64_MAX, out_serial);
  if (!mtc_parse_decimal(mtc_span_of(text, (size_t)(colon - text)), 65535, &log_number) ||
      !mtc_parse_decimal(mtc_span_of_text(colon + 1), (UINT64_C(1) << 48) - 1, &index))
    return false;
  *out_serial = log_number << 48 | index;
  return true;
}

bool cli_parse_time(const char *text, int64_t *out_posix_s) {
  struct tm tm = {0};
  uint64_t seconds;
  if (mtc_parse_decimal(mtc_span_of_text(text), INT64_MAX, &seconds)) {
    *out_posix_s = (int64_t)seconds;
    return true;
  }
  char again[32];
  if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm)) return false;
  *out_posix_s = (int64_t)timegm(&tm);
  /* 30 February has become 2 March, and one digit where there are two is accepted: not here. */
  return strcmp(cli_format_time(*out_posix_s, again), text) == 0;
}

const char *cli_format_time(int64_t posix_s, char out_text[32]) {
  struct tm tm;
  time_t time = (time_t)posix_s;
  if (!gmtime_r(&time, &tm) || !strftime(out_text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
    (void)snprintf(out_text, 32, "%" PRId64, posix_s);
  return out_text;
}

void cli_print_json(json_t *value) {
  if (!value)
    (void)fputs("mtc: out of memory: a line of JSON is missing\n", stderr);
  else if (json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
    (void)putchar('\n');
  json_decref(value);
}

const char *cli_text_problem(const char *text) {
  static char problem[64];
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_text(text ? text : ""));
  uint32_t scalar;
  while (reader.len) {
    size_t at = (size_t)((const char *)reader.data - text);
    problem[0] = 0;
    if (!mtc_utf8_next(&reader, &scalar))
      (void)snprintf(problem, sizeof problem, "no UTF-8 at byte %zu", at);
    else if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) || scalar == 0x2028 ||
             scalar == 0x2029 || scalar == 0xfeff || scalar == 0xfffe || scalar == 0xffff)
      (void)snprintf(problem, sizeof problem, "the control character U+%04X at byte %zu",
                     (unsigned)scalar, at);
    if (problem[0]) return problem;
  }
  return NULL;
}

json_t *cli_json_text(const char *text) {
  return mtc_json_text(mtc_span_of_text(text));
}
