/* Signing: the daemon's side of mtc-signer, the process that alone holds the CA cosigner key. */
#ifndef MTC_SIGN_H
#define MTC_SIGN_H

#include "mtc/wire.h"

/* What a signer needs; every string is copied by mtc_signer_open. */
struct mtc_signer_options {
  const char *program; /* path of mtc-signer; NULL: beside the running program */
  const char *key;     /* pkcs11: URI (RFC 7512), or the path of a PEM private key (development) */
  const char *module;  /* path of the PKCS#11 module; NULL: module-path in the URI, or a file key */
  const char *module_args; /* C_Initialize arguments (NSS wants them), or NULL */
  const char *pin_source;  /* "file:/path", or NULL (file keys, or pin-source in the URI) */
  enum mtc_algorithm algorithm;
  struct mtc_span public_key; /* DER SubjectPublicKeyInfo every signature must verify under; empty
                                 only when the caller is about to ask for it (ca init) */
  unsigned timeout_ms;        /* per request; 0 means 10000 */
};

struct mtc_signer_stats {
  uint64_t num_signatures;
  uint64_t num_failures;
  uint64_t num_respawns;
  bool latched;         /* a PIN was refused: nothing is tried again without an operator */
  char last_error[256]; /* in words */
};

/*
 * mtc_key_is_uri tells whether `key` is a PKCS#11 URI (the scheme in either case) rather than the
 * path of a key file.
 */
bool mtc_key_is_uri(const char *key);

/*
 * mtc_key_check checks that a key and what is given beside it fit together: a URI is well-formed
 * and has a module, beside it or as its module-path; the path of a key file has neither module nor
 * PIN, and is no mistyped URI. `module` and `pin_source` may be NULL or empty.
 *
 * Errors:   INPUT, NOMEM; the text never repeats `key`: a mistyped URI may hold a PIN.
 */
mtc_status mtc_key_check(const char *key, const char *module, const char *pin_source,
                         struct mtc_error *error) MTC_MUST_CHECK;

struct mtc_signer;

/*
 * mtc_signer_open starts the signer process and opens the key.
 *
 * Owner:    close with mtc_signer_close.
 * Errors:   INPUT (URI, options), TOKEN (module, token, key or PIN; the text says which), NOMEM.
 */
mtc_status mtc_signer_open(const struct mtc_signer_options *options, struct mtc_signer **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_sign signs `message` (at most 4096 bytes) and appends the signature to `out`, in the
 * form a certificate carries (ECDSA: DER).
 *
 * Output:   only a signature that verified under the configured public key.
 * Errors:   TOKEN (retry: the process is respawned unless latched), INPUT, NOMEM.
 * Threads:  serialised inside; blocks up to the deadline.
 */
mtc_status mtc_signer_sign(struct mtc_signer *signer, struct mtc_span message,
                           struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_public_key appends the token's DER SubjectPublicKeyInfo to `out`.
 *
 * Errors:   TOKEN, NOMEM.
 */
mtc_status mtc_signer_public_key(struct mtc_signer *signer, struct mtc_bytes *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_stats copies the counters. Threads: any.
 */
void mtc_signer_stats(struct mtc_signer *signer, struct mtc_signer_stats *out);

/*
 * mtc_signer_close ends the signer process and releases everything; NULL is ignored.
 */
void mtc_signer_close(struct mtc_signer *signer);

/* A key to make on a token. */
struct mtc_key_request {
  const char *uri;    /* RFC 7512: token plus object (and id); never a slot number */
  const char *module; /* NULL: module-path in the URI */
  const char *module_args;
  const char *pin_source;
  enum mtc_algorithm algorithm;
};

/*
 * mtc_key_generate makes a key pair on a token, reads its attributes back, test-signs and
 * verifies, and appends the DER SubjectPublicKeyInfo to `out_public_key`.
 *
 * Errors:   INPUT (URI; an object with that label or id exists; algorithm), TOKEN, NOMEM.
 *           Nothing is overwritten, ever.
 */
mtc_status mtc_key_generate(const struct mtc_key_request *request, struct mtc_bytes *out_public_key,
                            struct mtc_error *error) MTC_MUST_CHECK;

#endif
