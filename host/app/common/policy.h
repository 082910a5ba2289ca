/* Root program policies that a configuration can be held to (ca.policy). */
#ifndef MTC_APP_POLICY_H
#define MTC_APP_POLICY_H

#include "app/common/config.h"
#include "app/common/config_schema.h"

/*
 * policy_check refuses what breaks the policy that ca.policy names.
 *
 * Requires: the rest of the configuration is checked and loaded.
 * Errors:   INPUT with the key, the rule and its section of the policy.
 */
mtc_status policy_check(const struct app_config *config, const struct yaml_config *yaml,
                        struct mtc_error *error) MTC_MUST_CHECK;

#endif
