/* mtc ca init: a CA's folder: certificate, empty log, configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/mtc/cli.h"
#include "mtc/proof.h"
#include "mtc/sign.h"
#include "mtc/store.h"

#define YEAR_S (INT64_C(31556952))
#define CA_YEARS 6      /* as long as a root program trusts a CA key (Chrome's draft policy) */
#define LOGS_ALLOWED 5u /* log numbers that maxSerial leaves to this key */

struct init {
  const char *dir, *id, *wire_version, *key, *prefix_url, *card;
  uint64_t log_number;
  struct mtc_signer_options signer;
  struct mtc_ca_params ca;
  struct mtc_bytes public_key, certificate;
  char key_path[4096];
};

static void path_in(const struct init *init, const char *name, char out[4096]) {
  (void)snprintf(out, 4096, "%s/%s", init->dir, name);
}

/* A YAML single-quoted scalar. */
static mtc_status append_quoted(struct mtc_bytes *out, const char *key, const char *value,
                                struct mtc_error *error) {
  mtc_bytes_append_format(out, "%s: '", key);
  for (const char *at = value; *at; at++) {
    if ((unsigned char)*at < 0x20)
      return mtc_fail(error, MTC_INPUT, "the value for \"%s\" holds a control character", key);
    mtc_bytes_append(out, at, 1);
    if (*at == '\'') mtc_bytes_append(out, at, 1);
  }
  mtc_bytes_append_text(out, "'\n");
  return MTC_OK;
}

static const char profiles[] =
    "\n"
    "# What may be issued. A certificate lives validity_s seconds from backdate_s before now.\n"
    "profiles:\n"
    "  - name: chrome-dv-7d      # domain validated TLS servers, 7 days\n"
    "    validity_s: 604800\n"
    "    backdate_s: 300\n"
    "    key_types: [p256, p384, rsa, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]\n"
    "    min_rsa_bits: 2048\n"
    "    max_names: 100\n"
    "    allow_wildcards: true\n"
    "    allow_ip: true\n"
    "    ext_key_usage: [server]\n"
    "    policy_oid: 2.23.140.1.2.1\n";

static mtc_status write_config(const struct init *init, struct mtc_error *error) {
  struct mtc_bytes yaml = {0};
  char path[4096];
  bool is_chrome =
      init->ca.algorithm == MTC_ALGORITHM_MLDSA44 && init->prefix_url && init->log_number <= 4;
  mtc_bytes_append_text(&yaml,
                        "# One CA instance. Paths are relative to this file's folder.\nca:\n");
  mtc_status status = append_quoted(&yaml, "  id", init->id, error);
  mtc_bytes_append_format(
      &yaml,
      "  wire_version: %s   # for life: the issuer name is in every entry\n"
      "  certificate: ca_cert.pem\n"
      "  policy: %s   # chrome-0.3.0 refuses profiles that break Chrome's policy\n"
      "log:\n  number: %llu\n  database: log.db\n  publish_folder: public\n"
      "socket: mtcd.sock\nsigner:\n",
      init->ca.wire->name, is_chrome ? "chrome-0.3.0" : "none",
      (unsigned long long)init->log_number);
  if (!status) status = append_quoted(&yaml, "  key", init->signer.key, error);
  if (!status && init->signer.module)
    status = append_quoted(&yaml, "  module", init->signer.module, error);
  if (!status && init->signer.module_args)
    status = append_quoted(&yaml, "  module_args", init->signer.module_args, error);
  if (!status && init->signer.pin_source)
    status = append_quoted(&yaml, "  pin_source", init->signer.pin_source, error);
  mtc_bytes_append_text(&yaml, "  timeout_ms: 10000\nhash:\n");
  mtc_bytes_append_text(&yaml, init->card ? "  backend: card\n" : "  backend: cpu\n");
  if (!status && init->card) status = append_quoted(&yaml, "  card", init->card, error);
  if (init->card) mtc_bytes_append_text(&yaml, "  card_check: full   # full, sample:N or root\n");
  mtc_bytes_append_text(&yaml,
                        "batch:\n  max_entries: 4096\n  max_delay_ms: 100\n"
                        "  queue_max_entries: 16384\n"
                        "landmark_interval_s: 3600   # 0: only by mtc landmark allocate\n"
                        "reservation_ttl_s: 60\n");
  mtc_bytes_append_text(&yaml, profiles);
  path_in(init, "mtc.yaml", path);
  if (!status) status = mtc_bytes_status(&yaml);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&yaml), 0644, error);
  mtc_bytes_free(&yaml);
  return status;
}

