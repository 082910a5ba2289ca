/* mtc key transcript verify: what a ceremony's transcript proves. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "app/mtc/json.h"
#include "sign/transcript.h"

struct transcript_options {
  const char *public_key, *ca_certificate; /* files; NULL: not given */
  bool json;
};

/* What the transcript tells of is what was given. */
static mtc_status compare(const char *path, const char *label, const struct mtc_bytes *told,
                          const char *option, struct mtc_error *error) {
  struct cli_blocks blocks = {0};
  if (!path) return MTC_OK;
  mtc_status status = cli_load_pem(path, label, NULL, &blocks, error);
  if (!status && (blocks.num != 1 ||
                  !mtc_span_equal(mtc_span_of_bytes(&blocks.items[0]), mtc_span_of_bytes(told))))
    status = mtc_fail(error, MTC_INPUT, "it is not the one the transcript tells of");
  cli_blocks_free(&blocks);
  return status ? mtc_fail_within(error, status, "%s %s", option, path) : MTC_OK;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "?";
}

/* A ceremony that did not end well is a reason, in words. */
static mtc_status check_state(const struct mtc_transcript_report *report, struct mtc_error *error) {
  if (report->state == MTC_TRANSCRIPT_FINISHED) return MTC_OK;
  if (report->state == MTC_TRANSCRIPT_FAILED)
    return mtc_fail(error, MTC_INPUT, "FAILED ceremony, intact transcript: %.600s",
                    text_of(report->failure, "text"));
  if (!report->generate)
    return mtc_fail(error, MTC_INPUT,
                    "TRUNCATED after line %llu (%s)%s: it has no last line; no key was asked for "
                    "until there",
                    (unsigned long long)report->num_lines, report->last_event,
                    report->has_partial_line ? " and a part of the next" : "");
  return mtc_fail(error, MTC_INPUT,
                  "TRUNCATED after line %llu (%s)%s: it has no last line; the token may hold a key "
                  "\"%s\", id %s, that nobody vouches for",
                  (unsigned long long)report->num_lines, report->last_event,
                  report->has_partial_line ? " and a part of the next" : "",
                  text_of(report->generate, "label"), text_of(report->generate, "id"));
}

static void print(const struct transcript_options *options, const char *path,
                  const struct mtc_transcript_report *report, mtc_status status,
                  const struct mtc_error *error) {
  static const char *const states[] = {"truncated", "failed", "finished"};
  json_t *digest = report->public_key.len ? cli_json_sha256(mtc_span_of_bytes(&report->public_key))
                                          : json_null();
  const char *state = report->num_lines ? states[report->state] : "damaged";
  if (options->json) {
    cli_print_json(json_pack("{sosbsssIsOss}", "file", cli_json_text(path), "ok", status == MTC_OK,
                             "state", state, "lines", (json_int_t)report->num_lines,
                             "public_key_sha256", digest, "text", error->text));
  } else if (status) {
    (void)printf("%s: %s\n", path, error->text);
  } else {
    (void)printf(
        "%s: finished %s, %llu lines, signed by the key it tells of\n"
        "  %s, public key SHA-256 %s\n",
        path, report->time, (unsigned long long)report->num_lines,
        mtc_algorithm_name(report->algorithm), json_string_value(digest));
  }
  json_decref(digest);
}

static bool verify_one(const struct transcript_options *options, const char *path) {
  struct mtc_transcript_report report = {0};
  struct mtc_bytes file = {0};
  struct mtc_error error = {""};
  mtc_status status = mtc_file_read(path, MTC_TRANSCRIPT_MAX_LEN, &file, &error);
  if (!status) status = mtc_transcript_verify(mtc_span_of_bytes(&file), &report, &error);
  if (!status) status = check_state(&report, &error);
  if (!status)
    status = compare(options->public_key, "PUBLIC KEY", &report.public_key, "--public-key", &error);
  if (!status)
    status = compare(options->ca_certificate, "CERTIFICATE", &report.ca_certificate, "--ca-cert",
                     &error);
  print(options, path, &report, status, &error);
  mtc_transcript_report_free(&report);
  mtc_bytes_free(&file);
  return status == MTC_OK;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option long_options[] = {{"public-key", required_argument, NULL, 'k'},
                                               {"ca-cert", required_argument, NULL, 'c'},
                                               {"json", no_argument, NULL, 'j'},
                                               {"help", no_argument, NULL, 'h'},
                                               {0}};
  struct transcript_options options = {0};
  for (int option; (option = cli_option(command, argc, argv, long_options)) != -1;) {
    if (option == 'k')
      options.public_key = optarg;
    else if (option == 'c')
      options.ca_certificate = optarg;
    else if (option == 'j')
      options.json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind >= argc || strcmp(argv[optind], "verify") != 0)
    return cli_usage(command, "the only thing to do with a transcript is \"verify\"");
  if (optind + 1 == argc) return cli_usage(command, "at least one FILE is needed");
  bool all_ok = true;
  for (int i = optind + 1; i < argc; i++)
    all_ok &= verify_one(&options, argv[i]);
  return all_ok ? CLI_DONE : CLI_FAILED;
}

const struct cli_command command_key_transcript = {
    "key",
    "transcript",
    "mtc key transcript verify [--public-key FILE] [--ca-cert FILE] [--json] FILE...",
    "verify the transcripts of key ceremonies",
    "Says of each transcript whether it is finished, failed or truncated, or which line is not as "
    "it\n"
    "was written. Succeeds when all are finished: the chain of lines is whole, the test signature\n"
    "and the last line's verify under the key it tells of, and its digests are right.\n"
    "\n"
    "  --public-key  the key that it must be about (PEM)\n"
    "  --ca-cert     the CA certificate that it must be about (PEM). Without one of the two, a "
    "whole\n"
    "                transcript of another key is as good as this one\n",
    run};
