/* Public keys as libcrypto wants them, to verify with. Private to host/entry. */
#ifndef MTC_ENTRY_VERIFY_KEY_H
#define MTC_ENTRY_VERIFY_KEY_H

#include <openssl/evp.h>

#include "mtc/wire.h"

/*
 * mtc_verify_key_make makes libcrypto's key of a DER SubjectPublicKeyInfo.
 *
 * Requires: mtc_algorithm_of_public_key(public_key) is `algorithm`, which is not NONE.
 * Owner:    EVP_PKEY_free; NULL: not a point of its curve, or no memory.
 */
EVP_PKEY *mtc_verify_key_make(enum mtc_algorithm algorithm, struct mtc_span public_key);

/*
 * mtc_verify_key_from_params makes a public key of libcrypto's parameters for its type ("EC",
 * "RSA").
 *
 * Owner:    EVP_PKEY_free; NULL: libcrypto refuses them, or no memory.
 */
EVP_PKEY *mtc_verify_key_from_params(const char *type, OSSL_PARAM *params);

/*
 * mtc_verify_key_check checks a signature (DER for ECDSA) by a key of mtc_verify_key_make.
 *
 * Errors:   INPUT: it does not verify; NOMEM.
 */
mtc_status mtc_verify_key_check(EVP_PKEY *key, enum mtc_algorithm algorithm,
                                struct mtc_span message, struct mtc_span signature) MTC_MUST_CHECK;

#endif
