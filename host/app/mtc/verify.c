/* mtc verify: the relying party on the command line. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "app/mtc/trust.h"

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

static mtc_status add_cas(const struct verify_options *options, const struct mtc_wire **out_wire,
                          struct mtc_verifier **out, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  const struct mtc_wire *wire = options->wire_version ? mtc_wire_find(options->wire_version) : NULL;
  for (size_t i = 0; !status && i < options->num_ca_certificates; i++) {
    const char *path = options->ca_certificates[i];
    struct mtc_bytes der = {0};
    status = cli_load_pem(path, "CERTIFICATE", NULL, &der, error);
    if (!status && !wire) wire = mtc_ca_certificate_detect(mtc_span_of_bytes(&der));
    if (!status && !wire)
      status = mtc_fail(error, MTC_INPUT, "%s: no MTC CA certificate of a known version", path);
    if (!status && !*out) status = mtc_verifier_open(wire, out);
    if (!status) {
      status = mtc_verifier_add_ca(*out, mtc_span_of_bytes(&der), error);
      if (status) status = mtc_fail_within(error, status, "%s", path);
    }
    mtc_bytes_free(&der);
  }
  *out_wire = wire;
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
    status = trust_load(*out, wire, options->landmarks, options->num_landmarks, options->subtrees,
                        options->now_s, error);
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
  cli_print_json(json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "certificate", path,
                           "ok", mtc_verdict_is_ok(result->verdict), "verdict",
                           mtc_verdict_text(result->verdict), "detail", result->detail, "ca", ca_id,
                           "serial", serial, "log", (json_int_t)result->log_number, "index",
                           (json_int_t)result->index, "trusted_subtree",
                           result->verdict == MTC_VERDICT_OK_TRUSTED_SUBTREE));
}

static bool verify_one(const struct verify_options *options, const struct mtc_verifier *verifier,
                       const char *path) {
  struct mtc_bytes der = {0};
  struct mtc_error error = {""};
  struct mtc_verification result;
  mtc_status status = cli_load_pem(path, "CERTIFICATE", NULL, &der, &error);
  if (!status)
    status = mtc_verifier_check(verifier, mtc_span_of_bytes(&der), options->now_s, &result);
  mtc_bytes_free(&der);
  if (status) {
    const char *text = error.text[0] ? error.text : mtc_status_name(status);
    if (options->json)
      cli_print_json(json_pack("{s:s, s:b, s:s}", "certificate", path, "ok", 0, "verdict", text));
    else
      (void)printf("%s: FAIL: %s\n", path, text);
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
    "\n"
    "  --ca-cert       CA certificate (repeatable); its form gives the wire version\n"
    "  --policy        cosigners, groups, requirements, revoked ranges, trusted subtrees\n"
    "  --landmarks     a log's landmarks file (repeatable), as the CA publishes it\n"
    "  --subtrees      hashes of subtrees, as mtc landmark subtrees prints them; only those of\n"
    "                  active landmarks are trusted\n"
    "  --time          POSIX seconds or YYYY-MM-DDTHH:MM:SSZ; else now\n",
    run};
