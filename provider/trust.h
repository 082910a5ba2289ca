/* What the configuration trusts at the moment: CAs, policy, and the subtrees of active landmarks.
 */
#ifndef MTC_PROVIDER_TRUST_H
#define MTC_PROVIDER_TRUST_H

#include "provider/provider.h"

/*
 * trust_check verifies a certificate; its dates are left to libcrypto, which was told the time.
 *
 * Output:   as mtc_verifier_check.
 * Errors:   whatever is wrong with the configuration or its files, which are read again when what
 *           was read is older than `reload_s`; NOMEM.
 * Threads:  any.
 */
mtc_status trust_check(struct provider *provider, struct mtc_span certificate,
                       struct mtc_verification *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * trust_free releases it; NULL is ignored.
 */
void trust_free(struct trust *trust);

#endif
