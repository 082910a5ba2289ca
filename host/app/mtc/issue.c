/* mtc issue: certificates for CSRs, many in flight at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "app/mtc/issue_out.h"
#include "mtc/proof.h"

#define WINDOW 1024 /* requests in flight: what lets a batch fill */
#define TIMEOUT_MS 300000

struct issue {
  const struct cli_command *command;
  struct mtc_rpc_client *client;
  const char *profile, *out, *request_id;
  char **csrs;
  uint32_t num_csrs;
  bool json;
  bool *is_answered; /* per CSR: refused, issued or unreadable */
  uint32_t num_sent, num_answered, num_issued, num_failed;
  int64_t shown_ms;
};

static uint64_t index_of(uint64_t serial) {
  return serial & ((UINT64_C(1) << 48) - 1);
}

static void note_answer(struct issue *issue, uint32_t tag, bool is_issued) {
  issue->is_answered[tag] = true;
  issue->num_answered++;
  if (is_issued)
    issue->num_issued++;
  else
    issue->num_failed++;
}

/* `serial` is 0 when nothing was logged; `is_named`: the text says which file it is about. */
static void report_failure(struct issue *issue, uint32_t tag, mtc_status status, uint64_t serial,
                           bool is_named, const char *text) {
  const char *csr = issue->csrs[tag];
  note_answer(issue, tag, false);
  if (!issue->json) {
    (void)fprintf(stderr, "%s%s%s\n", is_named ? "" : csr, is_named ? "" : ": ", text);
    return;
  }
  json_t *line = json_pack("{s:o, s:s, s:o}", "csr", cli_json_text(csr), "status",
                           mtc_status_name(status), "error", cli_json_text(text));
  if (line && serial) {
    char serial_text[24];
    (void)snprintf(serial_text, sizeof serial_text, "%llu", (unsigned long long)serial);
    json_object_set_new(line, "serial", json_string(serial_text));
    json_object_set_new(line, "log", json_integer((json_int_t)(serial >> 48)));
    json_object_set_new(line, "index", json_integer((json_int_t)index_of(serial)));
  }
  cli_print_json(line);
}

static void report_issued(struct issue *issue, uint32_t tag, uint64_t serial, const char *path) {
  char serial_text[24];
  note_answer(issue, tag, true);
  (void)snprintf(serial_text, sizeof serial_text, "%llu", (unsigned long long)serial);
  if (issue->json)
    cli_print_json(json_pack("{s:o, s:s, s:I, s:I, s:o}", "csr", cli_json_text(issue->csrs[tag]),
                             "serial", serial_text, "log", (json_int_t)(serial >> 48), "index",
                             (json_int_t)index_of(serial), "certificate", cli_json_text(path)));
  else if (issue->num_csrs <= 20)
    (void)printf("%s: serial %s (log %llu, index %llu)\n", path, serial_text,
                 (unsigned long long)(serial >> 48), (unsigned long long)index_of(serial));
}

static mtc_status read_csr(const char *path, struct cli_blocks *out, struct mtc_error *error) {
  mtc_status status =
      cli_load_pem(path, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", out, error);
  if (!status && out->num > 1)
    status = mtc_fail(error, MTC_INPUT, "%s holds %zu certification requests: one per file", path,
                      out->num);
  return status;
}

static mtc_status send_csr(struct issue *issue, uint32_t tag, struct mtc_error *error) {
  struct cli_blocks csr = {0};
  struct mtc_bytes body = {0};
  struct mtc_error problem = {""};
  char id[96] = "";
  mtc_status status = read_csr(issue->csrs[tag], &csr, &problem);
  if (status) {
    report_failure(issue, tag, status, 0, true,
                   problem.text[0] ? problem.text : mtc_status_name(status));
    cli_blocks_free(&csr);
    return MTC_OK;
  }
  if (issue->request_id && issue->num_csrs == 1)
    (void)snprintf(id, sizeof id, "%s", issue->request_id);
  else if (issue->request_id)
    (void)snprintf(id, sizeof id, "%s.%u", issue->request_id, tag + 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(issue->profile), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(id), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&csr.items[0]), 3);
  status = mtc_bytes_status(&body);
  if (!status)
    status = mtc_rpc_send(issue->client, MTC_RPC_ISSUE, tag, mtc_span_of_bytes(&body), error);
  cli_blocks_free(&csr);
  mtc_bytes_free(&body);
  return status;
}

/* A certificate that cannot be written is in the log all the same: the others go on, and whoever
 * asked for it learns how to get it. */
static mtc_status take_certificate(struct issue *issue, uint32_t tag, struct mtc_span body,
                                   struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(body);
  struct mtc_span der;
  struct mtc_bytes pem = {0};
  struct mtc_error problem = {""};
  uint64_t serial;
  char path[4096];
  if (!mtc_read_uint(&reader, 8, &serial) || !mtc_read_prefixed(&reader, 3, &der) || reader.len)
    return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  mtc_pem_append("CERTIFICATE", der, &pem);
  mtc_status status = mtc_bytes_status(&pem);
  if (!issue_out_path(issue->out, issue->csrs[tag], path)) status = MTC_INPUT; /* checked before */
  if (!status) status = mtc_file_write_unsynced(path, mtc_span_of_bytes(&pem), 0644, &problem);
  mtc_bytes_free(&pem);
  if (!status) {
    report_issued(issue, tag, serial, path);
    return MTC_OK;
  }
  struct mtc_error advice;
  (void)mtc_fail(&advice, status,
                 "issued with serial %llu, but %s; get it with mtc certificate get --serial "
                 "%llu:%llu --kind standalone",
                 (unsigned long long)serial,
                 problem.text[0] ? problem.text : mtc_status_name(status),
                 (unsigned long long)(serial >> 48), (unsigned long long)index_of(serial));
  report_failure(issue, tag, status, serial, false, advice.text);
  return MTC_OK;
}

