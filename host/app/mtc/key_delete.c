/* mtc key delete: a key is gone for ever, so a person says so twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/mtc/cli.h"
#include "app/mtc/json.h"
#include "app/mtc/key_object.h"
#include "sign/raw_attribute.h"

struct delete_options {
  struct hsm_options hsm;
  const char *label, *digest; /* --yes-delete, --public-key-digest; NULL: not given */
};

/* What is deleted, as it has to be typed. */
struct victim {
  struct key_object key;
  json_t *json;
  const char *name;   /* the label, or the id where there is no label */
  const char *digest; /* NULL: not known */
};

static mtc_status load(struct hsm *hsm, struct victim *victim, struct mtc_error *error) {
  const struct mtc_key_uri *uri = &hsm->uri;
  size_t num_public = 0;
  unsigned long handles[2];
  mtc_status status = key_object_find(hsm, &victim->key, error);
  if (status) return status;
  const struct mtc_attribute *id = mtc_template_find(&victim->key.attributes, CKA_ID);
  if (!id || !id->len)
    return mtc_fail(
        error, MTC_TOKEN,
        "the key has no CKA_ID, so that what belongs to it is not known: delete it with "
        "the vendor's tool");
  size_t num_private = 0;
  struct mtc_span id_span = mtc_span_of(id->value, id->len);
  status = mtc_raw_token_find(&hsm->raw, CKO_PRIVATE_KEY, NULL, id_span, handles, 2, &num_private,
                              error);
  if (!status)
    status = mtc_raw_token_find(&hsm->raw, CKO_PUBLIC_KEY, NULL, id_span, handles, 2, &num_public,
                                error);
  if (status) return status;
  if (num_private != 1 || num_public > 1 || victim->key.num_certificates > 1)
    return mtc_fail(error, MTC_TOKEN,
                    "several objects on token \"%s\" have the key's id: delete them with the "
                    "vendor's tool",
                    uri->token);
  victim->json = key_object_json(&victim->key);
  if (!victim->json) return mtc_fail(error, MTC_NOMEM, "out of memory");
  victim->name = json_string_value(json_object_get(victim->json, "label"));
  if (!victim->name || !*victim->name)
    victim->name = json_string_value(json_object_get(victim->json, "id"));
  victim->digest = json_string_value(json_object_get(victim->json, "public_key_sha256"));
  return MTC_OK;
}

static bool ask(FILE *terminal, const char *question, const char *expected) {
  char line[1024];
  (void)fprintf(terminal, "%s", question);
  (void)fflush(terminal);
  if (!fgets(line, sizeof line, terminal)) return false;
  line[strcspn(line, "\r\n")] = 0;
  return strcmp(line, expected) == 0;
}

/* On the terminal itself: a pipe into the command answers nothing. */
static mtc_status confirm_on_terminal(const struct victim *victim, const struct hsm *hsm,
                                      struct mtc_error *error) {
  FILE *terminal = isatty(STDIN_FILENO) ? fopen("/dev/tty", "r+e") : NULL;
  if (!terminal)
    return mtc_fail(error, MTC_INPUT,
                    "there is no terminal to ask on; without one both --yes-delete LABEL and "
                    "--public-key-digest HEX are needed");
  char *text = json_dumps(victim->json, JSON_INDENT(2) | JSON_ENSURE_ASCII);
  (void)fprintf(terminal, "On token \"%s\":\n%s\n", hsm->uri.token, text ? text : "?");
  free(text);
  bool is_sure =
      ask(terminal, "To delete this key, type its label: ", victim->name) &&
      ask(terminal, "Nothing brings it back. To delete it, type the label again: ", victim->name);
  (void)fclose(terminal);
  return is_sure ? MTC_OK : mtc_fail(error, MTC_INPUT, "that is not its label: nothing is deleted");
}

static mtc_status confirm(const struct delete_options *options, const struct victim *victim,
                          const struct hsm *hsm, struct mtc_error *error) {
  if (!options->label) return confirm_on_terminal(victim, hsm, error);
  if (strcmp(options->label, victim->name) != 0)
    return mtc_fail(error, MTC_INPUT, "--yes-delete is not the key's label: nothing is deleted");
  if (!victim->digest)
    return mtc_fail(error, MTC_INPUT,
                    "the token gives no public key to compare: delete it on a terminal");
  if (strcmp(options->digest, victim->digest) != 0)
    return mtc_fail(
        error, MTC_INPUT,
        "--public-key-digest is not that of the key (mtc key list): nothing is deleted");
  return MTC_OK;
}

static bool destroy(struct hsm *hsm, unsigned long handle, const char *what) {
  struct mtc_key_pair one = {.private_key = handle};
  struct mtc_error error = {""};
  if (!handle) return true;
  bool ok = mtc_key_pair_destroy(&hsm->raw, &one, &error) == MTC_OK;
  (void)printf("%s: %s\n", what, ok ? "deleted" : error.text);
  return ok;
}

/* The private key first: what is left without it does no harm. */
static mtc_status delete_all(struct hsm *hsm, const struct victim *victim,
                             struct mtc_error *error) {
  bool ok = destroy(hsm, victim->key.private_key, "private key");
  ok &= destroy(hsm, victim->key.public_key, "public key");
  ok &= destroy(hsm, victim->key.certificate, "certificate");
  return ok ? MTC_OK : mtc_fail(error, MTC_TOKEN, "not everything could be deleted");
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option long_options[] = {KEY_LONG_OPTIONS,
                                               {"yes-delete", required_argument, NULL, 'y'},
                                               {"public-key-digest", required_argument, NULL, 'd'},
                                               {0}};
  struct delete_options options = {.hsm.read_write = true};
  struct victim victim = {0};
  struct hsm hsm = {0};
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, long_options)) != -1;) {
    if (key_option(option, optarg, &options.hsm)) continue;
    if (option == 'y')
      options.label = optarg;
    else if (option == 'd')
      options.digest = optarg;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc || !options.hsm.uri)
    return cli_usage(command, "--uri is needed, and no arguments beside the options");
  if (!options.label != !options.digest)
    return cli_usage(command, "--yes-delete and --public-key-digest go together");
  mtc_status status = hsm_open(&options.hsm, &hsm, &error);
  if (!status) status = hsm_log_in(&hsm, &error);
  if (!status) status = load(&hsm, &victim, &error);
  if (!status) status = confirm(&options, &victim, &hsm, &error);
  if (!status) status = delete_all(&hsm, &victim, &error);
  json_decref(victim.json);
  key_object_free(&victim.key);
  hsm_close(&hsm);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_delete = {
    "key",
    "delete",
    "mtc key delete " KEY_USAGE
    "\n"
    "         [--yes-delete LABEL --public-key-digest HEX]",
    "delete a key pair and its certificate from a token, for ever",
    "Deletes the private key that the URI names, and the public key and certificate with its id.\n"
    "Asks on the terminal and wants the label typed, twice. Nothing is deleted where the URI "
    "names\n"
    "several keys, or several share the id.\n"
    "\n" KEY_HELP
    "  --yes-delete         the key's label, and\n"
    "  --public-key-digest  the SHA-256 that mtc key list prints: both stand for the terminal\n",
    run};
