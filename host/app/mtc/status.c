/* mtc status: what the daemon says about itself. */
#include <stdio.h>

#include "app/mtc/cli.h"

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes answer = {0};
  struct mtc_span text;
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
  if (!status) status = mtc_rpc_call(client, MTC_RPC_STATUS, mtc_span_of(NULL, 0), &answer, &error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && !mtc_read_prefixed(&reader, 3, &text))
    status = mtc_fail(&error, MTC_IO, "the daemon's answer is malformed");
  json_t *object = status ? NULL : json_loadb((const char *)text.data, text.len, 0, NULL);
  if (!status && !object) status = mtc_fail(&error, MTC_IO, "the daemon's answer is no JSON");
  if (!status && json)
    cli_print_json(json_incref(object));
  else if (!status && json_dumpf(object, stdout, JSON_INDENT(2)) == 0)
    (void)putchar('\n');
  bool is_halted = json_is_true(json_object_get(json_object_get(object, "engine"), "halted"));
  json_decref(object);
  mtc_bytes_free(&answer);
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
