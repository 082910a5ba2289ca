/* mtc issue: certificates for CSRs, many in flight at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mtc/cli.h"
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
  uint32_t num_sent, num_answered, num_issued, num_failed;
  int64_t shown_ms;
};

/* The certificate's path: the CSR's name with .pem instead of .csr, .pem or .der. */
static void out_path(const struct issue *issue, const char *csr, char out[4096]) {
  const char *slash = strrchr(csr, '/');
  const char *name = slash ? slash + 1 : csr, *dot = strrchr(name, '.');
  size_t len = strlen(name);
  if (dot && dot != name &&
      (strcmp(dot, ".csr") == 0 || strcmp(dot, ".pem") == 0 || strcmp(dot, ".der") == 0))
    len = (size_t)(dot - name);
  (void)snprintf(out, 4096, "%s/%.*s.pem", issue->out, (int)len, name);
}

static int compare_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two CSRs that would give one file: nothing is sent. */
static bool paths_collide(const struct issue *issue, char out_name[4096]) {
  char **paths = calloc(issue->num_csrs, sizeof *paths);
  bool collide = !paths;
  for (uint32_t i = 0; paths && i < issue->num_csrs; i++) {
    char path[4096];
    out_path(issue, issue->csrs[i], path);
    paths[i] = strdup(path);
    if (!paths[i]) collide = true;
  }
  if (!collide) qsort(paths, issue->num_csrs, sizeof *paths, compare_text);
  for (uint32_t i = 1; !collide && i < issue->num_csrs; i++) {
    if (strcmp(paths[i - 1], paths[i]) != 0) continue;
    collide = true;
    (void)snprintf(out_name, 4096, "%s", paths[i]);
  }
  for (uint32_t i = 0; paths && i < issue->num_csrs; i++)
    free(paths[i]);
  free(paths);
  return collide;
}

static void report_failure(struct issue *issue, uint32_t tag, mtc_status status, const char *text) {
  issue->num_failed++;
  if (issue->json)
    cli_print_json(json_pack("{s:s, s:s, s:s}", "csr", issue->csrs[tag], "status",
                             mtc_status_name(status), "error", text));
  else
    (void)fprintf(stderr, "%s: %s\n", issue->csrs[tag], text);
}

static mtc_status send_csr(struct issue *issue, uint32_t tag, struct mtc_error *error) {
  struct mtc_bytes csr = {0}, body = {0};
  struct mtc_error problem = {""};
  char id[96] = "";
  mtc_status status = cli_load_pem(issue->csrs[tag], "CERTIFICATE REQUEST",
                                   "NEW CERTIFICATE REQUEST", &csr, &problem);
  if (status) {
    report_failure(issue, tag, status, problem.text);
    issue->num_answered++;
    mtc_bytes_free(&csr);
    return MTC_OK;
  }
  if (issue->request_id && issue->num_csrs == 1)
    (void)snprintf(id, sizeof id, "%s", issue->request_id);
  else if (issue->request_id)
    (void)snprintf(id, sizeof id, "%s.%u", issue->request_id, tag + 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(issue->profile), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(id), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&csr), 3);
  status = mtc_bytes_status(&body);
  if (!status)
    status = mtc_rpc_send(issue->client, MTC_RPC_ISSUE, tag, mtc_span_of_bytes(&body), error);
  mtc_bytes_free(&csr);
  mtc_bytes_free(&body);
  return status;
}

static mtc_status write_certificate(struct issue *issue, uint32_t tag, struct mtc_span body,
                                    struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(body);
  struct mtc_span der;
  struct mtc_bytes pem = {0};
  uint64_t serial;
  char path[4096];
  if (!mtc_read_uint(&reader, 8, &serial) || !mtc_read_prefixed(&reader, 3, &der) || reader.len)
    return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  out_path(issue, issue->csrs[tag], path);
  mtc_pem_append("CERTIFICATE", der, &pem);
  mtc_status status = mtc_bytes_status(&pem);
  if (!status) status = mtc_file_write_unsynced(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_bytes_free(&pem);
  if (status) return status;
  issue->num_issued++;
  char serial_text[24];
  (void)snprintf(serial_text, sizeof serial_text, "%llu", (unsigned long long)serial);
  if (issue->json)
    cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:s}", "csr", issue->csrs[tag], "serial",
                             serial_text, "log", (json_int_t)(serial >> 48), "index",
                             (json_int_t)(serial & ((UINT64_C(1) << 48) - 1)), "certificate",
                             path));
  else if (issue->num_csrs <= 20)
    (void)printf("%s: serial %s (log %llu, index %llu)\n", path, serial_text,
                 (unsigned long long)(serial >> 48),
                 (unsigned long long)(serial & ((UINT64_C(1) << 48) - 1)));
  return MTC_OK;
}

static mtc_status receive_one(struct issue *issue, struct mtc_error *error) {
  struct mtc_bytes body = {0};
  mtc_status answer = MTC_OK;
  uint32_t tag = 0;
  mtc_status status = mtc_rpc_receive(issue->client, TIMEOUT_MS, &tag, &answer, &body, error);
  if (status == MTC_BUSY)
    status = mtc_fail(error, MTC_IO, "the daemon has not answered for %d s", TIMEOUT_MS / 1000);
  if (!status && tag >= issue->num_csrs)
    status = mtc_fail(error, MTC_IO, "the daemon answered a request that was not sent");
  if (!status) issue->num_answered++;
  if (!status && answer)
    report_failure(issue, tag, answer, error->text);
  else if (!status)
    status = write_certificate(issue, tag, mtc_span_of_bytes(&body), error);
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
  while (!status && issue->num_answered < issue->num_csrs) {
    if (issue->num_sent < issue->num_csrs && issue->num_sent - issue->num_answered < WINDOW)
      status = send_csr(issue, issue->num_sent++, error);
    else
      status = receive_one(issue, error);
  }
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
  char path[4096] = "";
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
  mtc_status status = mtc_make_folders(issue.out, &error);
  if (!status && paths_collide(&issue, path))
    status = mtc_fail(&error, MTC_INPUT, "two CSRs would be written to %s", path);
  if (!status) status = cli_connect(socket, &issue.client, &error);
  if (!status) status = run_all(&issue, &error);
  mtc_rpc_close(issue.client);
  if (!status) status = mtc_folder_sync(issue.out, &error);
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
    "Writes DIR/NAME.pem for each NAME.csr (PEM or DER). A request that is refused harms no "
    "other.\n"
    "\n"
    "  --socket      the daemon's socket; else $MTC_SOCKET, else mtcd.sock in this folder\n"
    "  --profile     certificate profile of the CA's mtc.yaml\n"
    "  --request-id  idempotency key: repeating the command gives the same certificates. With\n"
    "                several CSRs each gets ID.1, ID.2, ... in their order\n"
    "  --json        a JSON object per CSR on standard output\n",
    run};