static mtc_status receive_one(struct issue *issue, struct mtc_error *error) {
  struct mtc_bytes body = {0};
  mtc_status answer = MTC_OK;
  uint32_t tag = 0;
  mtc_status status = mtc_rpc_receive(issue->client, TIMEOUT_MS, &tag, &answer, &body, error);
  if (status == MTC_BUSY)
    status = mtc_fail(error, MTC_IO, "the daemon has not answered for %d s", TIMEOUT_MS / 1000);
  if (!status && (tag >= issue->num_sent || issue->is_answered[tag]))
    status = mtc_fail(error, MTC_IO, "the daemon answered a request that was not sent");
  if (!status && answer)
    report_failure(issue, tag, answer, 0, false, error->text);
  else if (!status)
    status = take_certificate(issue, tag, mtc_span_of_bytes(&body), error);
  mtc_bytes_free(&body);
  int64_t now_ms = mtc_clock_monotonic_ms();
  if (!status && !issue->json && issue->num_csrs > 20 &&
      (now_ms - issue->shown_ms > 1000 || issue->num_answered == issue->num_csrs)) {
    issue->shown_ms = now_ms;
    (void)fprintf(stderr, "%u of %u answered, %u failed\n", issue->num_answered, issue->num_csrs,
                  issue->num_failed);
  }
  return status;
}

static mtc_status run_all(struct issue *issue, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  issue->is_answered = mtc_alloc(issue->num_csrs, sizeof *issue->is_answered);
  if (!issue->is_answered) return MTC_NOMEM;
  while (!status && issue->num_answered < issue->num_csrs) {
    if (issue->num_sent < issue->num_csrs && issue->num_sent - issue->num_answered < WINDOW)
      status = send_csr(issue, issue->num_sent++, error);
    else
      status = receive_one(issue, error);
  }
  /* The connection is lost: a program that reads JSON still gets a line for each CSR. */
  for (uint32_t tag = 0; status && issue->json && tag < issue->num_csrs; tag++) {
    if (!issue->is_answered[tag])
      report_failure(issue, tag, status, 0, false,
                     tag < issue->num_sent ? "not answered: it may have been issued" : "not sent");
  }
  mtc_free(issue->is_answered);
  return status;
}

static mtc_status issue_all(struct issue *issue, const char *socket, struct mtc_error *error) {
  struct mtc_error ignored;
  mtc_status status = mtc_make_folders(issue->out, error);
  if (!status) status = issue_out_check(issue->out, issue->csrs, issue->num_csrs, error);
  if (!status) status = cli_connect(socket, &issue->client, error);
  if (!status) status = run_all(issue, error);
  mtc_rpc_close(issue->client);
  if (!status) return mtc_folder_sync(issue->out, error);
  /* What was written before the connection was lost is worth keeping, too. */
  if (issue->num_issued && mtc_folder_sync(issue->out, &ignored))
    (void)fprintf(stderr, "%s\n", ignored.text);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"request-id", required_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct issue issue = {.command = command};
  const char *socket = NULL;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 's':
        socket = optarg;
        break;
      case 'p':
        issue.profile = optarg;
        break;
      case 'o':
        issue.out = optarg;
        break;
      case 'r':
        issue.request_id = optarg;
        break;
      case 'j':
        issue.json = true;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  issue.csrs = argv + optind;
  issue.num_csrs = (uint32_t)(argc - optind);
  if (!issue.profile || !issue.out || issue.num_csrs == 0)
    return cli_usage(command, "--profile, --out and at least one CSR are needed");
  if (strlen(issue.profile) > 64) return cli_usage(command, "--profile is too long");
  if (issue.request_id &&
      (!issue.request_id[0] || strlen(issue.request_id) > (issue.num_csrs > 1 ? 53 : 64)))
    return cli_usage(command, "--request-id: 1 to 64 characters (53 with several CSRs)");
  mtc_status status = issue_all(&issue, socket, &error);
  if (status) return cli_fail(command, status, &error);
  if (!issue.json && (issue.num_csrs > 20 || issue.num_failed))
    (void)printf("%u issued, %u failed\n", issue.num_issued, issue.num_failed);
  return issue.num_failed ? CLI_FAILED : CLI_DONE;
}

const struct cli_command command_issue = {
    NULL,
    "issue",
    "mtc issue --profile NAME --out DIR [--socket PATH] [--request-id ID] [--json] CSR...",
    "standalone certificates for certification requests",
    "Writes DIR/NAME.pem for each NAME.csr (one request a file, PEM or DER). A request that is\n"
    "refused, or whose certificate cannot be written, harms no other. A file that is no "
    "certificate\n"
    "is not replaced, and nothing is sent then.\n"
    "\n"
    "  --socket      the daemon's socket; else $MTC_SOCKET, else mtcd.sock in this folder\n"
    "  --profile     certificate profile of the CA's mtc.yaml\n"
    "  --request-id  idempotency key: repeating the command gives the same certificates. With\n"
    "                several CSRs each gets ID.1, ID.2, ... in their order\n"
    "  --json        a JSON object per CSR on standard output: csr, serial, log, index, "
    "certificate;\n"
    "                or csr, status, error (with serial, log, index when it was issued but could "
    "not\n"
    "                be written). Bytes of names that are not UTF-8 are written %XX\n",
    run};
