/* mtc key list, mtc key show: what keys a token holds, and what it says of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "app/mtc/json.h"
#include "app/mtc/key_object.h"
#include "sign/raw_attribute.h"

#define MAX_KEYS 4096

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text && *text ? text : "-";
}

/* A string as JSON writes it: no byte of a label can end the line or drive the terminal. */
static void print_quoted(const json_t *string) {
  char *text = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
  (void)fputs(text ? text : "?", stdout);
  free(text);
}

static void print_line(const json_t *object) {
  print_quoted(json_object_get(object, "label"));
  (void)printf(
      "  id %s  %s %s  %s  sha256 %s%s\n", text_of(object, "id"), text_of(object, "type"),
      text_of(object, "algorithm"),
      json_is_true(json_object_get(object, "private_key")) ? "key pair" : "PUBLIC KEY ALONE",
      text_of(object, "public_key_sha256"),
      json_is_true(json_object_get(object, "certificate")) ? "  certificate" : "");
}

static mtc_status print_one(struct hsm *hsm, unsigned long handle, bool is_private, bool as_json,
                            struct mtc_error *error) {
  struct key_object key;
  mtc_status status = key_object_load(hsm, handle, is_private, &key, error);
  json_t *object = status ? NULL : key_object_json(&key);
  if (!status && !object) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  if (!status && as_json) {
    cli_print_json(json_incref(object));
  } else if (!status) {
    print_line(object);
  }
  json_decref(object);
  key_object_free(&key);
  return status;
}

/* A public key whose id no private key has. */
static mtc_status stands_alone(struct hsm *hsm, unsigned long handle, bool *out,
                               struct mtc_error *error) {
  uint8_t id[MTC_MAX_KEY_ID_LEN];
  size_t id_len = 0, num = 0;
  unsigned long found;
  *out = true;
  mtc_status status = mtc_raw_token_read_id(&hsm->raw, handle, id, &id_len, error);
  if (!status && id_len)
    status = mtc_raw_token_find(&hsm->raw, CKO_PRIVATE_KEY, NULL, mtc_span_of(id, id_len), &found,
                                1, &num, error);
  *out = num == 0;
  return status;
}

static mtc_status list(struct hsm *hsm, bool as_json, struct mtc_error *error) {
  static unsigned long handles[MAX_KEYS];
  const char *label = hsm->uri.object[0] ? hsm->uri.object : NULL;
  struct mtc_span id = mtc_span_of(hsm->uri.id, hsm->uri.id_len);
  size_t num = 0;
  mtc_status status =
      mtc_raw_token_find(&hsm->raw, CKO_PRIVATE_KEY, label, id, handles, MAX_KEYS, &num, error);
  for (size_t i = 0; !status && i < num; i++)
    status = print_one(hsm, handles[i], true, as_json, error);
  if (!status)
    status =
        mtc_raw_token_find(&hsm->raw, CKO_PUBLIC_KEY, label, id, handles, MAX_KEYS, &num, error);
  for (size_t i = 0; !status && i < num; i++) {
    bool is_alone;
    status = stands_alone(hsm, handles[i], &is_alone, error);
    if (!status && is_alone) status = print_one(hsm, handles[i], false, as_json, error);
  }
  return status;
}

static void print_attributes(const char *title, const json_t *attributes) {
  const char *name;
  json_t *value;
  (void)printf("%s\n", title);
  json_object_foreach((json_t *)(uintptr_t)attributes, name, value) {
    (void)printf("  %-24s ", name);
    print_quoted(value);
    (void)putchar('\n');
  }
}

static mtc_status show(struct hsm *hsm, bool as_json, struct mtc_error *error) {
  struct key_object key;
  struct mtc_template public = {0};
  mtc_status status = key_object_find(hsm, &key, error);
  if (!status && key.public_key)
    status = mtc_template_read(&hsm->raw, key.public_key, &public, error);
  json_t *object = status ? NULL : key_object_json(&key);
  json_t *private_json = mtc_template_json(&key.attributes),
         *public_json = mtc_template_json(&public);
  if (!status && (!object || !private_json || !public_json))
    status = mtc_fail(error, MTC_NOMEM, "out of memory");
  if (!status && as_json) {
    (void)json_object_set(object, "private_key_attributes", private_json);
    (void)json_object_set(object, "public_key_attributes", public_json);
    cli_print_json(json_incref(object));
  } else if (!status) {
    print_line(object);
    print_attributes("private key", private_json);
    print_attributes("public key", public_json);
  }
  json_decref(object);
  json_decref(private_json);
  json_decref(public_json);
  key_object_free(&key);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option long_options[] = {
      KEY_LONG_OPTIONS, {"json", no_argument, NULL, 'j'}, {0}};
  struct hsm_options options = {0};
  struct hsm hsm = {0};
  struct mtc_error error = {""};
  bool as_json = false;
  for (int option; (option = cli_option(command, argc, argv, long_options)) != -1;) {
    if (key_option(option, optarg, &options)) continue;
    if (option != 'j') return option == 'h' ? CLI_DONE : CLI_USAGE;
    as_json = true;
  }
  if (optind != argc || !options.uri)
    return cli_usage(command, "--uri is needed, and no arguments beside the options");
  mtc_status status = hsm_open(&options, &hsm, &error);
  if (!status) status = hsm_log_in(&hsm, &error);
  if (!status && strcmp(command->name, "show") == 0) {
    status = show(&hsm, as_json, &error);
  } else if (!status) {
    status = list(&hsm, as_json, &error);
  }
  hsm_close(&hsm);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_list = {
    "key",
    "list",
    "mtc key list " KEY_USAGE " [--json]",
    "list the keys on a token",
    "Prints a line for each key pair: label, id, type, algorithm, SHA-256 of the public key, and\n"
    "whether a certificate has its id; then public keys that stand alone.\n"
    "\n" KEY_HELP "  --json        a JSON object per key\n",
    run};

const struct cli_command command_key_show = {
    "key",
    "show",
    "mtc key show " KEY_USAGE " [--json]",
    "show all that a token says of one key",
    "Prints every attribute that the token tells of the key that the URI names, as a ceremony's\n"
    "transcript has them.\n"
    "\n" KEY_HELP "  --json        a JSON object\n",
    run};
