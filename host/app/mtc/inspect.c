/* mtc inspect: says what a file is and what is in it. */
#include "app/mtc/inspect.h"

#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"

typedef mtc_status describer(const struct mtc_wire *wire, struct mtc_span file,
                             struct inspection *out, struct mtc_error *error);

static const struct kind {
  const char *name;
  describer *describe;
  const char *label; /* of its PEM blocks; NULL: it is never in PEM */
  bool needs_wire;   /* its bytes depend on the wire version: all are tried, the newest first */
} kinds[] = {
    {"certificate", inspect_certificate, "CERTIFICATE", false},
    {"mtcproof", inspect_mtcproof, NULL, true},
    {"bundle", inspect_bundle, NULL, true},
    {"checkpoint", inspect_checkpoint, NULL, false},
    {"landmarks", inspect_landmarks, NULL, true},
    {"properties", inspect_properties, "CERTIFICATE PROPERTIES", false},
};
#define NUM_KINDS (sizeof kinds / sizeof *kinds)

void inspection_add(struct inspection *out, json_t *object) {
  if (json_array_append_new(out->objects, object) != 0) out->text.failed = true;
}

json_t *inspection_hex(struct mtc_span octets) {
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, octets);
  mtc_bytes_append_uint(&hex, 0, 1);
  json_t *string = hex.failed ? NULL : json_string((const char *)hex.data);
  mtc_bytes_free(&hex);
  return string;
}

/* Forgets what was found by somebody who then said that it is no file of his kind. */
static void start_again(struct inspection *out) {
  mtc_bytes_clear(&out->text);
  (void)json_array_clear(out->objects);
}

static mtc_status describe_as(const struct kind *kind, const struct mtc_wire *wire,
                              struct mtc_span file, struct inspection *out,
                              struct mtc_error *error) {
  if (!kind->needs_wire || wire) return kind->describe(wire, file, out, error);
  mtc_status status = MTC_INPUT;
  for (int version = MTC_WIRE_PLANTS_07; status && version >= MTC_WIRE_PLANTS_05; version--) {
    struct mtc_error ignored;
    start_again(out);
    status = kind->describe(mtc_wire_get((enum mtc_wire_version)version), file, out,
                            version == MTC_WIRE_PLANTS_07 ? error : &ignored);
  }
  return status;
}

static const struct kind *kind_of_label(struct mtc_span label) {
  for (size_t i = 0; i < NUM_KINDS; i++) {
    if (kinds[i].label && mtc_span_equal(label, mtc_span_of_text(kinds[i].label))) return &kinds[i];
  }
  return NULL;
}

/* A PEM file: its blocks in their order, those of `only` (NULL: of every kind there is). */
static mtc_status describe_pem(const struct kind *only, const struct mtc_wire *wire,
                               struct mtc_span file, struct inspection *out,
                               struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(file), ahead = reader;
  struct mtc_bytes der = {0};
  struct mtc_span label;
  mtc_status status = MTC_OK;
  size_t num_blocks = 0, num_described = 0;
  for (; !status && mtc_pem_next_label(&ahead, &label); ahead = reader) {
    const struct kind *kind = kind_of_label(label);
    num_blocks++;
    if (!kind || (only && kind != only)) {
      reader = ahead;
      continue;
    }
    mtc_bytes_clear(&der);
    status = mtc_pem_next(&reader, kind->label, &der, error);
    if (!status) status = kind->describe(wire, mtc_span_of_bytes(&der), out, error);
    if (status) status = mtc_fail_within(error, status, "block %zu (%s)", num_blocks, kind->label);
    num_described++;
  }
  mtc_bytes_free(&der);
  if (status || num_described) return status;
  return mtc_fail(error, MTC_INPUT, "no block %s",
                  only ? only->label : "CERTIFICATE or CERTIFICATE PROPERTIES");
}

/* The kinds in an order in which no file of one kind can be taken for an earlier one. */
static mtc_status guess(const struct mtc_wire *wire, struct mtc_span file, struct inspection *out,
                        struct mtc_error *error) {
  static const char origin[] = "oid/";
  if (file.len >= 4 && memcmp(file.data, origin, 4) == 0)
    return inspect_checkpoint(wire, file, out, error);
  if (file.len > 2 && file.data[0] == 0x30 && file.data[1] >= 0x80)
    return inspect_certificate(wire, file, out, error);
  if (file.len && file.data[0] >= '0' && file.data[0] <= '9')
    return describe_as(&kinds[4], wire, file, out, error);
  for (size_t i = 0; i < NUM_KINDS; i++) {
    start_again(out);
    if (describe_as(&kinds[i], wire, file, out, error) == MTC_OK) return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT,
                  "none of: certificate, MTCProof, entry bundle, checkpoint, landmarks, properties "
                  "(--type says why it is not the one you expect)");
}

static mtc_status inspect(const char *path, const struct kind *kind, const struct mtc_wire *wire,
                          struct inspection *out, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  mtc_status status = mtc_file_read(path, 1 << 25, &file, error);
  struct mtc_span span = mtc_span_of_bytes(&file);
  if (!status) {
    if ((!kind || kind->label) && cli_is_pem(span))
      status = describe_pem(kind, wire, span, out, error);
    else if (kind)
      status = describe_as(kind, wire, span, out, error);
    else
      status = guess(wire, span, out, error);
    if (!status) status = mtc_bytes_status(&out->text);
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  mtc_bytes_free(&file);
  return status;
}

static void print(const struct inspection *found, bool json) {
  if (!json) (void)fwrite(found->text.data, 1, found->text.len, stdout);
  for (size_t i = 0; json && i < json_array_size(found->objects); i++)
    cli_print_json(json_incref(json_array_get(found->objects, i)));
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"type", required_argument, NULL, 't'},
                                          {"wire-version", required_argument, NULL, 'w'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *type = NULL;
  const struct mtc_wire *wire = NULL;
  const struct kind *kind = NULL;
  struct mtc_error error = {""};
  struct inspection found = {0};
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 't') {
      type = optarg;
    } else if (option == 'j') {
      json = true;
    } else if (option == 'w') {
      wire = mtc_wire_find(optarg);
      if (!wire)
        return cli_usage(command, "--wire-version is none of plants-05, plants-06, plants-07");
    } else {
      return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  for (size_t i = 0; type && i < NUM_KINDS; i++) {
    if (strcmp(kinds[i].name, type) == 0) kind = &kinds[i];
  }
  if (type && !kind) return cli_usage(command, "--type is unknown");
  if (optind != argc - 1) return cli_usage(command, "exactly one file is needed");
  found.objects = json_array();
  mtc_status status = found.objects ? inspect(argv[optind], kind, wire, &found, &error) : MTC_NOMEM;
  if (!status) print(&found, json);
  json_decref(found.objects);
  mtc_bytes_free(&found.text);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_inspect = {
    NULL,
    "inspect",
    "mtc inspect [--type TYPE] [--wire-version V] [--json] FILE",
    "say what a file is and what is in it",
    "Knows MTC certificates, CA certificates and certificate properties (PEM, each block, or "
    "DER),\n"
    "MTCProofs, entry bundles, checkpoints and landmarks files.\n"
    "\n"
    "  --type          certificate, mtcproof, bundle, checkpoint, landmarks, properties: what it\n"
    "                  must be\n"
    "  --wire-version  plants-05, plants-06 or plants-07; else found out\n"
    "  --json          a JSON object per thing found, its \"kind\" first\n",
    run};
