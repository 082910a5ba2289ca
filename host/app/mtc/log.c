/* mtc log fsck: the whole log recomputed from its entries. */
#include <stdio.h>

#include "app/common/config.h"
#include "app/mtc/cli.h"

static mtc_status check(const char *dir, struct mtc_log_report *report, struct mtc_error *error) {
  struct app_config *config = NULL;
  struct mtc_store *store = NULL;
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/mtc.yaml", dir);
  mtc_status status = config_load(path, &config, error);
  if (!status)
    status = mtc_store_open(config->database, config->wire, &config->ca_id, config->log_number,
                            true, &store, error);
  if (!status) {
    struct mtc_engine_options options = config->engine;
    options.store = store;
    status = mtc_log_check(store, &options, report, error);
  }
  mtc_store_close(store);
  config_free(config);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_log_report report = {0};
  struct mtc_error error = {""};
  const char *dir = NULL;
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'd')
      dir = optarg;
    else if (option == 'j')
      json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (!dir || optind != argc) return cli_usage(command, "--dir is needed");
  mtc_status status = check(dir, &report, &error);
  if (status) return cli_fail(command, status, &error);
  if (json)
    cli_print_json(json_pack("{s:I, s:I, s:I, s:s}", "tree_size", (json_int_t)report.tree_size,
                             "null_entries", (json_int_t)report.num_null_entries, "problems",
                             (json_int_t)report.num_problems, "first_problem",
                             report.first_problem));
  else if (report.num_problems)
    (void)printf("%llu problems in a log of %llu entries; the first: %s\n",
                 (unsigned long long)report.num_problems, (unsigned long long)report.tree_size,
                 report.first_problem);
  else
    (void)printf(
        "clean: %llu entries (%llu null), tree, tiles, checkpoint, signatures, landmarks\n",
        (unsigned long long)report.tree_size, (unsigned long long)report.num_null_entries);
  return report.num_problems ? CLI_FAILED : CLI_DONE;
}

const struct cli_command command_log_fsck = {
    "log",
    "fsck",
    "mtc log fsck --dir DIR [--json]",
    "check a CA's whole log",
    "Recomputes the tree from the stored entries and compares it with the stored and published "
    "tiles,\n"
    "bundles, checkpoint, signatures and landmarks. Reads only; the daemon may be running or not.\n"
    "Every problem goes to standard error.\n",
    run};
