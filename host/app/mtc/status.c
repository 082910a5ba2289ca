/* mtc status: what the daemon says about itself. */
#include <stdio.h>

#include "app/mtc/cli.h"

static int run(const struct cli_command *command, int argc, char **argv) {
  json_t *object = NULL;
  bool json = false;
  int result = cli_status_options(command, argc, argv, &json, &object);
  if (!object) return result;
  if (json)
    cli_print_json(json_incref(object));
  else if (json_dumpf(object, stdout, JSON_INDENT(2)) == 0)
    (void)putchar('\n');
  if (json_is_true(json_object_get(json_object_get(object, "engine"), "halted")))
    result = CLI_FAILED;
  json_decref(object);
  return result;
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
