/* mtc: the command line of the issuance engine. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"

static const struct cli_command *const commands[] = {
    &command_ca_init,
    &command_key_generate,
    &command_key_ceremony,
    &command_key_transcript,
    &command_key_list,
    &command_key_show,
    &command_key_test,
    &command_key_delete,
    &command_issue,
    &command_certificate_get,
    &command_landmark_allocate,
    &command_landmark_list,
    &command_landmark_subtrees,
    &command_reserve,
    &command_verify,
    &command_inspect,
    &command_log_fsck,
    &command_status_show,
    &command_card_readmit,
    &command_signer_status,
    &command_signer_unlatch,
    &command_bench_signer,
    &command_bench_acme,
    &command_acme_run,
    &command_acme_status,
    &command_acme_revoke,
    &command_acme_change_key,
    &command_acme_deactivate,
    &command_certificate_revoke,
    &command_certificate_revoked,
};
#define NUM_COMMANDS (sizeof commands / sizeof *commands)

/* Those of `group`; NULL: all. */
static void print_commands(FILE *out, const char *group) {
  (void)fprintf(out, "usage: mtc %s%sCOMMAND ... (each command has --help)\n\n", group ? group : "",
                group ? " " : "");
  for (size_t i = 0; i < NUM_COMMANDS; i++) {
    const struct cli_command *command = commands[i];
    char name[48];
    if (group && (!command->group || strcmp(command->group, group) != 0)) continue;
    (void)snprintf(name, sizeof name, "%s%s%s", command->group ? command->group : "",
                   command->group ? " " : "", command->name);
    (void)fprintf(out, "  %-20s %s\n", name, command->summary);
  }
  if (!group)
    (void)fputs(
        "\nThe daemon is found at --socket PATH, else $MTC_SOCKET, else mtcd.sock in this folder. "
        "A\n"
        "command waits 2 s for one that is starting and 60 s for its answer (issue: 300 s).\n",
        out);
  (void)fputs("\nexit codes: 0 done, 1 failed, 2 usage\n", out);
}

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* `mtc GROUP` and a word that is none of its commands, or no word. */
static int explain_group(const char *group, const char *word) {
  if (word && is_help(word)) {
    print_commands(stdout, group);
    return CLI_DONE;
  }
  if (word)
    (void)fprintf(stderr, "mtc %s: there is no command \"%s\"\n\n", group, word);
  else
    (void)fprintf(stderr, "mtc %s: which of its commands?\n\n", group);
  print_commands(stderr, group);
  return CLI_USAGE;
}

static int dispatch(int argc, char **argv) {
  const char *group = NULL;
  if (argc < 2 || is_help(argv[1])) {
    print_commands(argc < 2 ? stderr : stdout, NULL);
    return argc < 2 ? CLI_USAGE : CLI_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    (void)puts("mtc " MTC_VERSION);
    return CLI_DONE;
  }
  for (size_t i = 0; i < NUM_COMMANDS; i++) {
    const struct cli_command *command = commands[i];
    if (!command->group && strcmp(argv[1], command->name) == 0)
      return command->run(command, argc - 1, argv + 1);
    if (!command->group || strcmp(argv[1], command->group) != 0) continue;
    group = command->group;
    if (argc > 2 && strcmp(argv[2], command->name) == 0)
      return command->run(command, argc - 2, argv + 2);
  }
  if (group) return explain_group(group, argc > 2 ? argv[2] : NULL);
  (void)fprintf(stderr, "mtc: there is no command \"%s\"\n\n", argv[1]);
  print_commands(stderr, NULL);
  return CLI_USAGE;
}

/* Without standard descriptors the first file or socket opened would get what is printed. */
static void fill_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", O_RDONLY);
  }
}

int main(int argc, char **argv) {
  fill_standard_descriptors();
  mtc_log_init("mtc", MTC_LOG_WARNING);
  (void)signal(SIGPIPE, SIG_IGN);
  int result = dispatch(argc, argv);
  /* Who reads the output must not take half of it for all. */
  errno = 0;
  bool is_written = fflush(stdout) == 0;
  if (is_written && !ferror(stdout)) return result;
  (void)fprintf(stderr, "mtc: cannot write to standard output%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
  return result == CLI_DONE ? CLI_FAILED : result;
}
