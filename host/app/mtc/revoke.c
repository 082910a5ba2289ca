/* mtc certificate revoke, revoked. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/mtc/cli.h"
#include "mtc/entry.h"

#define LOG_SERIAL_LEN 8
#define MAX_SERIAL_LEN 20

/* RFC 5280, CRLReason; those that revoke for good. `openssl` is what its index.txt has. */
static const struct reason {
  const char *name;
  uint8_t code;
  const char *openssl;
} reasons[] = {
    {"unspecified", 0, "unspecified"},
    {"keyCompromise", 1, "keyCompromise"},
    {"cACompromise", 2, "CACompromise"},
    {"affiliationChanged", 3, "affiliationChanged"},
    {"superseded", 4, "superseded"},
    {"cessationOfOperation", 5, "cessationOfOperation"},
    /* openssl ca does not know these two. */
    {"privilegeWithdrawn", 9, "unspecified"},
    {"aACompromise", 10, "unspecified"},
};
#define NUM_REASONS (sizeof reasons / sizeof *reasons)

static const struct reason *find_reason(uint64_t code) {
  for (size_t i = 0; i < NUM_REASONS; i++) {
    if (reasons[i].code == code) return &reasons[i];
  }
  return NULL;
}

/* A number or LOG:INDEX is the log's; 32 hexadecimal digits are a directly signing instance's. */
static bool parse_serial(const char *text, struct mtc_bytes *out) {
  uint64_t serial;
  if (strlen(text) == 2 * (size_t)MTC_DIRECT_SERIAL_LEN)
    return mtc_bytes_append_decoded_hex(out, mtc_span_of_text(text)) == MTC_OK;
  if (!cli_parse_serial(text, &serial)) return false;
  mtc_bytes_append_uint(out, serial, LOG_SERIAL_LEN);
  return mtc_bytes_status(out) == MTC_OK;
}

static mtc_status revoke(const char *socket, struct mtc_span serial, uint8_t reason,
                         uint64_t *out_time, struct mtc_error *error) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_bytes body = {0}, answer = {0};
  mtc_bytes_append_prefixed(&body, serial, 1);
  mtc_bytes_append_uint(&body, reason, 1);
  mtc_status status = mtc_bytes_status(&body);
  if (!status) status = cli_connect(socket, &client, error);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_REVOKE, mtc_span_of_bytes(&body), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 8, out_time) || reader.len))
    status = mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
  mtc_bytes_free(&body);
  mtc_bytes_free(&answer);
  mtc_rpc_close(client);
  return status;
}

static int run_revoke(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"serial", required_argument, NULL, 'n'},
                                          {"reason", required_argument, NULL, 'r'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const struct reason *reason = NULL;
  const char *socket = NULL, *serial_text = NULL, *reason_text = NULL;
  struct mtc_error error = {""};
  struct mtc_bytes serial = {0};
  uint64_t time_s = 0;
  char time_text[32];
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'n')
      serial_text = optarg;
    else if (option == 'r')
      reason_text = optarg;
    else if (option == 's')
      socket = optarg;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (!serial_text || !reason_text || optind != argc)
    return cli_usage(command, "--serial and --reason are needed");
  for (size_t i = 0; i < NUM_REASONS && !reason; i++) {
    if (strcmp(reasons[i].name, reason_text) == 0) reason = &reasons[i];
  }
  if (!reason) return cli_usage(command, "--reason is none of those that --help lists");
  if (!parse_serial(serial_text, &serial)) {
    mtc_bytes_free(&serial);
    return cli_usage(command, "--serial is no number, LOG:INDEX or 32 hexadecimal digits");
  }
  mtc_status status = revoke(socket, mtc_span_of_bytes(&serial), reason->code, &time_s, &error);
  mtc_bytes_free(&serial);
  if (status) return cli_fail(command, status, &error);
  (void)printf("revoked at %s\n", cli_format_time((int64_t)time_s, time_text));
  return CLI_DONE;
}

struct list {
  struct mtc_rpc_client *client;
  const char *instance;    /* NULL: everything */
  struct mtc_bytes issuer; /* DER CA certificate of `instance` */
  bool is_log;             /* `instance` is the log */
  bool json, has_index;
  struct mtc_bytes index; /* index.txt */
};

static mtc_status malformed(struct mtc_error *error) {
  return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
}

