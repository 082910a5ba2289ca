/* mtc card readmit: the operator's word that a retired card may be tried again. */
#include <stdio.h>
#include <time.h>

#include "app/mtc/cli.h"

#define POLL_MS 100
#define PATIENCE_MS 60000

/* The daemon's "hash" object. */
static mtc_status read_hash(struct mtc_rpc_client *client, json_t **out, struct mtc_error *error) {
  json_t *object = NULL;
  *out = NULL;
  mtc_status status = cli_read_status(client, &object, error);
  if (status) return status;
  *out = json_incref(json_object_get(object, "hash"));
  json_decref(object);
  return *out ? MTC_OK : mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
}

/* Whether every lane is in service; a daemon that does not speak of lanes has one. */
static bool is_whole(const json_t *hash) {
  size_t i;
  json_t *lane;
  json_array_foreach(json_object_get(hash, "lanes"), i, lane) {
    if (!json_is_true(json_object_get(lane, "in_service"))) return false;
  }
  return json_is_true(json_object_get(hash, "card_in_service"));
}

/* Waits until the attempt has ended; it is the daemon's, and goes on if we give up. */
static mtc_status wait_for_end(struct mtc_rpc_client *client, struct mtc_error *error) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + PATIENCE_MS;
  for (;;) {
    json_t *hash = NULL;
    mtc_status status = read_hash(client, &hash, error);
    bool is_in_test = json_is_true(json_object_get(hash, "card_in_test"));
    if (!status && !is_in_test && !is_whole(hash)) {
      const char *fault = json_string_value(json_object_get(hash, "card_test_fault"));
      status = mtc_fail(error, MTC_DEVICE, "%s", fault && *fault ? fault : "it failed again");
    } else if (!status && is_in_test && mtc_clock_monotonic_ms() >= deadline_ms) {
      status = mtc_fail(error, MTC_BUSY, "the card is still being tested; see `mtc status`");
    }
    json_decref(hash);
    if (status || !is_in_test) return status;
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
  }
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {
      {"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes answer = {0};
  struct mtc_error error = {""};
  const char *socket = NULL;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option != 's') return option == 'h' ? CLI_DONE : CLI_USAGE;
    socket = optarg;
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  mtc_status status = cli_connect(socket, &client, &error);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_CARD_READMIT, mtc_span_of(NULL, 0), &answer, &error);
  if (!status) status = wait_for_end(client, &error);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  if (status) return cli_fail(command, status, &error);
  (void)puts("the card is in service");
  return CLI_DONE;
}

const struct cli_command command_card_readmit = {
    "card",
    "readmit",
    "mtc card readmit [--socket PATH]",
    "take a retired card back into service",
    "Has the daemon open the retired lanes of the card anew, bring their streams into step and "
    "run\n"
    "their known-answer test. Batches run on the other lanes or the CPU meanwhile. Where a lane\n"
    "passes, it gets batches again; where one does not, the reason is printed and it stays "
    "retired.\n",
    run};
