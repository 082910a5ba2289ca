#include "app/common/policy.h"

#include <string.h>

#define DAY_S INT64_C(86400)
#define DOMAIN_VALIDATED "2.23.140.1.2.1" /* CA/Browser Forum */

/*
 * Chrome's draft policy 0.3.0 knows two kinds of CA keys, by how long their certificates live.
 * Source: Chrome Quantum-resistant Root Program, draft policy 0.3.0, section 2.6
 */
static const struct kind {
  int64_t max_lifetime_s;
  uint64_t max_landmarks; /* in that time */
} kinds[] = {{7 * DAY_S, 220}, {47 * DAY_S, 370}};

#define BREAKS(error, section, ...) \
  mtc_fail_within(error, mtc_fail(error, MTC_INPUT, __VA_ARGS__), "policy chrome-0.3.0, " section)

static mtc_status check_ca(const struct app_config *config, const struct kind *kind,
                           struct mtc_error *error) {
  uint64_t interval_s = (uint64_t)config->engine.landmark_interval_s;
  uint64_t time_s = (uint64_t)kind->max_lifetime_s;
  if (config->ca.algorithm != MTC_ALGORITHM_MLDSA44)
    return BREAKS(error, "2.4.3.1", "ca.certificate: the CA cosigner key must be ML-DSA-44");
  if (!config->ca.prefix_url.len)
    return BREAKS(error, "2.4.3.1", "ca.certificate: it must carry the mtc-tlog prefix URL");
  if (kind != &kinds[0] && !config->ca.crl_sign)
    return BREAKS(error, "2.4.3.1",
                  "ca.certificate: its keyUsage must have cRLSign (mtc ca init --crl-sign) when "
                  "certificates live for more than 7 days");
  if (config->log_number > 4)
    return BREAKS(error, "2.5.1", "log.number: %llu is above 4",
                  (unsigned long long)config->log_number);
  if (interval_s && (time_s + interval_s - 1) / interval_s + 1 > kind->max_landmarks)
    return BREAKS(error, "2.6",
                  "landmark_interval_s: %llu gives %llu landmarks in %lld days; at most %llu are "
                  "allowed",
                  (unsigned long long)interval_s,
                  (unsigned long long)((time_s + interval_s - 1) / interval_s + 1),
                  (long long)(kind->max_lifetime_s / DAY_S),
                  (unsigned long long)kind->max_landmarks);
  return MTC_OK;
}

static mtc_status check_profile(const struct mtc_profile *profile, struct mtc_error *error) {
  if (!profile->ext_key_usage_server || profile->ext_key_usage_client)
    return BREAKS(error, "2.4.3.2", "ext_key_usage: must be server and nothing else");
  if (profile->subject_common_name)
    return BREAKS(error, "2.4.3.2",
                  "subject_common_name: the subject of a DV certificate must be empty");
  if (!profile->policy_oid || strcmp(profile->policy_oid, DOMAIN_VALIDATED) != 0)
    return BREAKS(error, "2.4.3.2", "policy_oid: must be " DOMAIN_VALIDATED);
  return MTC_OK;
}

static mtc_status check_chrome(const struct app_config *config, struct mtc_error *error) {
  const struct kind *kind = &kinds[config->engine.max_lifetime_s > kinds[0].max_lifetime_s];
  for (unsigned i = 0; i < config->num_profiles; i++) {
    const struct mtc_profile *profile = &config->profiles[i];
    mtc_status status = check_profile(profile, error);
    if (!status && profile->validity_s > kind->max_lifetime_s)
      status = BREAKS(error, "2.6", "validity_s: %lld is above 47 days (%lld)",
                      (long long)profile->validity_s, (long long)kind->max_lifetime_s);
    if (status) return mtc_fail_within(error, status, "profile %s", profile->name);
  }
  return check_ca(config, kind, error);
}

mtc_status policy_check(const struct app_config *config, const struct yaml_config *yaml,
                        struct mtc_error *error) {
  const char *policy = yaml->ca.policy ? yaml->ca.policy : "none";
  if (strcmp(policy, "none") == 0) return MTC_OK;
  if (strcmp(policy, "chrome-0.3.0") == 0) return check_chrome(config, error);
  return mtc_fail(error, MTC_INPUT, "ca.policy: \"%s\" is neither none nor chrome-0.3.0", policy);
}
