/* mtc: the command line of the issuance engine. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"

static const struct cli_command *const commands[] = {
    &command_ca_init,           &command_key_generate,      &command_issue,
    &command_certificate_get,   &command_landmark_allocate, &command_landmark_list,
    &command_landmark_subtrees, &command_reserve,           &command_verify,
    &command_inspect,           &command_log_fsck,          &command_status_show,
};
#define NUM_COMMANDS (sizeof commands / sizeof *commands)

static void print_commands(FILE *out) {
  (void)fputs("usage: mtc COMMAND ... (each command has --help)\n\n", out);
  for (size_t i = 0; i < NUM_COMMANDS; i++) {
    char name[48];
    (void)snprintf(name, sizeof name, "%s%s%s", commands[i]->group ? commands[i]->group : "",
                   commands[i]->group ? " " : "", commands[i]->name);
    (void)fprintf(out, "  %-20s %s\n", name, commands[i]->summary);
  }
  (void)fputs("\nexit codes: 0 done, 1 failed, 2 usage\n", out);
}

int main(int argc, char **argv) {
  mtc_log_init("mtc", MTC_LOG_WARNING);
  (void)signal(SIGPIPE, SIG_IGN);
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
    print_commands(argc < 2 ? stderr : stdout);
    return argc < 2 ? CLI_USAGE : CLI_DONE;
  }
  bool is_group = false;
  for (size_t i = 0; i < NUM_COMMANDS; i++) {
    const struct cli_command *command = commands[i];
    if (!command->group && strcmp(argv[1], command->name) == 0)
      return command->run(command, argc - 1, argv + 1);
    if (!command->group || strcmp(argv[1], command->group) != 0) continue;
    is_group = true;
    if (argc > 2 && strcmp(argv[2], command->name) == 0)
      return command->run(command, argc - 2, argv + 2);
  }
  if (is_group && argc > 2 && strcmp(argv[2], "--help") == 0) {
    print_commands(stdout);
    return CLI_DONE;
  }
  if (is_group)
    (void)fprintf(stderr, "mtc %s: which of its commands?\n\n", argv[1]);
  else
    (void)fprintf(stderr, "mtc: there is no command \"%s\"\n\n", argv[1]);
  print_commands(stderr);
  return CLI_USAGE;
}