/* The certificate of a revoked serial number; empty: it was stored and never signed. */
static mtc_status fetch(struct list *list, struct mtc_span serial, struct mtc_bytes *out,
                        struct mtc_bytes *out_issuer, struct mtc_error *error) {
  struct mtc_bytes body = {0}, answer = {0};
  struct mtc_span der, issuer = {0};
  uint64_t landmark;
  bool is_logged = serial.len == LOG_SERIAL_LEN;
  if (is_logged) {
    mtc_bytes_append_span(&body, serial);
    mtc_bytes_append_uint(&body, 0, 1);
  } else {
    mtc_bytes_append_prefixed(&body, serial, 1);
  }
  mtc_status status = mtc_bytes_status(&body);
  if (!status)
    status =
        mtc_rpc_call(list->client, is_logged ? MTC_RPC_CERTIFICATE : MTC_RPC_DIRECT_CERTIFICATE,
                     mtc_span_of_bytes(&body), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && is_logged &&
      (!mtc_read_uint(&reader, 8, &landmark) || !mtc_read_prefixed(&reader, 3, &der)))
    status = malformed(error);
  if (!status && !is_logged &&
      (!mtc_read_prefixed(&reader, 3, &der) || !mtc_read_prefixed(&reader, 3, &issuer)))
    status = malformed(error);
  if (!status) {
    mtc_bytes_append_span(out, der);
    mtc_bytes_append_span(out_issuer, issuer);
    status = mtc_bytes_status(out);
    if (!status) status = mtc_bytes_status(out_issuer);
  }
  mtc_bytes_free(&body);
  mtc_bytes_free(&answer);
  return status;
}

/* Whether a certificate is `instance`'s: the log's, or of the same issuer (RFC 5280: by its name).
 */
static bool is_wanted(const struct list *list, struct mtc_span serial,
                      const struct mtc_certificate *certificate) {
  struct mtc_certificate issuer;
  if (!list->instance) return true;
  if (list->is_log || serial.len == LOG_SERIAL_LEN)
    return list->is_log && serial.len == LOG_SERIAL_LEN;
  return mtc_certificate_parse(mtc_span_of_bytes(&list->issuer), &issuer, NULL) == MTC_OK &&
         mtc_span_equal(issuer.subject, certificate->issuer);
}

/* As in certificates: two digits of years before 2050, four from then on. */
static void append_time(struct mtc_bytes *out, int64_t time_s) {
  struct tm tm;
  time_t time = (time_t)time_s;
  char text[32];
  if (!gmtime_r(&time, &tm) || !strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm))
    out->failed = true;
  else
    mtc_bytes_append_text(out, text + (tm.tm_year < 150 ? 2 : 0));
}

/* R TAB notAfter TAB revoked,reason TAB serial TAB unknown TAB subject; even digits, upper case. */
static void append_index(struct list *list, struct mtc_span serial, int64_t time_s,
                         const struct reason *reason, const struct mtc_certificate *certificate) {
  struct mtc_bytes *out = &list->index;
  size_t skip = 0;
  mtc_bytes_append_text(out, "R\t");
  append_time(out, certificate->not_after);
  mtc_bytes_append_text(out, "\t");
  append_time(out, time_s);
  mtc_bytes_append_format(out, ",%s\t", reason->openssl);
  while (skip + 1 < serial.len && serial.data[skip] == 0)
    skip++;
  for (size_t i = skip; i < serial.len; i++)
    mtc_bytes_append_format(out, "%02X", serial.data[i]);
  /* Nothing reads the subject, which may hold anything: the serial number says it all. */
  mtc_bytes_append_text(out, "\tunknown\t/\n");
}

static mtc_status show(struct list *list, struct mtc_span serial, int64_t time_s, uint64_t code,
                       struct mtc_error *error) {
  const struct reason *reason = find_reason(code);
  struct mtc_bytes der = {0}, issuer = {0}, hex = {0};
  struct mtc_certificate certificate = {0};
  char time_text[32];
  mtc_status status = MTC_OK;
  if (!reason) return malformed(error);
  if (list->instance || list->has_index) {
    status = fetch(list, serial, &der, &issuer, error);
    if (status == MTC_BUSY) { /* never signed: nobody has it */
      status = MTC_OK;
      goto out;
    }
    if (!status) status = mtc_certificate_parse(mtc_span_of_bytes(&der), &certificate, error);
    if (status || !is_wanted(list, serial, &certificate)) goto out;
  }
  mtc_bytes_append_hex(&hex, serial);
  status = mtc_bytes_status(&hex);
  if (status) goto out;
  (void)cli_format_time(time_s, time_text);
  if (list->has_index)
    append_index(list, serial, time_s, reason, &certificate);
  else if (list->json)
    cli_print_json(json_pack("{s:s%, s:I, s:s}", "serial", hex.data, hex.len, "time",
                             (json_int_t)time_s, "reason", reason->name));
  else
    (void)printf("%.*s %s %s\n", (int)hex.len, (const char *)hex.data, time_text, reason->name);
out:
  mtc_bytes_free(&der);
  mtc_bytes_free(&issuer);
  mtc_bytes_free(&hex);
  return status;
}

