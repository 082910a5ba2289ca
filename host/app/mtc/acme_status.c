/* mtc acme status: what the client knows. */
#include <stdio.h>

#include "acme/client_config.h"
#include "acme/client_step.h"
#include "app/mtc/cli.h"

static const char *format(int64_t time_s, char out[32]) {
  return time_s ? cli_format_time(time_s, out) : "-";
}

static void print_text(const char *name, const struct acme_client_state *state) {
  char text[32];
  (void)printf("%s\n", name);
  if (state->current.number) {
    (void)printf("  certificate     %llu, until %s\n", (unsigned long long)state->current.number,
                 format(state->current.not_after_s, text));
    (void)printf("  deployed        %s\n", !state->is_deployed ? "not yet"
                                           : state->hook_due || state->hook_landmark_due
                                               ? "hook to be run"
                                               : "yes");
    (void)printf("  renewal         %s\n", format(acme_client_renewal_time(state), text));
    if (state->has_landmark)
      (void)printf("  landmark        yes\n");
    else if (state->landmark_url[0])
      (void)printf("  landmark        asked for %u times, next %s\n", state->landmark_tries,
                   format(state->landmark_at_s, text));
    else
      (void)printf("  landmark        none offered\n");
  } else {
    (void)printf("  certificate     none\n");
  }
  if (state->order.generation)
    (void)printf("  order           %s\n", state->order.url[0] ? state->order.url : "to be placed");
  if (state->failures)
    (void)printf("  failed          %u times, next try %s: %s\n", state->failures,
                 format(state->retry_at_s, text), state->problem);
}

static void print_json(const char *name, const struct acme_client_state *state) {
  bool has_hook = state->hook_due || state->hook_landmark_due;
  cli_print_json(json_pack(
      "{s:s, s:I, s:I, s:I, s:b, s:b, s:b, s:s, s:I, s:s, s:I, s:I, s:s}", "name", name,
      "generation", (json_int_t)state->current.number, "not_after",
      (json_int_t)state->current.not_after_s, "renew_at",
      (json_int_t)(state->current.number ? acme_client_renewal_time(state) : 0), "deployed",
      (int)state->is_deployed, "hook_due", (int)has_hook, "has_landmark", (int)state->has_landmark,
      "landmark_url", state->landmark_url, "landmark_at", (json_int_t)state->landmark_at_s,
      "order_url", state->order.url, "failures", (json_int_t)state->failures, "retry_at",
      (json_int_t)state->retry_at_s, "problem", state->problem));
}

static mtc_status show(const char *path, bool json, struct mtc_error *error) {
  struct acme_client_config *config = NULL;
  mtc_status status = acme_client_config_load(path, &config, error);
  for (unsigned i = 0; !status && i < config->num_certificates; i++) {
    struct acme_client_state state = {0};
    const struct acme_client_certificate *certificate = &config->certificates[i];
    status = acme_client_state_load(certificate->folder, &state, error);
    if (!status && json)
      print_json(certificate->name, &state);
    else if (!status)
      print_text(certificate->name, &state);
    acme_client_state_free(&state);
  }
  acme_client_config_free(config);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *path = NULL;
  bool json = false;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'c':
        path = optarg;
        break;
      case 'j':
        json = true;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (!path || optind != argc) return cli_usage(command, "--config and nothing else is needed");
  mtc_status status = show(path, json, &error);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_acme_status = {
    "acme",
    "status",
    "mtc acme status --config FILE [--json]",
    "the certificates that mtc acme run keeps",
    "Shows from the saved state which certificates are there, until when, and what is next. Asks\n"
    "nobody and changes nothing.\n"
    "\n"
    "  --config  the client's configuration\n"
    "  --json    a JSON object per certificate\n",
    run};
