/* What this process may still ask of the kernel once it is about to load the HSM's module. */
#ifndef MTC_SIGNER_CONFINE_H
#define MTC_SIGNER_CONFINE_H

#include "mtc/sign.h"

/*
 * confine gives up every capability and installs a seccomp filter; a call that it does not allow
 * kills the process, which the daemon reports as such.
 *
 * Errors:   TOKEN: the kernel does not let us; the text says how to go on without.
 */
mtc_status confine(enum mtc_signer_confinement how, struct mtc_error *error) MTC_MUST_CHECK;

#endif