/* Shows the rows from `first` on that one answer holds; none behind the last one. */
static mtc_status list_page(struct list *list, uint64_t first, uint64_t *out_num,
                            struct mtc_error *error) {
  struct mtc_bytes body = {0}, answer = {0};
  struct mtc_span serial;
  uint64_t num = 0, time_s, reason;
  mtc_bytes_append_uint(&body, first, 8);
  mtc_status status = mtc_bytes_status(&body);
  if (!status)
    status =
        mtc_rpc_call(list->client, MTC_RPC_REVOCATIONS, mtc_span_of_bytes(&body), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && !mtc_read_uint(&reader, 2, &num)) status = malformed(error);
  for (uint64_t i = 0; !status && i < num; i++) {
    if (!mtc_read_prefixed(&reader, 1, &serial) || !mtc_read_uint(&reader, 8, &time_s) ||
        !mtc_read_uint(&reader, 1, &reason) || serial.len == 0 || serial.len > MAX_SERIAL_LEN)
      status = malformed(error);
    else
      status = show(list, serial, (int64_t)time_s, reason, error);
  }
  *out_num = num;
  mtc_bytes_free(&body);
  mtc_bytes_free(&answer);
  return status;
}

static mtc_status find_instance(struct list *list, struct mtc_error *error) {
  struct mtc_bytes answer = {0};
  struct mtc_span name, certificate;
  uint64_t num = 0, kind, num_profiles, validity_s;
  bool is_found = false;
  mtc_status status =
      mtc_rpc_call(list->client, MTC_RPC_INSTANCES, mtc_span_of(NULL, 0), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && !mtc_read_uint(&reader, 2, &num)) status = malformed(error);
  for (uint64_t i = 0; !status && i < num; i++) {
    if (!mtc_read_uint(&reader, 1, &kind) || !mtc_read_prefixed(&reader, 1, &name) ||
        !mtc_read_prefixed(&reader, 3, &certificate) || !mtc_read_uint(&reader, 2, &num_profiles))
      status = malformed(error);
    if (!status && mtc_span_equal(name, mtc_span_of_text(list->instance))) {
      is_found = true;
      list->is_log = kind == 0;
      mtc_bytes_append_span(&list->issuer, certificate);
      status = mtc_bytes_status(&list->issuer);
    }
    for (uint64_t j = 0; !status && j < num_profiles; j++) {
      if (!mtc_read_prefixed(&reader, 1, &name) || !mtc_read_uint(&reader, 8, &validity_s))
        status = malformed(error);
    }
  }
  mtc_bytes_free(&answer);
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT, "there is no instance \"%s\"", list->instance);
  return status;
}

static mtc_status list_all(struct list *list, const char *socket, const char *index,
                           struct mtc_error *error) {
  uint64_t first = 0, num = 1;
  mtc_status status = cli_connect(socket, &list->client, error);
  if (!status && list->instance) status = find_instance(list, error);
  while (!status && num) {
    status = list_page(list, first, &num, error);
    first += num;
  }
  if (!status && list->has_index) status = mtc_bytes_status(&list->index);
  if (!status && list->has_index)
    status = mtc_file_write_atomic(index, mtc_span_of_bytes(&list->index), 0644, error);
  mtc_rpc_close(list->client);
  mtc_bytes_free(&list->issuer);
  mtc_bytes_free(&list->index);
  return status;
}

static int run_revoked(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"openssl-index", required_argument, NULL, 'x'},
                                          {"instance", required_argument, NULL, 'i'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct list list = {0};
  struct mtc_error error = {""};
  const char *socket = NULL, *index = NULL;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'x')
      index = optarg;
    else if (option == 'i')
      list.instance = optarg;
    else if (option == 's')
      socket = optarg;
    else if (option == 'j')
      list.json = true;
    else
      return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  list.has_index = index != NULL;
  if (optind != argc || (index && list.json))
    return cli_usage(command,
                     "--json or --openssl-index FILE, and no arguments beside the options");
  if (index && !list.instance)
    return cli_usage(command, "--openssl-index needs --instance: a CRL is of one issuer");
  mtc_status status = list_all(&list, socket, index, &error);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_certificate_revoke = {
    "certificate",
    "revoke",
    "mtc certificate revoke --serial N|LOG:INDEX|HEX --reason REASON [--socket PATH]",
    "revoke a certificate for good",
    "Prints when it was revoked: the first time, where it is revoked already. It must have been\n"
    "issued. What relying parties see is made from `mtc certificate revoked`.\n"
    "\n"
    "  --serial  a number or LOG:INDEX of the log; 32 hexadecimal digits of a directly signing\n"
    "            instance\n"
    "  --reason  unspecified, keyCompromise, cACompromise, affiliationChanged, superseded,\n"
    "            cessationOfOperation, privilegeWithdrawn, aACompromise\n",
    run_revoke};

const struct cli_command command_certificate_revoked = {
    "certificate",
    "revoked",
    "mtc certificate revoked [--instance NAME] [--json | --openssl-index FILE] [--socket PATH]",
    "list what was revoked",
    "A line for each, in the order in which they were revoked: serial number (hexadecimal), time,\n"
    "reason.\n"
    "\n"
    "  --instance       only those of one issuer: the CA's ID for the log, or a name of direct:\n"
    "  --json           a JSON object for each\n"
    "  --openssl-index  writes FILE, an index.txt for `openssl ca -gencrl`\n",
    run_revoked};
