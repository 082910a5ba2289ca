/* Certificate profiles of mtc.yaml, checked against what a CA may do and against its root policy.
 */
#ifndef MTC_APP_PROFILES_H
#define MTC_APP_PROFILES_H

#include "app/common/config.h"
#include "app/common/config_schema.h"

/*
 * profiles_load checks the profiles and fills config->profiles and the longest lifetime.
 *
 * Requires: the CA certificate is loaded.
 * Errors:   INPUT naming the profile and the rule it breaks.
 * Source:   RFC 5280; Chrome's draft policy 0.3.0, "Subscriber certificates" (policy chrome-0.3.0)
 */
mtc_status profiles_load(struct app_config *config, const struct yaml_config *yaml,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * profiles_load_direct does so with those of a directly signing instance, without the lifetime.
 */
mtc_status profiles_load_direct(struct app_config *config, const struct yaml_direct *yaml,
                                struct app_direct *out, struct mtc_error *error) MTC_MUST_CHECK;

#endif
