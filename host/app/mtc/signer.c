/* mtc signer: what the signer's tokens do, and the operator's word that they may be tried again. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "mtc/sign.h"

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static long long number_of(const json_t *object, const char *key) {
  return (long long)json_integer_value(json_object_get(object, key));
}

static void print_latency(const json_t *latency) {
  (void)printf(
      "  latency in ms    mean %.1f, p50 %.1f, p90 %.1f, p99 %.1f, longest %.1f\n",
      (double)number_of(latency, "mean_us") / 1e3, (double)number_of(latency, "p50_us") / 1e3,
      (double)number_of(latency, "p90_us") / 1e3, (double)number_of(latency, "p99_us") / 1e3,
      (double)number_of(latency, "max_us") / 1e3);
  size_t i;
  json_t *bucket;
  json_array_foreach(json_object_get(latency, "below_us"), i, bucket) {
    (void)printf("    below %10.3f  %lld\n",
                 (double)json_integer_value(json_array_get(bucket, 0)) / 1e3,
                 (long long)json_integer_value(json_array_get(bucket, 1)));
  }
}

static void print_token(const json_t *token) {
  char when[32];
  (void)printf("%s\n  state            %s, %lld process%s\n", text_of(token, "name"),
               text_of(token, "state"), number_of(token, "processes"),
               number_of(token, "processes") == 1 ? "" : "es");
  if (*text_of(token, "token")) (void)printf("  token            %s\n", text_of(token, "token"));
  (void)printf(
      "  mechanism        %s\n  signatures       %lld (wrong: %lld)\n"
      "  failures         %lld, processes started again %lld\n",
      text_of(token, "mechanism"), number_of(token, "signatures"),
      number_of(token, "wrong_signatures"), number_of(token, "failures"),
      number_of(token, "respawns"));
  if (*text_of(token, "last_error"))
    (void)printf("  last error       %s: %s\n",
                 cli_format_time(number_of(token, "last_error_s"), when),
                 text_of(token, "last_error"));
  if (number_of(token, "signatures")) print_latency(json_object_get(token, "latency"));
}

/* A CA whose every token is latched or down cannot issue: scripts shall notice. */
static bool is_able(const json_t *signer) {
  size_t i;
  json_t *token;
  json_array_foreach(json_object_get(signer, "tokens"), i, token) {
    if (strcmp(text_of(token, "state"), "serving") == 0) return true;
  }
  return false;
}

static int run_status(const struct cli_command *command, int argc, char **argv) {
  json_t *object = NULL;
  bool json = false;
  int result = cli_status_options(command, argc, argv, &json, &object);
  if (!object) return result;
  json_t *signer = json_object_get(object, "signer"), *token;
  size_t i;
  if (json) {
    cli_print_json(json_incref(signer));
  } else {
    json_array_foreach(json_object_get(signer, "tokens"), i, token) print_token(token);
    if (number_of(signer, "failovers"))
      (void)printf("requests that a standby token served: %lld\n", number_of(signer, "failovers"));
  }
  result = is_able(signer) ? CLI_DONE : CLI_FAILED;
  json_decref(object);
  return result;
}

const struct cli_command command_signer_status = {
    "signer",
    "status",
    "mtc signer status [--socket PATH] [--json]",
    "show the tokens that sign, how fast, and why not",
    "Prints for each token, in the order in which they stand in for each other: its state "
    "(serving,\n"
    "standby, down: tried again by itself; latched: only after mtc signer unlatch), mechanism,\n"
    "counts since the daemon started, how long signatures took as the daemon sees it, and the "
    "last\n"
    "error. Fails when no token serves.\n",
    run_status};

/* Where no daemon runs: a latched signer is a reason why it does not start. */
static mtc_status unlatch_file(const char *path, struct mtc_error *error) {
  size_t num_lines = 0;
  mtc_status status = mtc_signer_unlatch_file(path, &num_lines, error);
  if (!status) (void)printf("%zu latched\n", num_lines);
  return status;
}

static mtc_status unlatch_daemon(const char *socket, struct mtc_error *error) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes answer = {0};
  mtc_status status = cli_connect(socket, &client, error);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_SIGNER_UNLATCH, mtc_span_of(NULL, 0), &answer, error);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  if (!status) (void)puts("unlatched");
  return status;
}

static int run_unlatch(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"latch", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_error error = {""};
  const char *socket = NULL, *latch = NULL;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 's')
      socket = optarg;
    else if (option == 'l')
      latch = optarg;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  if (socket && latch) return cli_usage(command, "--socket and --latch exclude each other");
  mtc_status status = latch ? unlatch_file(latch, &error) : unlatch_daemon(socket, &error);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_signer_unlatch = {
    "signer",
    "unlatch",
    "mtc signer unlatch [--socket PATH | --latch FILE]",
    "let a signer be tried again that refused its PIN or signed wrongly",
    "A token that has refused the PIN, or given a signature that does not verify, is not asked "
    "again,\n"
    "also not by the next daemon, until this command says that somebody has looked. Mend the "
    "cause\n"
    "first: a wrong PIN costs one more attempt.\n"
    "\n"
    "  --latch  the latch file itself (DIR/signer.latch), where no daemon runs\n",
    run_unlatch};
