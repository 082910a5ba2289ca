/* mtc key ceremony: a CA key made in front of people, with a transcript. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/ceremony.h"
#include "app/mtc/cli.h"

/* The key as mtc ca init and mtc.yaml name it. */
static void print_uri(const struct ceremony_plan *plan) {
  struct mtc_key_uri uri;
  struct mtc_error ignored;
  struct mtc_bytes text = {0};
  if (mtc_token_uri_parse(plan->yaml->token.uri, &uri, &ignored)) return;
  (void)snprintf(uri.object, sizeof uri.object, "%s", plan->yaml->key.label);
  memcpy(uri.id, plan->id, plan->id_len);
  uri.id_len = plan->id_len;
  mtc_key_uri_append(&uri, &text);
  if (!text.failed) (void)printf("uri %.*s\n", (int)text.len, (char *)text.data);
  mtc_bytes_free(&text);
  mtc_key_uri_wipe(&uri);
}

static void print_done(const struct ceremony_plan *plan) {
  char id[2 * MTC_MAX_KEY_ID_LEN + 1] = "";
  for (size_t i = 0; i < plan->id_len; i++)
    (void)snprintf(id + 2 * i, 3, "%02x", plan->id[i]);
  (void)printf("key \"%s\", id %s, %s\n", plan->yaml->key.label, id, plan->yaml->key.algorithm);
  print_uri(plan);
  for (size_t i = 0; i < CEREMONY_NUM_OUTPUTS; i++) {
    if (plan->outputs[i]) (void)printf("%s\n", plan->outputs[i]);
  }
  (void)printf("next: mtc key transcript verify --ca-cert %s %s\n",
               plan->outputs[CEREMONY_CERTIFICATE], plan->outputs[CEREMONY_TRANSCRIPT]);
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {
      {"dry-run", no_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
  struct ceremony_plan plan;
  struct mtc_error error = {""};
  bool is_dry = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option != 'n') return option == 'h' ? CLI_DONE : CLI_USAGE;
    is_dry = true;
  }
  if (optind + 1 != argc) return cli_usage(command, "exactly one FILE is needed");
  mtc_status status = ceremony_plan_load(argv[optind], &plan, &error);
  if (status) return cli_fail(command, status, &error);
  status = ceremony_run(argv[optind], &plan, is_dry, &error);
  if (!status && is_dry)
    (void)puts("dry run: token, PIN, names and mechanisms are in order; nothing was changed");
  else if (!status)
    print_done(&plan);
  ceremony_plan_free(&plan);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_ceremony = {
    "key",
    "ceremony",
    "mtc key ceremony [--dry-run] FILE",
    "make a CA key on a token, with a transcript, after a reviewed file",
    "Does what FILE says: makes the key pair on the token, reads its attributes back and judges\n"
    "them, test-signs, makes the CA certificate (and a request for a parent), stores it beside "
    "the\n"
    "key, writes the files, and tells all of it in a transcript that the new key signs. A "
    "ceremony\n"
    "that fails leaves no key, or says what is left, and a transcript that says why.\n"
    "docs/hsm.md has an example of FILE and says what each line means.\n"
    "\n"
    "  --dry-run  check the file, the token, the PIN, the names and the mechanisms, print what "
    "would\n"
    "             be done, and change nothing\n",
    run};
