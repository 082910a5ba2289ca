/* mtc.yaml's directly signing CA instances. Each has a key that nothing else signs with. */
#include <stdio.h>
#include <string.h>

#include "app/common/config_parts.h"
#include "app/common/profiles.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"

#define MAX_NAME_LEN 64

/* A name is a part of a file's name and of messages. */
static mtc_status check_name(const struct app_config *config, const char *name,
                             struct mtc_error *error) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (strlen(name) > MAX_NAME_LEN || strspn(name, allowed) != strlen(name) || name[0] == '.')
    return mtc_fail(error, MTC_INPUT,
                    "name: 1 to %d letters, digits, '.', '_' and '-' are allowed, no '.' first",
                    MAX_NAME_LEN);
  for (unsigned i = 0; i < config->num_direct; i++) {
    if (strcmp(config->direct[i].name, name) == 0)
      return mtc_fail(error, MTC_INPUT, "the name is used twice");
  }
  return MTC_OK;
}

/* PEM, or the DER itself. */
static mtc_status read_certificate(struct app_config *config, const char *path, const char *file,
                                   struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes content = {0};
  char *resolved = NULL;
  mtc_status status = config_resolve(config, path, file, &resolved);
  if (!status) status = mtc_file_read(resolved, 1 << 20, &content, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&content));
  if (!status && content.len && content.data[0] == 0x30) {
    mtc_bytes_append_span(out, mtc_span_of_bytes(&content));
    status = mtc_bytes_status(out);
  } else if (!status) {
    status = mtc_pem_next(&reader, "CERTIFICATE", out, error);
  }
  mtc_bytes_free(&content);
  return status;
}

/* The cosigner's key signs the log and nothing else, an instance's key its certificates. */
static mtc_status check_apart(const struct app_config *config,
                              const struct mtc_direct_issuer *issuer, struct mtc_error *error) {
  if (mtc_span_equal(issuer->public_key, config->ca.public_key))
    return mtc_fail(error, MTC_INPUT,
                    "its key is the CA cosigner's: an instance needs a key of its own");
  for (unsigned i = 0; i < config->num_direct; i++) {
    const struct app_direct *other = &config->direct[i];
    if (mtc_span_equal(issuer->public_key, other->issuer.public_key))
      return mtc_fail(error, MTC_INPUT, "its key is that of %s: an instance needs a key of its own",
                      other->name);
    if (mtc_span_equal(issuer->subject, other->issuer.subject))
      return mtc_fail(error, MTC_INPUT, "its subject is that of %s, too", other->name);
  }
  return MTC_OK;
}

static mtc_status load(struct app_config *config, const char *path, const struct yaml_direct *yaml,
                       struct app_direct *out, struct mtc_error *error) {
  char latch[MAX_NAME_LEN + 16];
  mtc_status status = check_name(config, yaml->name, error);
  if (status) return status;
  out->name = yaml->name;
  status = read_certificate(config, path, yaml->certificate, &out->certificate, error);
  if (!status)
    status = mtc_direct_issuer_parse(mtc_span_of_bytes(&out->certificate), &out->issuer, error);
  if (!status) status = check_apart(config, &out->issuer, error);
  if (status) return mtc_fail_within(error, status, "certificate");
  (void)snprintf(latch, sizeof latch, "signer-%s", yaml->name);
  status =
      config_load_signer(config, path, latch, &yaml->signer, out->standby, &out->signer, error);
  out->signer.algorithm = out->issuer.algorithm;
  out->signer.public_key = out->issuer.public_key;
  if (!status) status = profiles_load_direct(config, yaml, out, error);
  return status;
}

mtc_status config_load_direct(struct app_config *config, const char *path,
                              const struct yaml_config *yaml, struct mtc_error *error) {
  if (!yaml->direct_count) return MTC_OK;
  config->direct = mtc_alloc(CONFIG_MAX_DIRECT, sizeof *config->direct);
  if (!config->direct) return MTC_NOMEM;
  for (unsigned i = 0; i < yaml->direct_count; i++) {
    mtc_status status = load(config, path, &yaml->direct[i], &config->direct[i], error);
    config->num_direct = i + 1; /* also what was begun is to be freed */
    if (status) return mtc_fail_within(error, status, "direct.%s", yaml->direct[i].name);
  }
  return MTC_OK;
}
