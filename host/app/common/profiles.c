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

mtc_status profiles_load(struct app_config *config, const struct yaml_config *yaml,
                         struct mtc_error *error) {
  config->profiles = mtc_alloc(yaml->profiles_count, sizeof *config->profiles);
  if (!config->profiles) return MTC_NOMEM;
  for (unsigned i = 0; i < yaml->profiles_count; i++) {
    const struct yaml_profile *profile = &yaml->profiles[i];
    mtc_status status = check_profile(profile, error);
    if (!status && config_find_profile(config, mtc_span_of_text(profile->name)))
      status = mtc_fail(error, MTC_INPUT, "the name is used twice");
    if (status) return mtc_fail_within(error, status, "profile %s", profile->name);
    fill(profile, &config->profiles[i]);
    config->num_profiles = i + 1;
    if (config->profiles[i].validity_s > config->engine.max_lifetime_s)
      config->engine.max_lifetime_s = config->profiles[i].validity_s;
  }
  return MTC_OK;
}
