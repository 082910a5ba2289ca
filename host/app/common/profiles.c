#include "app/common/profiles.h"

#include <string.h>

#include "entry/der.h"
#include "mtc/runtime.h"

#define DAY_S 86400

static mtc_status check_profile(const struct yaml_profile *profile, struct mtc_error *error) {
  struct mtc_bytes oid = {0};
  if (strlen(profile->name) > 64)
    return mtc_fail(error, MTC_INPUT, "the name is longer than 64 characters");
  mtc_status status =
      config_check_range("validity_s", profile->validity_s, 60, 400 * (int64_t)DAY_S, error);
  if (!status) status = config_check_range("backdate_s", profile->backdate_s, 0, DAY_S, error);
  if (!status && profile->min_rsa_bits)
    status = config_check_range("min_rsa_bits", profile->min_rsa_bits, 2048, 8192, error);
  if (!status) status = config_check_range("max_names", profile->max_names, 0, 100, error);
  if (status) return status;
  if (profile->backdate_s >= profile->validity_s)
    return mtc_fail(error, MTC_INPUT, "backdate_s: %lld is not below validity_s",
                    (long long)profile->backdate_s);
  if (!profile->key_types) return mtc_fail(error, MTC_INPUT, "key_types: none is allowed");
  if (profile->policy_oid && mtc_der_append_oid(&oid, profile->policy_oid)) {
    mtc_bytes_free(&oid);
    return mtc_fail(error, MTC_INPUT, "policy_oid: \"%s\" is no object identifier",
                    profile->policy_oid);
  }
  mtc_bytes_free(&oid);
  return MTC_OK;
}

static void fill(const struct yaml_profile *from, struct mtc_profile *out) {
  *out = (struct mtc_profile){
      .name = from->name,
      .validity_s = from->validity_s,
      .backdate_s = from->backdate_s,
      .key_types = from->key_types,
      .min_rsa_bits = from->min_rsa_bits ? (unsigned)from->min_rsa_bits : 2048,
      .allow_wildcards = from->allow_wildcards,
      .allow_ip = from->allow_ip,
      .max_names = from->max_names ? (unsigned)from->max_names : 100,
      .subject_common_name = from->subject_common_name,
      .ext_key_usage_server = (from->ext_key_usage & 1) != 0,
      .ext_key_usage_client = (from->ext_key_usage & 2) != 0,
      .copy_key_usage = from->copy_key_usage,
      .policy_oid = from->policy_oid,
  };
}

static bool has(const struct mtc_profile *profiles, unsigned num, const char *name) {
  for (unsigned i = 0; i < num; i++) {
    if (strcmp(profiles[i].name, name) == 0) return true;
  }
  return false;
}

/* A name is used once: among those being loaded, and in the configuration as far as it is. */
static mtc_status load(const struct app_config *config, const struct yaml_profile *yaml,
                       unsigned num, struct mtc_profile **out, unsigned *out_num,
                       struct mtc_error *error) {
  const struct app_direct *direct;
  *out = mtc_alloc(num, sizeof **out);
  if (!*out) return MTC_NOMEM;
  for (unsigned i = 0; i < num; i++) {
    struct mtc_span name = mtc_span_of_text(yaml[i].name);
    mtc_status status = check_profile(&yaml[i], error);
    if (!status && (has(*out, i, yaml[i].name) || config_find_profile(config, name) ||
                    config_find_direct(config, name, &direct)))
      status = mtc_fail(error, MTC_INPUT, "the name is used twice");
    if (status) return mtc_fail_within(error, status, "profile %s", yaml[i].name);
    fill(&yaml[i], &(*out)[i]);
    *out_num = i + 1;
  }
  return MTC_OK;
}

mtc_status profiles_load(struct app_config *config, const struct yaml_config *yaml,
                         struct mtc_error *error) {
  mtc_status status = load(config, yaml->profiles, yaml->profiles_count, &config->profiles,
                           &config->num_profiles, error);
  for (unsigned i = 0; i < config->num_profiles; i++) {
    if (config->profiles[i].validity_s > config->engine.max_lifetime_s)
      config->engine.max_lifetime_s = config->profiles[i].validity_s;
  }
  return status;
}

mtc_status profiles_load_direct(struct app_config *config, const struct yaml_direct *yaml,
                                struct app_direct *out, struct mtc_error *error) {
  return load(config, yaml->profiles, yaml->profiles_count, &out->profiles, &out->num_profiles,
              error);
}
