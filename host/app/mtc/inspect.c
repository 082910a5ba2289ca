/* mtc inspect: says what a file is and what is in it. */
#include "app/mtc/inspect.h"

#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"

typedef mtc_status describer(const struct mtc_wire *wire, struct mtc_span file,
                             struct mtc_bytes *out, struct mtc_error *error);

static const struct kind {
  const char *name;
  describer *describe;
  bool needs_wire; /* its bytes depend on the wire version: all are tried, the newest first */
} kinds[] = {
    {"certificate", inspect_certificate, false},
    {"mtcproof", inspect_mtcproof, true},
    {"bundle", inspect_bundle, true},
    {"checkpoint", inspect_checkpoint, false},
    {"landmarks", inspect_landmarks, true},
    {"properties", inspect_properties, false},
};
#define NUM_KINDS (sizeof kinds / sizeof *kinds)

static mtc_status describe_as(const struct kind *kind, const struct mtc_wire *wire,
                              struct mtc_span file, struct mtc_bytes *out,
                              struct mtc_error *error) {
  if (!kind->needs_wire || wire) return kind->describe(wire, file, out, error);
  mtc_status status = MTC_INPUT;
  for (int version = MTC_WIRE_PLANTS_07; status && version >= MTC_WIRE_PLANTS_05; version--) {
    mtc_bytes_clear(out);
    struct mtc_error ignored;
    status = kind->describe(mtc_wire_get((enum mtc_wire_version)version), file, out,
                            version == MTC_WIRE_PLANTS_07 ? error : &ignored);
  }
  return status;
}

/* A PEM file: each block by its label. */
static mtc_status describe_pem(const struct mtc_wire *wire, struct mtc_span file,
                               struct mtc_bytes *out, struct mtc_error *error) {
  static const struct {
    const char *label;
    const char *kind;
  } labels[] = {{"CERTIFICATE PROPERTIES", "properties"}, {"CERTIFICATE", "certificate"}};
  size_t num = 0;
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
    struct mtc_reader reader = mtc_reader_of(file);
    struct mtc_bytes der = {0};
    struct mtc_error end;
    while (mtc_pem_next(&reader, labels[i].label, &der, &end) == MTC_OK) {
      mtc_status status = strcmp(labels[i].kind, "properties") == 0
                              ? inspect_properties(wire, mtc_span_of_bytes(&der), out, error)
                              : inspect_certificate(wire, mtc_span_of_bytes(&der), out, error);
      mtc_bytes_clear(&der);
      num++;
      if (status) {
        mtc_bytes_free(&der);
        return status;
      }
    }
    mtc_bytes_free(&der);
  }
  return num ? MTC_OK
             : mtc_fail(error, MTC_INPUT, "no block CERTIFICATE or CERTIFICATE PROPERTIES");
}

/* The kinds in an order in which no file of one kind can be taken for an earlier one. */
static mtc_status describe(const struct mtc_wire *wire, struct mtc_span file, struct mtc_bytes *out,
                           struct mtc_error *error) {
  static const char pem[] = "-----BEGIN ", origin[] = "oid/";
  if (file.len >= sizeof pem - 1 && memmem(file.data, file.len, pem, sizeof pem - 1))
    return describe_pem(wire, file, out, error);
  if (file.len >= 4 && memcmp(file.data, origin, 4) == 0)
    return inspect_checkpoint(wire, file, out, error);
  if (file.len && file.data[0] == 0x30 && file.len > 2 && file.data[1] >= 0x80)
    return inspect_certificate(wire, file, out, error);
  if (file.len && file.data[0] >= '0' && file.data[0] <= '9')
    return describe_as(&kinds[4], wire, file, out, error);
  for (size_t i = 0; i < NUM_KINDS; i++) {
    mtc_bytes_clear(out);
    if (describe_as(&kinds[i], wire, file, out, error) == MTC_OK) return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT,
                  "none of: certificate, MTCProof, entry bundle, checkpoint, landmarks, properties "
                  "(--type says why it is not the one you expect)");
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"type", required_argument, NULL, 't'},
                                          {"wire-version", required_argument, NULL, 'w'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *type = NULL;
  const struct mtc_wire *wire = NULL;
  const struct kind *kind = NULL;
  struct mtc_error error = {""};
  struct mtc_bytes file = {0}, text = {0};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 't') {
      type = optarg;
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
  mtc_status status = mtc_file_read(argv[optind], 1 << 25, &file, &error);
  if (!status) {
    struct mtc_span span = mtc_span_of_bytes(&file);
    status =
        kind ? describe_as(kind, wire, span, &text, &error) : describe(wire, span, &text, &error);
    if (!status) status = mtc_bytes_status(&text);
    if (status) status = mtc_fail_within(&error, status, "%s", argv[optind]);
  }
  if (!status) (void)fwrite(text.data, 1, text.len, stdout);
  mtc_bytes_free(&file);
  mtc_bytes_free(&text);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_inspect = {
    NULL,
    "inspect",
    "mtc inspect [--type TYPE] [--wire-version V] FILE",
    "say what a file is and what is in it",
    "Knows MTC certificates and CA certificates (PEM or DER), MTCProofs, entry bundles, "
    "checkpoints,\n"
    "landmarks files and certificate properties.\n"
    "\n"
    "  --type  certificate, mtcproof, bundle, checkpoint, landmarks, properties: what it must be\n",
    run};
