/* mtc acme run: the ACME client, made for cron. */
#include <stdio.h>
#include <string.h>

#include "acme/client_run.h"
#include "app/mtc/cli.h"

#define PATIENCE_S 60
#define MAX_PATIENCE_S 3600

static bool print_report(const char *name, const struct acme_client_report *report,
                         bool is_verbose) {
  bool is_failed = report->outcome == ACME_CLIENT_FAILED;
  if (is_failed)
    (void)fprintf(stderr, "%s: %s\n", name, report->text);
  else if (report->outcome == ACME_CLIENT_DONE || is_verbose)
    (void)printf("%s: %s\n", name, report->text[0] ? report->text : "nothing to do");
  (void)fflush(stdout);
  return !is_failed;
}

static mtc_status run_all(const char *path, const char *renew, unsigned patience_s, bool is_verbose,
                          bool *out_failed, struct mtc_error *error) {
  struct acme_client_config *config = NULL;
  struct acme_client_session session = {0};
  bool is_found = !renew;
  mtc_status status = acme_client_config_load(path, &config, error);
  for (unsigned i = 0; !status && renew && i < config->num_certificates; i++)
    is_found |= strcmp(config->certificates[i].name, renew) == 0;
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT, "%s: there is no certificate \"%s\"", path, renew);
  if (!status) status = acme_client_session_open(config, false, &session, error);
  for (unsigned i = 0; !status && i < config->num_certificates; i++) {
    struct acme_client_report report;
    const struct acme_client_certificate *certificate = &config->certificates[i];
    bool is_renewed = renew && strcmp(certificate->name, renew) == 0;
    acme_client_run_certificate(&session, certificate, patience_s, is_renewed, &report);
    if (!print_report(certificate->name, &report, is_verbose)) *out_failed = true;
  }
  acme_client_session_close(&session);
  acme_client_config_free(config);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {
      {"config", required_argument, NULL, 'c'},   {"renew", required_argument, NULL, 'r'},
      {"patience", required_argument, NULL, 'p'}, {"verbose", no_argument, NULL, 'v'},
      {"help", no_argument, NULL, 'h'},           {0}};
  const char *path = NULL, *renew = NULL;
  uint64_t patience_s = PATIENCE_S;
  bool is_verbose = false, is_failed = false;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'c':
        path = optarg;
        break;
      case 'r':
        renew = optarg;
        break;
      case 'p':
        if (!mtc_parse_decimal(mtc_span_of_text(optarg), MAX_PATIENCE_S, &patience_s))
          return cli_usage(command, "--patience: 0 to 3600 seconds");
        break;
      case 'v':
        is_verbose = true;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (!path || optind != argc) return cli_usage(command, "--config and nothing else is needed");
  mtc_status status = run_all(path, renew, (unsigned)patience_s, is_verbose, &is_failed, &error);
  if (status) return cli_fail(command, status, &error);
  return is_failed ? CLI_FAILED : CLI_DONE;
}

const struct cli_command command_acme_run = {
    "acme",
    "run",
    "mtc acme run --config FILE [--renew NAME] [--patience SECONDS] [--verbose]",
    "obtain, renew and deploy certificates: for cron",
    "For each certificate of FILE, does what is due now and ends: orders, goes on with an order,\n"
    "fetches the landmark-relative certificate, renews, deploys. What is under way is kept in the\n"
    "certificate's folder; a run that is killed is continued by the next. Silent when there is\n"
    "nothing to do; exit code 1 only when something failed now (docs/acme-client.md).\n"
    "\n"
    "  --config    the client's configuration\n"
    "  --renew     order a new certificate for NAME, even if none is due\n"
    "  --patience  seconds to wait for the server, per certificate; 60. An order that takes "
    "longer\n"
    "              is pending: the next run goes on with it\n"
    "  --verbose   say also that there is nothing to do\n",
    run};
