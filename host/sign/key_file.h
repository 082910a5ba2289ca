/* Private keys in PEM files: for development, where there is no token. */
#ifndef MTC_SIGN_KEY_FILE_H
#define MTC_SIGN_KEY_FILE_H

#include "sign/mechanism.h"

/*
 * mtc_key_file_generate writes a new private key to `path` (PKCS #8, PEM, mode 0600) and appends
 * its DER SubjectPublicKeyInfo to `out_public_key`.
 *
 * Errors:   INPUT when `path` exists; IO (nothing stays at `path`); NOMEM.
 */
mtc_status mtc_key_file_generate(const char *path, const struct mtc_mechanism *mechanism,
                                 struct mtc_bytes *out_public_key,
                                 struct mtc_error *error) MTC_MUST_CHECK;

#endif
