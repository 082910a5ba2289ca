/* mtc ca init: the files of a CA's folder. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/mtc/ca_init.h"
#include "app/mtc/ca_params.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"
#include "mtc/store.h"

static void path_in(const struct ca_init *init, const char *name, char out[4096]) {
  (void)snprintf(out, 4096, "%s/%s", init->dir, name);
}

/* A YAML single-quoted scalar of text that ca_init_check let through; NULL: no line. */
static void append_quoted(struct mtc_bytes *out, const char *key, const char *value) {
  if (!value || !*value) return;
  mtc_bytes_append_format(out, "  %s: '", key);
  for (const char *at = value; *at; at++) {
    mtc_bytes_append(out, at, 1);
    if (*at == '\'') mtc_bytes_append(out, at, 1);
  }
  mtc_bytes_append_text(out, "'\n");
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

static mtc_status write_config(const struct ca_init *init, struct mtc_error *error) {
  struct mtc_bytes yaml = {0};
  char path[4096];
  mtc_bytes_append_text(&yaml,
                        "# One CA instance. Paths are relative to this file's folder.\nca:\n");
  append_quoted(&yaml, "id", init->id);
  mtc_bytes_append_format(
      &yaml,
      "  wire_version: %s   # for life: the issuer name is in every entry\n"
      "  certificate: ca_cert.pem\n"
      "  policy: %s   # chrome-0.3.0 refuses profiles that break Chrome's policy\n"
      "log:\n  number: %llu\n  database: log.db\n  publish_folder: public\n"
      "socket: mtcd.sock\nsigner:\n",
      init->ca.wire->name,
      init->ca.prefix_url.len && init->log_number <= 4 ? "chrome-0.3.0" : "none",
      (unsigned long long)init->log_number);
  append_quoted(&yaml, "key", init->signer.key);
  append_quoted(&yaml, "module", init->signer.module);
  append_quoted(&yaml, "module_args", init->signer.module_args);
  append_quoted(&yaml, "pin_source", init->signer.pin_source);
  mtc_bytes_append_text(&yaml, "  timeout_ms: 10000\nhash:\n");
  mtc_bytes_append_text(&yaml, init->card ? "  backend: card\n" : "  backend: cpu\n");
  append_quoted(&yaml, "card", init->card);
  if (init->card) mtc_bytes_append_text(&yaml, "  card_check: full   # full, sample:N or root\n");
  mtc_bytes_append_text(&yaml,
                        "batch:\n  max_entries: 4096\n  max_delay_ms: 100\n"
                        "  queue_max_entries: 16384\n"
                        "landmark_interval_s: 3600   # 0: only by mtc landmark allocate\n"
                        "reservation_ttl_s: 60\n");
  mtc_bytes_append_text(&yaml, profiles);
  path_in(init, "mtc.yaml", path);
  mtc_status status = mtc_bytes_status(&yaml);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&yaml), 0644, error);
  mtc_bytes_free(&yaml);
  return status;
}

/* The token's public half says it, and a signature proves it. */
static mtc_status check_key(const struct ca_init *init, struct mtc_signer *signer,
                            struct mtc_error *error) {
  struct mtc_span message = mtc_span_of_text("mtc ca init: test of the certificate's key");
  struct mtc_bytes signature = {0};
  if (!init->certificate_file) return MTC_OK;
  if (!mtc_span_equal(mtc_span_of_bytes(&init->public_key), init->ca.public_key))
    return mtc_fail(error, MTC_INPUT, "it is not the key of --certificate");
  mtc_status status = mtc_signer_sign(signer, message, &signature, error);
  mtc_bytes_free(&signature);
  return status;
}

static mtc_status read_public_key(struct ca_init *init, struct mtc_error *error) {
  struct mtc_signer *signer = NULL;
  mtc_status status = mtc_signer_open(&init->signer, &signer, error);
  if (!status) status = mtc_signer_public_key(signer, &init->public_key, error);
  if (!status) status = check_key(init, signer, error);
  mtc_signer_close(signer);
  if (!status) return MTC_OK;
  return mtc_fail_within(error, status, "--key%s",
                         init->algorithm || init->certificate_file
                             ? ""
                             : " (for ml-dsa-44: --algorithm names another)");
}

static mtc_status write_certificate(struct ca_init *init, struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  char path[4096];
  mtc_status status = MTC_OK;
  if (!init->certificate_file) {
    init->ca.public_key = mtc_span_of_bytes(&init->public_key);
    ca_params_set_dates(&init->ca, mtc_clock_now_ms() / 1000);
    status = mtc_ca_certificate_make(&init->ca, &init->certificate, error);
  }
  if (!status) mtc_pem_append("CERTIFICATE", mtc_span_of_bytes(&init->certificate), &pem);
  if (!status) status = mtc_bytes_status(&pem);
  path_in(init, "ca_cert.pem", path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_bytes_free(&pem);
  return status;
}

/* Files of a CA; `public` is mtcd's, and of another log when it is there. */
static const char *const names[] = {"mtc.yaml",   "log.db",      "log.db-wal",
                                    "log.db-shm", "ca_cert.pem", "public"};
#define NUM_NAMES (sizeof names / sizeof *names)

static mtc_status refuse_existing(const struct ca_init *init, struct mtc_error *error) {
  for (size_t i = 0; i < NUM_NAMES; i++) {
    char path[4096];
    struct stat info;
    path_in(init, names[i], path);
    if (lstat(path, &info) == 0)
      return mtc_fail(error, MTC_INPUT, "%s holds a CA already, or a part of one: %s is there",
                      init->dir, path);
  }
  return MTC_OK;
}

/* The log is made first, and only where there is none: whoever made it owns the other names. */
static mtc_status make_files(struct ca_init *init, struct mtc_error *error) {
  char path[4096];
  path_in(init, "log.db", path);
  mtc_status status =
      mtc_store_create(path, init->ca.wire, &init->ca.ca_id, init->log_number, error);
  if (status) return status;
  status = write_certificate(init, error);
  if (!status) status = write_config(init, error);
  for (size_t i = 0; status && i < NUM_NAMES; i++) {
    path_in(init, names[i], path);
    (void)unlink(path); /* not `public`, which is a folder and not ours */
  }
  return status;
}

mtc_status ca_init_make(struct ca_init *init, struct mtc_error *error) {
  struct stat info;
  mtc_status status = refuse_existing(init, error);
  if (!status) status = read_public_key(init, error);
  if (status) return status;
  bool is_new = lstat(init->dir, &info) != 0;
  status = mtc_make_folders(init->dir, error);
  if (!status) status = make_files(init, error);
  if (status && is_new) (void)rmdir(init->dir);
  return status;
}
