/* mtc.yaml's signer blocks: the CA cosigner's, and those of directly signing instances. */
#include <stdio.h>
#include <string.h>

#include "app/common/config_parts.h"
#include "mtc/runtime.h"

static mtc_status load_token(struct app_config *config, const char *path,
                             const struct yaml_token *token, struct mtc_signer_source *out,
                             struct mtc_error *error) {
  char *key = token->key;
  mtc_status status = mtc_key_check(key, token->module, token->pin_source, error);
  if (!status && !mtc_key_is_uri(key)) status = config_resolve(config, path, token->key, &key);
  *out = (struct mtc_signer_source){
      .key = key,
      .module = token->module,
      .module_args = token->module_args,
      .pin_source = token->pin_source,
      .sign_mechanism = (unsigned long)token->sign_mechanism,
  };
  return status;
}

static mtc_status load_confinement(const char *word, enum mtc_signer_confinement *out,
                                   struct mtc_error *error) {
  static const char *const words[] = {[MTC_SIGNER_CONFINED] = "on",
                                      [MTC_SIGNER_STRICT] = "strict",
                                      [MTC_SIGNER_UNCONFINED] = "off"};
  *out = MTC_SIGNER_CONFINED;
  for (unsigned i = 0; word && i < sizeof words / sizeof *words; i++) {
    if (strcmp(word, words[i]) != 0) continue;
    *out = (enum mtc_signer_confinement)i;
    return MTC_OK;
  }
  if (!word) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "signer.confinement: \"%s\" is none of on, strict, off", word);
}

/* 0 is an optional key's default. */
static mtc_status check_numbers(const struct yaml_signer *signer, struct mtc_error *error) {
  const struct {
    const char *key;
    int64_t value, max;
  } numbers[] = {
      {"signer.timeout_ms", signer->timeout_ms, 600000},
      {"signer.processes", signer->processes, MTC_SIGNER_MAX_PROCESSES},
      {"signer.sign_mechanism", signer->first.sign_mechanism, UINT32_MAX},
  };
  mtc_status status = MTC_OK;
  for (size_t i = 0; !status && i < sizeof numbers / sizeof *numbers; i++)
    status = config_check_range(numbers[i].key, numbers[i].value, 0, numbers[i].max, error);
  for (unsigned i = 0; !status && i < signer->standby_count; i++)
    status = config_check_range("signer.standby: sign_mechanism", signer->standby[i].sign_mechanism,
                                0, UINT32_MAX, error);
  return status;
}

static mtc_status load_sources(struct app_config *config, const char *path,
                               const struct yaml_signer *signer, struct mtc_signer_source *standby,
                               struct mtc_signer_source *first, struct mtc_error *error) {
  mtc_status status = load_token(config, path, &signer->first, first, error);
  if (status) return mtc_fail_within(error, status, "signer");
  for (unsigned i = 0; !status && i < signer->standby_count; i++) {
    status = load_token(config, path, &signer->standby[i], &standby[i], error);
    if (status) return mtc_fail_within(error, status, "signer.standby[%u]", i);
  }
  return status;
}

mtc_status config_load_signer(struct app_config *config, const char *path, const char *latch_name,
                              const struct yaml_signer *signer, struct mtc_signer_source *standby,
                              struct mtc_signer_options *out, struct mtc_error *error) {
  struct mtc_signer_source first;
  enum mtc_signer_confinement confinement = MTC_SIGNER_CONFINED;
  char file[128], *latch = NULL;
  (void)snprintf(file, sizeof file, "%s.latch", latch_name);
  mtc_status status = check_numbers(signer, error);
  if (!status) status = load_sources(config, path, signer, standby, &first, error);
  if (!status) status = load_confinement(signer->confinement, &confinement, error);
  if (!status) status = config_resolve(config, path, signer->latch ? signer->latch : file, &latch);
  if (status) return status;
  *out = (struct mtc_signer_options){
      .key = first.key,
      .module = first.module,
      .module_args = first.module_args,
      .pin_source = first.pin_source,
      .sign_mechanism = first.sign_mechanism,
      .standby = standby,
      .num_standby = signer->standby_count,
      .algorithm = config->ca.algorithm,
      .public_key = config->ca.public_key,
      .timeout_ms = (unsigned)signer->timeout_ms,
      .num_processes = (unsigned)signer->processes,
      .latch = latch,
      .confinement = confinement,
  };
  return MTC_OK;
}
