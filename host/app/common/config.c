#include "app/common/config.h"

#include <stdio.h>
#include <string.h>

#include "app/common/config_schema.h"
#include "app/common/profiles.h"
#include "mtc/runtime.h"

/* A path of the configuration: absolute, or relative to the configuration's own folder. */
static mtc_status resolve(struct app_config *config, const char *config_path, const char *path,
                          char **out) {
  struct mtc_bytes text = {0};
  const char *slash = strrchr(config_path, '/');
  if (path[0] != '/' && slash)
    mtc_bytes_append(&text, config_path, (size_t)(slash + 1 - config_path));
  mtc_bytes_append_text(&text, path);
  mtc_bytes_append_uint(&text, 0, 1);
  if (mtc_bytes_status(&text)) {
    mtc_bytes_free(&text);
    return MTC_NOMEM;
  }
  *out = (char *)text.data;
  for (size_t i = 0; i < sizeof config->owned / sizeof *config->owned; i++) {
    if (config->owned[i]) continue;
    config->owned[i] = *out;
    return MTC_OK;
  }
  mtc_bytes_free(&text);
  return MTC_NOMEM;
}

static mtc_status load_ca(struct app_config *config, const char *path, const struct yaml_ca *ca,
                          struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  char *file;
  struct mtc_tai subject;
  config->wire = mtc_wire_find(ca->wire_version ? ca->wire_version : "plants-07");
  if (!config->wire)
    return mtc_fail(error, MTC_INPUT, "ca.wire_version: \"%s\" is none of plants-05, -06, -07",
                    ca->wire_version);
  mtc_status status = mtc_tai_parse(mtc_span_of_text(ca->id), &config->ca_id, error);
  if (status) return mtc_fail_within(error, status, "ca.id");
  status = resolve(config, path, ca->certificate, &file);
  if (!status) status = mtc_file_read(file, 1 << 20, &pem, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  if (!status) status = mtc_pem_next(&reader, "CERTIFICATE", &config->ca_certificate, error);
  if (!status)
    status = mtc_ca_certificate_parse(config->wire, mtc_span_of_bytes(&config->ca_certificate),
                                      &config->ca, error);
  mtc_bytes_free(&pem);
  if (status) return mtc_fail_within(error, status, "ca.certificate");
  subject = config->ca.ca_id;
  if (mtc_tai_compare(&subject, &config->ca_id) != 0) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&subject, text);
    return mtc_fail(error, MTC_INPUT, "ca.certificate: it is for CA %s, not for ca.id %s", text,
                    ca->id);
  }
  return MTC_OK;
}

static mtc_status load_log(struct app_config *config, const char *path, const struct yaml_log *log,
                           struct mtc_error *error) {
  config->log_number = log->number;
  if (log->number < 1 || log->number > 65535)
    return mtc_fail(error, MTC_INPUT, "log.number: %llu; 1 to 65535 are allowed",
                    (unsigned long long)log->number);
  if (log->number << 48 < config->ca.min_serial ||
      (log->number << 48 | MTC_MAX_INDEX) > config->ca.max_serial)
    return mtc_fail(error, MTC_INPUT,
                    "log.number: serial numbers of log %llu are outside minSerial and maxSerial of "
                    "the CA certificate",
                    (unsigned long long)log->number);
  mtc_status status = resolve(config, path, log->database, &config->database);
  if (!status) status = resolve(config, path, log->publish_folder, &config->publish_folder);
  return status;
}

static mtc_status load_signer(struct app_config *config, const char *path,
                              const struct yaml_signer *signer, struct mtc_error *error) {
  char *key = signer->key;
  mtc_status status = mtc_key_check(key, signer->module, signer->pin_source, error);
  if (status) return mtc_fail_within(error, status, "signer");
  if (!mtc_key_is_uri(key)) status = resolve(config, path, signer->key, &key);
  config->signer = (struct mtc_signer_options){
      .key = key,
      .module = signer->module,
      .module_args = signer->module_args,
      .pin_source = signer->pin_source,
      .algorithm = config->ca.algorithm,
      .public_key = config->ca.public_key,
      .timeout_ms = signer->timeout_ms,
  };
  return status;
}