static mtc_status read_public_key(struct init *init, struct mtc_error *error) {
  struct mtc_signer *signer = NULL;
  mtc_status status = mtc_signer_open(&init->signer, &signer, error);
  if (!status) status = mtc_signer_public_key(signer, &init->public_key, error);
  mtc_signer_close(signer);
  return status ? mtc_fail_within(error, status, "--key") : MTC_OK;
}

static mtc_status make_certificate(struct init *init, struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  char path[4096];
  int64_t now_s = mtc_clock_now_ms() / 1000;
  uint64_t last_log = init->log_number + LOGS_ALLOWED - 1;
  init->ca.algorithm = init->signer.algorithm;
  init->ca.public_key = mtc_span_of_bytes(&init->public_key);
  init->ca.min_serial = init->log_number << 48;
  init->ca.max_serial = (last_log > 65535 ? 65535 : last_log) << 48 | ((UINT64_C(1) << 48) - 1);
  init->ca.not_before = now_s - now_s % 86400;
  init->ca.not_after = init->ca.not_before + CA_YEARS * YEAR_S - 1;
  if (init->prefix_url) init->ca.prefix_url = mtc_span_of_text(init->prefix_url);
  mtc_status status = mtc_ca_certificate_make(&init->ca, &init->certificate, error);
  if (!status) mtc_pem_append("CERTIFICATE", mtc_span_of_bytes(&init->certificate), &pem);
  if (!status) status = mtc_bytes_status(&pem);
  path_in(init, "ca_cert.pem", path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_bytes_free(&pem);
  return status;
}

/* mtc.yaml comes last: without it the folder is no CA, and what was made is taken away again. */
static mtc_status make_folder(struct init *init, struct mtc_error *error) {
  static const char *const made[] = {"mtc.yaml", "log.db", "log.db-wal", "log.db-shm",
                                     "ca_cert.pem"};
  char database[4096], config[4096];
  path_in(init, "log.db", database);
  path_in(init, "mtc.yaml", config);
  if (access(config, F_OK) == 0 || access(database, F_OK) == 0)
    return mtc_fail(error, MTC_INPUT, "%s holds a CA already", init->dir);
  mtc_status status = read_public_key(init, error);
  if (!status) status = mtc_make_folders(init->dir, error);
  if (!status)
    status = mtc_store_create(database, init->ca.wire, &init->ca.ca_id, init->log_number, error);
  if (!status) status = make_certificate(init, error);
  if (!status) status = write_config(init, error);
  for (size_t i = 0; status && i < sizeof made / sizeof *made; i++) {
    char path[4096];
    path_in(init, made[i], path);
    (void)unlink(path);
  }
  return status;
}

static const char *check_options(struct init *init, const char *algorithm) {
  init->ca.wire = mtc_wire_find(init->wire_version);
  init->signer.algorithm = mtc_algorithm_find(algorithm);
  if (!init->dir || !init->id || !init->key) return "--dir, --id and --key are needed";
  if (!init->ca.wire) return "--wire-version is none of plants-05, plants-06, plants-07";
  if (init->signer.algorithm == MTC_ALGORITHM_NONE) return "--algorithm is unknown";
  if (init->log_number < 1 || init->log_number > 65535)
    return "--log-number: 1 to 65535 are allowed";
  if (strlen(init->dir) > 3800) return "--dir is too long";
  if (mtc_key_is_uri(init->key)) {
    init->signer.key = init->key;
    return init->signer.module ? NULL : "--module is needed with a PKCS#11 key";
  }
  /* The configuration lies elsewhere: a key file is named by its whole path. */
  char *real = realpath(init->key, NULL);
  if (!real) return "--key: there is no such file";
  (void)snprintf(init->key_path, sizeof init->key_path, "%s", real);
  free(real);
  init->signer.key = init->key_path;
  return NULL;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                          {"id", required_argument, NULL, 'i'},
                                          {"wire-version", required_argument, NULL, 'w'},
                                          {"log-number", required_argument, NULL, 'l'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"prefix-url", required_argument, NULL, 'u'},
                                          {"module", required_argument, NULL, 'm'},
                                          {"module-args", required_argument, NULL, 'a'},
                                          {"pin-source", required_argument, NULL, 'p'},
                                          {"algorithm", required_argument, NULL, 'g'},
                                          {"card", required_argument, NULL, 'c'},
                                          {"crl-sign", no_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct init init = {.wire_version = "plants-07", .log_number = 1};
  const char *algorithm = "ml-dsa-44";
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'd':
        init.dir = optarg;
        break;
      case 'i':
        init.id = optarg;
        break;
      case 'w':
        init.wire_version = optarg;
        break;
      case 'k':
        init.key = optarg;
        break;
      case 'u':
        init.prefix_url = optarg;
        break;
      case 'm':
        init.signer.module = optarg;
        break;
      case 'a':
        init.signer.module_args = optarg;
        break;
      case 'p':
        init.signer.pin_source = optarg;
        break;
      case 'g':
        algorithm = optarg;
        break;
      case 'c':
        init.card = optarg;
        break;
      case 's':
        init.ca.crl_sign = true;
        break;
      case 'l':
        if (!mtc_parse_decimal(mtc_span_of_text(optarg), 65535, &init.log_number))
          init.log_number = 0;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  const char *problem = check_options(&init, algorithm);
  if (problem) return cli_usage(command, problem);
  mtc_status status = mtc_tai_parse(mtc_span_of_text(init.id), &init.ca.ca_id, &error);
  if (status) return cli_fail(command, mtc_fail_within(&error, status, "--id"), &error);
  status = make_folder(&init, &error);
  mtc_bytes_free(&init.public_key);
  mtc_bytes_free(&init.certificate);
  if (status) return cli_fail(command, status, &error);
  (void)printf("CA %s, log %llu, %s: %s/ca_cert.pem\nnext: mtcd --config %s/mtc.yaml\n", init.id,
               (unsigned long long)init.log_number, init.wire_version, init.dir, init.dir);
  return CLI_DONE;
}

const struct cli_command command_ca_init = {
    "ca",
    "init",
    "mtc ca init --dir DIR --id CA-ID --key URI|FILE [--wire-version plants-07] [--log-number 1]\n"
    "         [--prefix-url URL] [--module PATH] [--module-args TEXT] [--pin-source file:PATH]\n"
    "         [--algorithm ml-dsa-44] [--crl-sign] [--card FOLDER]",
    "make a CA's folder: certificate, empty log, configuration",
    "Makes DIR with ca_cert.pem, log.db and mtc.yaml. DIR must not hold a CA yet.\n"
    "\n"
    "  --id            trust anchor ID of the CA, as 32473.1\n"
    "  --key           pkcs11: URI (RFC 7512) of an existing key, or a PEM key file (development)\n"
    "  --module        the PKCS#11 module; --module-args: its initialisation string\n"
    "  --pin-source    file that holds the PIN; else it is asked for\n"
    "  --prefix-url    where the log will be served: goes into the CA certificate\n"
    "  --wire-version  plants-05, plants-06 or plants-07; kept for life\n"
    "  --crl-sign      the CA key may also sign CRLs: goes into the CA certificate\n"
    "  --card          hash on the card at FOLDER (user, h2c_0, c2h_0) instead of the CPU\n",
    run};
