/* mtc status: what the daemon says about itself. */
#include <stdio.h>

#include "app/mtc/cli.h"

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_rpc_client *client = NULL;
  struct mtc_error error = {""};
  const char *socket = NULL;
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 's')
      socket = optarg;
    else if (option == 'j')
      json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  mtc_status status = cli_connect(socket, &client, &error);
  json_t *object = NULL;
  if (!status) status = cli_read_status(client, &object, &error);
  if (!status && json)
    cli_print_json(json_incref(object));
  else if (!status && json_dumpf(object, stdout, JSON_INDENT(2)) == 0)
    (void)putchar('\n');
  bool is_halted = json_is_true(json_object_get(json_object_get(object, "engine"), "halted"));
  json_decref(object);
  mtc_rpc_close(client);
  if (status) return cli_fail(command, status, &error);
  return is_halted ? CLI_FAILED : CLI_DONE;
}

const struct cli_command command_status_show = {
    NULL,
    "status",
    "mtc status [--socket PATH] [--json]",
    "show log, card and signer counters",
    "Prints what the daemon counts since it started: the log's size and batches, what hashes (CPU "
    "or\n"
    "card, and why a lane of the card is out of service), the signer's failures, the last error "
    "of\n"
    "each. Fails when the daemon does not answer, and when the log is halted: engine.last_error "
    "says why.\n",
    run};