static mtc_status load_hash(struct app_config *config, const char *path,
                            const struct yaml_hash *hash, struct mtc_error *error) {
  const char *check = hash->card_check ? hash->card_check : "full";
  uint64_t every;
  char *card;
  if (strcmp(hash->backend, "cpu") == 0) return MTC_OK;
  if (strcmp(hash->backend, "card") != 0)
    return mtc_fail(error, MTC_INPUT, "hash.backend: \"%s\" is neither cpu nor card",
                    hash->backend);
  if (!hash->card) return mtc_fail(error, MTC_INPUT, "hash.card: the backend card needs its path");
  config->has_card = true;
  config->card.timeout_ms = hash->timeout_ms;
  if (strcmp(check, "full") == 0) {
    config->card.check = MTC_CARD_CHECK_FULL;
  } else if (strcmp(check, "root") == 0) {
    config->card.check = MTC_CARD_CHECK_ROOT;
  } else if (strncmp(check, "sample:", 7) == 0 &&
             mtc_parse_decimal(mtc_span_of_text(check + 7), 1000000, &every) && every > 0) {
    config->card.check = MTC_CARD_CHECK_SAMPLE;
    config->card.sample_every = (unsigned)every;
  } else {
    return mtc_fail(error, MTC_INPUT, "hash.card_check: \"%s\" is none of full, sample:N, root",
                    check);
  }
  mtc_status status = resolve(config, path, hash->card, &card);
  config->card.path = card;
  return status;
}

static mtc_status check(struct app_config *config, const char *path, const struct yaml_config *yaml,
                        struct mtc_error *error) {
  mtc_status status = load_ca(config, path, &yaml->ca, error);
  if (!status) status = load_log(config, path, &yaml->log, error);
  if (!status) status = resolve(config, path, yaml->socket, &config->socket);
  if (!status) status = load_signer(config, path, &yaml->signer, error);
  if (!status) status = load_hash(config, path, &yaml->hash, error);
  if (!status) status = profiles_load(config, yaml, error);
  if (status) return status;
  if (yaml->batch.max_entries > 1u << 20)
    return mtc_fail(error, MTC_INPUT, "batch.max_entries: %u is above 1048576",
                    yaml->batch.max_entries);
  if (yaml->batch.queue_max_entries > 1u << 20)
    return mtc_fail(error, MTC_INPUT, "batch.queue_max_entries: %u is above 1048576",
                    yaml->batch.queue_max_entries);
  if (yaml->reservation_ttl_s > 86400)
    return mtc_fail(error, MTC_INPUT, "reservation_ttl_s: %u is above a day (86400)",
                    yaml->reservation_ttl_s);
  if (yaml->landmark_interval_s > 365 * 86400)
    return mtc_fail(error, MTC_INPUT, "landmark_interval_s: above a year");
  config->engine.batch_max_entries = yaml->batch.max_entries;
  config->engine.batch_max_delay_ms = yaml->batch.max_delay_ms;
  config->engine.queue_max_entries = yaml->batch.queue_max_entries;
  config->engine.reservation_ttl_s = yaml->reservation_ttl_s;
  config->engine.landmark_interval_s = (int64_t)yaml->landmark_interval_s;
  config->engine.wire = config->wire;
  config->engine.ca_id = config->ca_id;
  config->engine.log_number = config->log_number;
  config->engine.public_key = config->ca.public_key;
  config->engine.publish_folder = config->publish_folder;
  return MTC_OK;
}

mtc_status config_load(const char *path, struct app_config **out, struct mtc_error *error) {
  struct app_config *config = mtc_alloc(1, sizeof *config);
  if (!config) return MTC_NOMEM;
  mtc_status status = mtc_yaml_load(path, &config_schema, &config->yaml, error);
  if (!status) {
    status = check(config, path, config->yaml, error);
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  if (status) {
    config_free(config);
    return status;
  }
  *out = config;
  return MTC_OK;
}

const struct mtc_profile *config_find_profile(const struct app_config *config,
                                              struct mtc_span name) {
  for (unsigned i = 0; i < config->num_profiles; i++) {
    if (mtc_span_equal(mtc_span_of_text(config->profiles[i].name), name))
      return &config->profiles[i];
  }
  return NULL;
}

void config_free(struct app_config *config) {
  if (!config) return;
  mtc_yaml_free(&config_schema, config->yaml);
  mtc_bytes_free(&config->ca_certificate);
  for (size_t i = 0; i < sizeof config->owned / sizeof *config->owned; i++)
    mtc_free(config->owned[i]);
  mtc_free(config->profiles);
  mtc_free(config);
}
