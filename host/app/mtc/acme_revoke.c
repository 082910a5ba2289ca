/* mtc acme revoke, change-key, deactivate: what is done by hand. */
#include <stdio.h>

#include "acme/client_session.h"
#include "app/mtc/cli.h"

static mtc_status make_request(const char *path, int64_t reason, json_t **out,
                               struct mtc_error *error) {
  struct cli_blocks blocks = {0};
  struct mtc_bytes text = {0};
  mtc_status status = cli_load_pem(path, "CERTIFICATE", NULL, &blocks, error);
  if (!status) acme_append_base64url(&text, mtc_span_of_bytes(&blocks.items[0]));
  mtc_bytes_append_uint(&text, 0, 1);
  if (!status) status = mtc_bytes_status(&text);
  *out = status ? NULL
                : json_pack("{s:s, s:I}", "certificate", (const char *)text.data, "reason",
                            (json_int_t)reason);
  cli_blocks_free(&blocks);
  mtc_bytes_free(&text);
  return status;
}

static mtc_status revoke(const char *path, const char *certificate, int64_t reason,
                         struct mtc_error *error) {
  struct acme_client_config *config = NULL;
  struct acme_client_session session = {0};
  struct acme_client_response response = {0};
  json_t *request = NULL;
  mtc_status status = acme_client_config_load(path, &config, error);
  if (!status) status = make_request(certificate, reason, &request, error);
  if (!status) status = acme_client_session_open(config, false, &session, error);
  if (!status) status = acme_client_find_account(&session, error);
  if (!status)
    status =
        acme_client_post(&session, session.directory.revoke_cert, request, NULL, &response, error);
  else
    json_decref(request);
  acme_client_response_free(&response);
  acme_client_session_close(&session);
  acme_client_config_free(config);
  return status;
}

static int run_revoke(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                          {"certificate", required_argument, NULL, 'f'},
                                          {"reason", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *path = NULL, *certificate = NULL;
  uint64_t reason = 0;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'c':
        path = optarg;
        break;
      case 'f':
        certificate = optarg;
        break;
      case 'r':
        if (!mtc_parse_decimal(mtc_span_of_text(optarg), 10, &reason) || reason == 7)
          return cli_usage(command, "--reason: a CRL reason code, 0 to 10 but 7");
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (!path || !certificate || optind != argc)
    return cli_usage(command, "--config and --certificate are needed");
  mtc_status status = revoke(path, certificate, (int64_t)reason, &error);
  if (status) return cli_fail(command, status, &error);
  (void)printf("%s: revoked\n", certificate);
  return CLI_DONE;
}

const struct cli_command command_acme_revoke = {
    "acme",
    "revoke",
    "mtc acme revoke --config FILE --certificate PEM [--reason N]",
    "revoke a certificate",
    "Revokes the first certificate of a PEM file by the account that ordered it.\n"
    "\n"
    "  --config       the client's configuration\n"
    "  --certificate  e.g. FOLDER/fullchain.pem\n"
    "  --reason       code of RFC 5280 (1: the key is known to others; 4: superseded); 0\n",
    run_revoke};

static mtc_status deactivate(const char *path, struct mtc_error *error) {
  struct acme_client_config *config = NULL;
  struct acme_client_session session = {0};
  struct acme_client_response response = {0};
  mtc_status status = acme_client_config_load(path, &config, error);
  if (!status) status = acme_client_session_open(config, false, &session, error);
  if (!status && !session.account[0])
    status = mtc_fail(error, MTC_INPUT, "%s: no account is known for this key and directory",
                      config->account.key);
  if (!status) status = acme_client_find_account(&session, error);
  if (!status)
    status = acme_client_post(&session, session.account,
                              json_pack("{s:s}", "status", "deactivated"), NULL, &response, error);
  if (!status) status = acme_client_forget_account(&session, error);
  if (!status) (void)puts("the account is deactivated");
  acme_client_response_free(&response);
  acme_client_session_close(&session);
  acme_client_config_free(config);
  return status;
}

static mtc_status change_key(const char *path, struct mtc_error *error) {
  struct acme_client_config *config = NULL;
  struct acme_client_session session = {0};
  mtc_status status = acme_client_config_load(path, &config, error);
  if (!status) status = acme_client_session_open(config, true, &session, error);
  if (!status) status = acme_client_change_key(&session, error);
  if (!status)
    (void)printf("%s: the account %s has this key now\n", config->account.key, session.account);
  acme_client_session_close(&session);
  acme_client_config_free(config);
  return status;
}

/* Of a command that has no other option than the configuration. */
static int run_with_config(const struct cli_command *command, int argc, char **argv,
                           mtc_status (*run)(const char *path, struct mtc_error *error)) {
  static const struct option options[] = {
      {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
  const char *path = NULL;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option != 'c') return option == 'h' ? CLI_DONE : CLI_USAGE;
    path = optarg;
  }
  if (!path || optind != argc) return cli_usage(command, "--config and nothing else is needed");
  mtc_status status = run(path, &error);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

static int run_change_key(const struct cli_command *command, int argc, char **argv) {
  return run_with_config(command, argc, argv, change_key);
}

const struct cli_command command_acme_change_key = {
    "acme",
    "change-key",
    "mtc acme change-key --config FILE",
    "give the account another key",
    "Makes a new key of the same kind, has the server put it in the old one's place, and writes "
    "it\n"
    "to the file of the account's key. The old one is of no use then. Waits until no `mtc acme "
    "run`\n"
    "has the key. Killed or without an answer, it is gone on with by the next (the new key is in\n"
    "KEY.next); `mtc acme run` finds out which of the two is in force (docs/acme-client.md).\n"
    "\n"
    "  --config  the client's configuration\n",
    run_change_key};

static int run_deactivate(const struct cli_command *command, int argc, char **argv) {
  return run_with_config(command, argc, argv, deactivate);
}

const struct cli_command command_acme_deactivate = {
    "acme",
    "deactivate",
    "mtc acme deactivate --config FILE",
    "close the account for ever",
    "The server takes no further request of this account; its key cannot have another one. What "
    "was\n"
    "issued stays valid.\n"
    "\n"
    "  --config  the client's configuration\n",
    run_deactivate};
