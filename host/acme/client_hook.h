/* Programs that the configuration names: deploy hooks, DNS hooks. */
#ifndef ACME_CLIENT_HOOK_H
#define ACME_CLIENT_HOOK_H

#include "acme/client_config.h"

/*
 * acme_client_run_hook runs a program without a shell and waits for it, at most `timeout_s`, after
 * which it and what it started are killed. Its standard output goes to standard error.
 *
 * Requires: `arguments` (after those of `words`) and `environment` ("NAME=value", added to this
 *           process's) end with NULL; at most 8 each.
 * Errors:   IO (not there, exit code, signal, timeout), NOMEM.
 */
mtc_status acme_client_run_hook(const struct acme_client_words *words, const char *const *arguments,
                                const char *const *environment, unsigned timeout_s,
                                struct mtc_error *error) MTC_MUST_CHECK;

#endif
