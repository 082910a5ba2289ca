#include "app/common/config.h"

#include <stdio.h>
#include <string.h>

#include "app/common/config_parts.h"
#include "app/common/policy.h"
#include "app/common/profiles.h"
#include "mtc/runtime.h"

#define DAY_S 86400
/* One less than landmarks files are read with: the last line is a landmark that has expired. */
#define MAX_ACTIVE_LANDMARKS 4095u

mtc_status config_resolve(struct app_config *config, const char *config_path, const char *path,
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
  status = config_resolve(config, path, ca->certificate, &file);
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
  uint64_t number = (uint64_t)log->number;
  config->log_number = number;
  if (number << 48 < config->ca.min_serial ||
      (number << 48 | MTC_MAX_INDEX) > config->ca.max_serial)
    return mtc_fail(error, MTC_INPUT,
                    "log.number: serial numbers of log %llu are outside minSerial and maxSerial of "
                    "the CA certificate",
                    (unsigned long long)number);
  mtc_status status = config_resolve(config, path, log->database, &config->database);
  if (!status) status = config_resolve(config, path, log->publish_folder, &config->publish_folder);
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
  config->card.timeout_ms = (unsigned)hash->timeout_ms;
  config->card.is_optional = !hash->card_required;
  config->card.readmit_after = (unsigned)hash->readmit_after;
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
  mtc_status status = config_resolve(config, path, hash->card, &card);
  config->card.path = card;
  return status;
}

/* The numbers outside the profiles. 0 is an optional key's default, whatever stands below it. */
static mtc_status check_numbers(const struct yaml_config *yaml, struct mtc_error *error) {
  const struct {
    const char *key;
    int64_t value, min, max;
  } numbers[] = {
      {"log.number", yaml->log.number, 1, 65535},
      {"hash.timeout_ms", yaml->hash.timeout_ms, 0, 600000},
      {"hash.readmit_after", yaml->hash.readmit_after, 0, 1000},
      {"batch.max_entries", yaml->batch.max_entries, 0, 1 << 20},
      {"batch.max_delay_ms", yaml->batch.max_delay_ms, 0, 60000},
      {"batch.queue_max_entries", yaml->batch.queue_max_entries, 0, 1 << 20},
      {"landmark_interval_s", yaml->landmark_interval_s, 0, 365 * DAY_S},
      {"reservation_ttl_s", yaml->reservation_ttl_s, 0, DAY_S},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    mtc_status status =
        config_check_range(numbers[i].key, numbers[i].value, numbers[i].min, numbers[i].max, error);
    if (status) return status;
  }
  return MTC_OK;
}

mtc_status config_check_range(const char *key, int64_t value, int64_t min, int64_t max,
                              struct mtc_error *error) {
  if (value >= min && value <= max) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "%s: %lld; %lld to %lld are allowed", key, (long long)value,
                  (long long)min, (long long)max);
}

/* More landmarks than the published file may hold would stop publication once they are stored. */
static mtc_status check_landmarks(const struct app_config *config, struct mtc_error *error) {
  uint64_t num_active = mtc_engine_max_active_landmarks(&config->engine);
  if (num_active <= MAX_ACTIVE_LANDMARKS) return MTC_OK;
  return mtc_fail(
      error, MTC_INPUT,
      "landmark_interval_s: %lld is too short for certificates of validity_s %lld: %llu "
      "landmarks would be active, at most %u are allowed",
      (long long)config->engine.landmark_interval_s, (long long)config->engine.max_lifetime_s,
      (unsigned long long)num_active, MAX_ACTIVE_LANDMARKS);
}

static mtc_status check(struct app_config *config, const char *path, const struct yaml_config *yaml,
                        struct mtc_error *error) {
  mtc_status status = check_numbers(yaml, error);
  config->engine.landmark_interval_s = yaml->landmark_interval_s;
  if (!status) status = load_ca(config, path, &yaml->ca, error);
  if (!status) status = load_log(config, path, &yaml->log, error);
  if (!status) status = config_resolve(config, path, yaml->socket, &config->socket);
  if (!status)
    status = config_load_signer(config, path, "signer", &yaml->signer, config->standby,
                                &config->signer, error);
  if (!status) status = load_hash(config, path, &yaml->hash, error);
  if (!status) status = profiles_load(config, yaml, error);
  if (!status) status = check_landmarks(config, error);
  if (!status) status = policy_check(config, yaml, error);
  if (!status) status = config_load_direct(config, path, yaml, error);
  if (status) return status;
  config->engine.batch_max_entries = (unsigned)yaml->batch.max_entries;
  config->engine.batch_max_delay_ms = (unsigned)yaml->batch.max_delay_ms;
  config->engine.queue_max_entries = (unsigned)yaml->batch.queue_max_entries;
  config->engine.reservation_ttl_s = (unsigned)yaml->reservation_ttl_s;
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

const struct mtc_profile *config_find_direct(const struct app_config *config, struct mtc_span name,
                                             const struct app_direct **out) {
  for (unsigned i = 0; i < config->num_direct; i++) {
    *out = &config->direct[i];
    for (unsigned j = 0; j < (*out)->num_profiles; j++) {
      if (mtc_span_equal(mtc_span_of_text((*out)->profiles[j].name), name))
        return &(*out)->profiles[j];
    }
  }
  return NULL;
}

void config_free(struct app_config *config) {
  if (!config) return;
  for (unsigned i = 0; i < config->num_direct; i++) {
    mtc_bytes_free(&config->direct[i].certificate);
    mtc_free(config->direct[i].profiles);
  }
  mtc_free(config->direct);
  mtc_yaml_free(&config_schema, config->yaml);
  mtc_bytes_free(&config->ca_certificate);
  for (size_t i = 0; i < sizeof config->owned / sizeof *config->owned; i++)
    mtc_free(config->owned[i]);
  mtc_free(config->profiles);
  mtc_free(config);
}
