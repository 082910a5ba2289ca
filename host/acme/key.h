/* Account keys: JSON Web Keys that are checked, with their thumbprints; and signatures by them. */
#ifndef ACME_KEY_H
#define ACME_KEY_H

#include <openssl/evp.h>

#include "acme/problem.h"

enum acme_algorithm { ACME_ES256, ACME_ES384, ACME_RS256, ACME_EDDSA, ACME_NUM_ALGORITHMS };

#define ACME_THUMBPRINT_LEN 43u /* base64url of SHA-256 (RFC 7638) */
#define ACME_SHA256_HEX_LEN 64u

/* A public key. Zeroed is none. */
struct acme_key {
  EVP_PKEY *pkey;
  enum acme_algorithm algorithm; /* the only one that this key signs with */
  char thumbprint[ACME_THUMBPRINT_LEN + 1];
  char spki_sha256[ACME_SHA256_HEX_LEN + 1]; /* of the SubjectPublicKeyInfo */
  char *jwk; /* the canonical public JWK (RFC 7638 members only), as it is stored */
};

/*
 * acme_key_from_jwk reads and checks a public JWK.
 *
 * Errors:   ACME_BAD_PUBLIC_KEY (RSA below 2048 or above 4096 bits, even or small exponent, a point
 *           that is not on its curve, a private part), ACME_BAD_SIGNATURE_ALGORITHM is left to the
 *           caller; ACME_MALFORMED; ACME_SERVER_INTERNAL (memory).
 */
enum acme_problem_type acme_key_from_jwk(const json_t *jwk, struct acme_key *out,
                                         struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_key_from_text does so with a JWK as it was stored (key.jwk).
 */
enum acme_problem_type acme_key_from_text(const char *jwk, struct acme_key *out,
                                          struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_key_generate makes a key pair for a client (pkey then holds the private key).
 *
 * Errors:   NOMEM, FATAL (libcrypto).
 */
mtc_status acme_key_generate(enum acme_algorithm algorithm, struct acme_key *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_key_from_pkey takes over `pkey` (one more reference is taken) and fills the rest.
 *
 * Errors:   INPUT (no kind of key that ACME signs with here), NOMEM.
 */
mtc_status acme_key_from_pkey(EVP_PKEY *pkey, struct acme_key *out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_key_verify checks a JWS signature over `signing_input` (r || s of fixed length for ECDSA).
 */
bool acme_key_verify(const struct acme_key *key, struct mtc_span signing_input,
                     struct mtc_span signature) MTC_MUST_CHECK;

/*
 * acme_key_sign appends a JWS signature to `out`.
 *
 * Errors:   NOMEM, FATAL (libcrypto).
 */
mtc_status acme_key_sign(const struct acme_key *key, struct mtc_span signing_input,
                         struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_sha256_hex writes a SHA-256 in hexadecimal, as rows and keys here have it.
 */
void acme_sha256_hex(struct mtc_span message, char out[ACME_SHA256_HEX_LEN + 1]);

/*
 * acme_key_authorization appends token "." thumbprint.
 */
void acme_key_authorization(const struct acme_key *key, const char *token, struct mtc_bytes *out);

/*
 * acme_algorithm_name gives "ES256" and so on; acme_algorithm_find finds it, false: none of ours.
 */
const char *acme_algorithm_name(enum acme_algorithm algorithm);
/* Finds an algorithm by its name; see above. */
bool acme_algorithm_find(const char *name, enum acme_algorithm *out);

/*
 * acme_key_free releases a key and makes it none.
 */
void acme_key_free(struct acme_key *key);

#endif
