/* mtc reserve: serial numbers for CA software that must know them before it asks. */
#include <stdio.h>
#include <unistd.h>

#include "app/mtc/cli.h"
#include "entry/csr.h"

static mtc_status read_csr_subject(const char *path, struct mtc_bytes *out,
                                   struct mtc_error *error) {
  struct cli_blocks blocks = {0};
  struct mtc_csr csr;
  mtc_status status =
      cli_load_pem(path, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", &blocks, error);
  if (!status) {
    status = blocks.num == 1 ? mtc_csr_parse(mtc_span_of_bytes(&blocks.items[0]), &csr, error)
                             : mtc_fail(error, MTC_INPUT, "more than one certification request");
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  if (!status) {
    mtc_bytes_append_span(out, csr.subject);
    status = mtc_bytes_status(out);
  }
  cli_blocks_free(&blocks);
  return status;
}

static mtc_status call(const char *socket, uint64_t count, const struct mtc_bytes *subject,
                       uint64_t *out_first, uint64_t *out_expires_s, struct mtc_error *error) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes request = {0}, answer = {0};
  mtc_bytes_append_uint(&request, count, 8);
  if (subject->len) mtc_bytes_append_prefixed(&request, mtc_span_of_bytes(subject), 2);
  mtc_status status = mtc_bytes_status(&request);
  if (!status) status = cli_connect(socket, &client, error);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_RESERVE, mtc_span_of_bytes(&request), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status &&
      (!mtc_read_uint(&reader, 8, out_first) || !mtc_read_uint(&reader, 8, out_expires_s)))
    status = mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  mtc_bytes_free(&request);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  return status;
}

/* Whether a file may be replaced: it must be empty, or hold a number as openssl writes it. */
static mtc_status check_serial_file(const char *path, struct mtc_error *error) {
  struct mtc_bytes file = {0}, number = {0};
  if (access(path, F_OK) != 0) return MTC_OK;
  mtc_status status = mtc_file_read(path, 4096, &file, error);
  size_t len = file.len && file.data[file.len - 1] == '\n' ? file.len - 1 : file.len;
  if (!status && mtc_bytes_append_decoded_hex(&number, mtc_span_of(file.data, len)))
    status = mtc_fail(error, MTC_INPUT, "%s is there and is no serial number file", path);
  mtc_bytes_free(&file);
  mtc_bytes_free(&number);
  return status;
}

/* openssl wants an even number of hexadecimal digits, and no more zeros than that takes. */
static mtc_status write_serial_file(const char *path, uint64_t serial, struct mtc_error *error) {
  char text[24];
  int len = snprintf(text, sizeof text, "%llX", (unsigned long long)serial);
  len = snprintf(text, sizeof text, "%s%llX\n", len % 2 ? "0" : "", (unsigned long long)serial);
  return mtc_file_write_atomic(path, mtc_span_of(text, (size_t)len), 0644, error);
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {
      {"count", required_argument, NULL, 'n'},   {"serial-file", required_argument, NULL, 'f'},
      {"subject", required_argument, NULL, 'u'}, {"csr", required_argument, NULL, 'c'},
      {"socket", required_argument, NULL, 's'},  {"json", no_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},          {0}};
  const char *socket = NULL, *serial_file = NULL, *subject_text = NULL, *csr = NULL;
  struct mtc_bytes subject = {0};
  char subject_shown[MTC_SUBJECT_TEXT];
  uint64_t count = 0, first = 0, expires_s = 0;
  bool json = false;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'n' && !mtc_parse_decimal(mtc_span_of_text(optarg), 65536, &count))
      return cli_usage(command, "--count: 1 to 65536");
    if (option == 's') socket = optarg;
    if (option == 'f') serial_file = optarg;
    if (option == 'u') subject_text = optarg;
    if (option == 'c') csr = optarg;
    if (option == 'j') json = true;
    if (option == 'h' || option == '?') return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (count == 0 || optind != argc) return cli_usage(command, "--count: 1 to 65536");
  if (subject_text && csr) return cli_usage(command, "--subject or --csr, not both");
  mtc_status status = serial_file ? check_serial_file(serial_file, &error) : MTC_OK;
  if (!status && subject_text) status = mtc_subject_parse(subject_text, &subject, &error);
  if (!status && csr) status = read_csr_subject(csr, &subject, &error);
  if (!status) status = call(socket, count, &subject, &first, &expires_s, &error);
  if (!status && serial_file) status = write_serial_file(serial_file, first, &error);
  bool is_bound = subject.len > 0;
  (void)mtc_subject_format(mtc_span_of_bytes(&subject), subject_shown);
  mtc_bytes_free(&subject);
  if (status) return cli_fail(command, status, &error);
  char serial[24], time[32];
  (void)snprintf(serial, sizeof serial, "%llu", (unsigned long long)first);
  if (json)
    cli_print_json(json_pack("{s:s, s:I, s:I, s:s?}", "first_serial", serial, "count",
                             (json_int_t)count, "expires", (json_int_t)expires_s, "subject",
                             is_bound ? subject_shown : NULL));
  else
    (void)printf("%s and the %llu after it, until %s%s%s\n", serial, (unsigned long long)count - 1,
                 cli_format_time((int64_t)expires_s, time), is_bound ? ", for " : "",
                 is_bound ? subject_shown : "");
  return CLI_DONE;
}

const struct cli_command command_reserve = {
    NULL,
    "reserve",
    "mtc reserve --count N [--subject NAME | --csr FILE] [--serial-file FILE] [--socket PATH] "
    "[--json]",
    "reserve serial numbers",
    "Reserves N consecutive serial numbers. One that no request fills in time becomes a null "
    "entry.\n"
    "\n"
    "  --subject      only for certificates of this subject, as openssl req -subj takes it:\n"
    "                 /C=UK/O=Example/CN=www; / is the empty one. Compared byte by byte\n"
    "  --csr          only for certificates of this request's subject\n"
    "  --serial-file  the first of them as openssl's serial files have it: a new file, or one "
    "that\n"
    "                 holds such a number. openssl counts it up\n",
    run};
