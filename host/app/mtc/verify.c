/* mtc verify: the relying party on the command line. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "mtc/verify.h"

#define MAX_CA_CERTIFICATES 64

struct verify_options {
  const char *ca_certificates[MAX_CA_CERTIFICATES];
  size_t num_ca_certificates;
  const char *wire_version, *policy, *subtrees;
  const char *landmarks[MAX_CA_CERTIFICATES];
  size_t num_landmarks;
  int64_t now_s;
  bool json;
};

/* All CAs of one command are of one wire version: that of the first, or of --wire-version. */
static mtc_status add_ca(const struct verify_options *options, struct mtc_span der,
                         const struct mtc_wire **wire, struct mtc_verifier **verifier,
                         struct mtc_error *error) {
  const struct mtc_wire *found = mtc_ca_certificate_detect(der);
  mtc_status status = MTC_OK;
  if (!found) return mtc_fail(error, MTC_INPUT, "no MTC CA certificate of a known version");
  if (!*wire) *wire = found;
  if (*wire != found)
    return mtc_fail(
        error, MTC_INPUT, "a CA certificate of %s, but %s is %s: verify each version by itself",
        found->name, options->wire_version ? "--wire-version" : "the CA certificate before it",
        (*wire)->name);
  if (!*verifier) status = mtc_verifier_open(*wire, verifier);
  return status ? status : mtc_verifier_add_ca(*verifier, der, error);
}

static mtc_status add_cas(const struct verify_options *options, const struct mtc_wire **out_wire,
                          struct mtc_verifier **out, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  *out_wire = options->wire_version ? mtc_wire_find(options->wire_version) : NULL;
  for (size_t i = 0; !status && i < options->num_ca_certificates; i++) {
    const char *path = options->ca_certificates[i];
    struct cli_blocks file = {0};
    status = cli_load_pem(path, "CERTIFICATE", NULL, &file, error);
    for (size_t j = 0; !status && j < file.num; j++) {
      status = add_ca(options, mtc_span_of_bytes(&file.items[j]), out_wire, out, error);
      if (status && file.num > 1)
        status = mtc_fail_within(error, status, "%s: CERTIFICATE %zu", path, j + 1);
      else if (status)
        status = mtc_fail_within(error, status, "%s", path);
    }
    cli_blocks_free(&file);
  }
  return status;
}

static mtc_status set_up(const struct verify_options *options, struct mtc_verifier **out,
                         struct mtc_error *error) {
  const struct mtc_wire *wire = NULL;
  struct mtc_bytes policy = {0};
  mtc_status status = add_cas(options, &wire, out, error);
  if (!status && options->policy) {
    status = mtc_file_read(options->policy, 1 << 24, &policy, error);
    if (!status)
      status = mtc_verifier_add_policy(*out, options->policy, mtc_span_of_bytes(&policy), error);
    mtc_bytes_free(&policy);
  }
  if (!status && options->subtrees)
    status = mtc_verifier_load_subtrees(*out, wire, options->landmarks, options->num_landmarks,
                                        options->subtrees, options->now_s, error);
  return status;
}

static void describe_cosigners(const struct mtc_verification *result, struct mtc_bytes *out) {
  for (size_t i = 0; i < result->num_valid_cosignatures && i < 32; i++) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&result->valid_cosigners[i], text);
    mtc_bytes_append_format(out, "%s%s", i ? ", " : "", text);
  }
  mtc_bytes_append_uint(out, 0, 1);
}

static void print_result(const char *path, const struct mtc_verification *result) {
  struct mtc_bytes cosigners = {0};
  char ca_id[MTC_TAI_MAX_TEXT];
  mtc_tai_format(&result->ca_id, ca_id);
  describe_cosigners(result, &cosigners);
  if (result->verdict == MTC_VERDICT_OK_TRUSTED_SUBTREE)
    (void)printf("%s: OK: CA %s, log %llu, index %llu, in the trusted subtree [%llu, %llu)\n", path,
                 ca_id, (unsigned long long)result->log_number, (unsigned long long)result->index,
                 (unsigned long long)result->subtree.start,
                 (unsigned long long)result->subtree.end);
  else if (mtc_verdict_is_ok(result->verdict))
    (void)printf("%s: OK: CA %s, log %llu, index %llu, subtree [%llu, %llu) cosigned by %s\n", path,
                 ca_id, (unsigned long long)result->log_number, (unsigned long long)result->index,
                 (unsigned long long)result->subtree.start, (unsigned long long)result->subtree.end,
                 cosigners.failed ? "?" : (const char *)cosigners.data);
  else
    (void)printf("%s: FAIL: %s%s%s\n", path, mtc_verdict_text(result->verdict),
                 result->detail[0] ? ": " : "", result->detail);
  mtc_bytes_free(&cosigners);
}

static void print_result_json(const char *path, const struct mtc_verification *result) {
  char serial[24], ca_id[MTC_TAI_MAX_TEXT];
  (void)snprintf(serial, sizeof serial, "%llu", (unsigned long long)result->serial);
  mtc_tai_format(&result->ca_id, ca_id);
  cli_print_json(json_pack("{s:o, s:b, s:s, s:o, s:s, s:s, s:I, s:I, s:b}", "certificate",
                           cli_json_text(path), "ok", mtc_verdict_is_ok(result->verdict), "verdict",
                           mtc_verdict_text(result->verdict), "detail",
                           cli_json_text(result->detail), "ca", ca_id, "serial", serial, "log",
                           (json_int_t)result->log_number, "index", (json_int_t)result->index,
                           "trusted_subtree", result->verdict == MTC_VERDICT_OK_TRUSTED_SUBTREE));
}

