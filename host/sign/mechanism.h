/* What each signature algorithm means to a token and to libcrypto. */
#ifndef MTC_SIGN_MECHANISM_H
#define MTC_SIGN_MECHANISM_H

#include "mtc/wire.h"

/* CK_* values are `unsigned long` here: the two pkcs11.h of Debian cannot meet in one file. */
struct mtc_mechanism {
  enum mtc_algorithm algorithm;
  const char *key_name; /* libcrypto's: "ML-DSA-44", "P-256", "ED25519" */
  const char *digest;   /* the token signs this digest of the message; NULL: the message itself */
  unsigned long key_type;
  unsigned long generate;
  unsigned long sign;
  unsigned long parameter_set; /* CKA_PARAMETER_SET (ML-DSA), else 0 */
  struct mtc_span ec_params;   /* CKA_EC_PARAMS, DER (curves), else empty */
  size_t signature_len;        /* as the token gives it */
  bool is_ecdsa;               /* the token gives r || s, a certificate carries DER */
};

#define MTC_MAX_SIGNATURE_LEN 4627 /* ML-DSA-87 */

/* Numbers that a vendor's module wants instead of PKCS#11's. Zero: the standard's (no number of
 * these is zero for a signing key). */
struct mtc_mechanism_numbers {
  unsigned long generate; /* CKM_*_KEY_PAIR_GEN */
  unsigned long sign;     /* CKM_* */
  unsigned long key_type; /* CKK_* */
};

/*
 * mtc_mechanism_get gives the row of an algorithm.
 *
 * Errors:   NULL for MTC_ALGORITHM_NONE and unknown values.
 */
const struct mtc_mechanism *mtc_mechanism_get(enum mtc_algorithm algorithm);

/*
 * mtc_mechanism_override copies a row with a vendor's numbers in it. What the token then does is
 * judged by its signatures alone: they must verify as those of the row's algorithm.
 */
struct mtc_mechanism mtc_mechanism_override(const struct mtc_mechanism *standard,
                                            const struct mtc_mechanism_numbers *numbers);

/*
 * mtc_mechanism_parse_number reads a number of PKCS#11: decimal, or 0x and up to 16 hexadecimal
 * digits.
 *
 * Errors:   false for anything else, and for CK_UNAVAILABLE_INFORMATION, which is no number.
 */
bool mtc_mechanism_parse_number(const char *text, unsigned long *out) MTC_MUST_CHECK;

/*
 * mtc_mechanism_input gives what the token is to sign for `message`: the message, or its digest in
 * `digest`, which must live as long as the result.
 *
 * Errors:   NOMEM.
 */
mtc_status mtc_mechanism_input(const struct mtc_mechanism *mechanism, struct mtc_span message,
                               uint8_t digest[64], struct mtc_span *out) MTC_MUST_CHECK;

/*
 * mtc_mechanism_append_signature appends a token's signature in the form a certificate carries.
 *
 * Errors:   TOKEN when its length is wrong; NOMEM.
 */
mtc_status mtc_mechanism_append_signature(const struct mtc_mechanism *mechanism,
                                          struct mtc_span raw, struct mtc_bytes *out,
                                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_mechanism_append_public_key appends the DER SubjectPublicKeyInfo for a token's public value:
 * CKA_VALUE (ML-DSA) or CKA_EC_POINT (curves; the DER OCTET STRING, or the bare point that some
 * tokens give).
 *
 * Errors:   TOKEN when it is no public key of this algorithm; NOMEM.
 */
mtc_status mtc_mechanism_append_public_key(const struct mtc_mechanism *mechanism,
                                           struct mtc_span value, struct mtc_bytes *out,
                                           struct mtc_error *error) MTC_MUST_CHECK;

#endif