/* A file that holds no certificate. Its text names the file, as the line does already. */
static void print_unreadable(const char *path, const char *text, bool json) {
  size_t len = strlen(path);
  if (strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0) text += len + 2;
  if (json)
    cli_print_json(json_pack("{s:o, s:b, s:o}", "certificate", cli_json_text(path), "ok", 0,
                             "verdict", cli_json_text(text)));
  else
    (void)printf("%s: FAIL: %s\n", path, text);
}

/* The first certificate of a file; those behind it are its chain, and must at least be DER. */
static bool verify_one(const struct verify_options *options, const struct mtc_verifier *verifier,
                       const char *path) {
  struct cli_blocks file = {0};
  struct mtc_certificate parsed;
  struct mtc_error error = {""};
  struct mtc_verification result;
  mtc_status status = cli_load_pem(path, "CERTIFICATE", NULL, &file, &error);
  for (size_t i = 1; !status && i < file.num; i++) {
    status = mtc_certificate_parse(mtc_span_of_bytes(&file.items[i]), &parsed, &error);
    if (status) status = mtc_fail_within(&error, status, "CERTIFICATE %zu", i + 1);
  }
  if (!status)
    status =
        mtc_verifier_check(verifier, mtc_span_of_bytes(&file.items[0]), options->now_s, &result);
  cli_blocks_free(&file);
  if (status) {
    print_unreadable(path, error.text[0] ? error.text : mtc_status_name(status), options->json);
    return false;
  }
  if (options->json)
    print_result_json(path, &result);
  else
    print_result(path, &result);
  return mtc_verdict_is_ok(result.verdict);
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option long_options[] = {{"ca-cert", required_argument, NULL, 'c'},
                                               {"wire-version", required_argument, NULL, 'w'},
                                               {"policy", required_argument, NULL, 'p'},
                                               {"landmarks", required_argument, NULL, 'l'},
                                               {"subtrees", required_argument, NULL, 's'},
                                               {"time", required_argument, NULL, 't'},
                                               {"json", no_argument, NULL, 'j'},
                                               {"help", no_argument, NULL, 'h'},
                                               {0}};
  struct verify_options options = {.now_s = mtc_clock_now_ms() / 1000};
  struct mtc_verifier *verifier = NULL;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, long_options)) != -1;) {
    switch (option) {
      case 'c':
      case 'l':
        if (options.num_ca_certificates == MAX_CA_CERTIFICATES ||
            options.num_landmarks == MAX_CA_CERTIFICATES)
          return cli_usage(command, "too many --ca-cert or --landmarks");
        if (option == 'c')
          options.ca_certificates[options.num_ca_certificates++] = optarg;
        else
          options.landmarks[options.num_landmarks++] = optarg;
        break;
      case 'w':
        options.wire_version = optarg;
        break;
      case 'p':
        options.policy = optarg;
        break;
      case 's':
        options.subtrees = optarg;
        break;
      case 'j':
        options.json = true;
        break;
      case 't':
        if (!cli_parse_time(optarg, &options.now_s))
          return cli_usage(command, "--time is neither POSIX seconds nor YYYY-MM-DDTHH:MM:SSZ");
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (options.num_ca_certificates == 0 || optind == argc)
    return cli_usage(command, "--ca-cert and at least one certificate are needed");
  if (options.wire_version && !mtc_wire_find(options.wire_version))
    return cli_usage(command, "--wire-version is none of plants-05, plants-06, plants-07");
  if ((options.num_landmarks > 0) != (options.subtrees != NULL))
    return cli_usage(command, "--landmarks and --subtrees go together");
  mtc_status status = set_up(&options, &verifier, &error);
  bool all_ok = true;
  for (int i = optind; !status && i < argc; i++)
    all_ok &= verify_one(&options, verifier, argv[i]);
  mtc_verifier_close(verifier);
  if (status) return cli_fail(command, status, &error);
  return all_ok ? CLI_DONE : CLI_FAILED;
}

const struct cli_command command_verify = {
    NULL,
    "verify",
    "mtc verify --ca-cert FILE... [--wire-version V] [--policy FILE] [--time T] [--json]\n"
    "         [--landmarks CA-ID:LOG:FILE --subtrees FILE] CERT...",
    "verify certificates as a relying party does",
    "Says for each certificate whether it is signed, and by whom, or why not. Fails when one "
    "does.\n"
    "A CERT file may hold a chain, as servers are given it: its first certificate is verified.\n"
    "\n"
    "Checked are the MTC signature (the inclusion proof, then cosignatures or a trusted subtree),\n"
    "revocation by serial number, and the dates. That takes the place of verifying a signature, "
    "and\n"
    "of nothing else: names, the chain's constraints, key usage and critical X.509 extensions are\n"
    "left to whoever uses the certificate.\n"
    "\n"
    "  --ca-cert       CA certificates (repeatable; every certificate of the file), all of one "
    "wire\n"
    "                  version, which is that of the certificates to verify\n"
    "  --wire-version  plants-05, plants-06 or plants-07: what the CA certificates must be\n"
    "  --policy        cosigners, groups, requirements, revoked ranges, trusted subtrees\n"
    "  --landmarks     a log's landmarks file (repeatable), as the CA publishes it\n"
    "  --subtrees      hashes of subtrees, as mtc landmark subtrees prints them; only those of\n"
    "                  active landmarks are trusted. A landmark-relative certificate needs both\n"
    "  --time          POSIX seconds or YYYY-MM-DDTHH:MM:SSZ; else now\n"
    "  --json          a JSON object per certificate. Bytes of names that are not UTF-8 become "
    "%XX\n",
    run};
