/*
 * A token through plain PKCS#11 calls: what neither pkcs11-helper (which only signs) nor libp11
 * (which stumbles over ML-DSA objects) does: find a token by URI, find a key, read its public
 * value.
 */
#ifndef MTC_SIGN_RAW_TOKEN_H
#define MTC_SIGN_RAW_TOKEN_H

#include "sign/mechanism.h"
#include "sign/pin.h"
#include "sign/uri.h"

/* Both pkcs11.h of Debian use this tag; which one a file includes does not matter here. */
struct _CK_FUNCTION_LIST;

#define MTC_MAX_KEY_ID_LEN 64

struct mtc_raw_token {
  struct _CK_FUNCTION_LIST *functions;
  unsigned long slot;
  unsigned long session; /* 0: none */
  bool initialized;      /* by us, so C_Finalize is ours too */
  bool logged_in;        /* by us */
  bool needs_login;
  bool has_protected_path; /* the PIN is typed on the token's own keypad */
  bool pin_refused;        /* the last failure was about the PIN: an operator must look */
  char description[144];   /* what the token says of itself */
};

struct mtc_raw_key {
  unsigned long private_handle;
  unsigned long public_handle; /* 0: the token holds no public key object */
  uint8_t id[MTC_MAX_KEY_ID_LEN];
  size_t id_len;
};

/* C_Initialize arguments; NSS reads one pointer more than PKCS#11 defines, and wants it NULL. */
struct mtc_initialize_args {
  void *mutex_functions[4];
  unsigned long flags;
  const void *library_parameters;
  void *nss_reserved;
};

/*
 * mtc_initialize_args_fill prepares arguments that promise OS locking and pass `module_args`.
 */
void mtc_initialize_args_fill(const char *module_args, struct mtc_initialize_args *out);

/*
 * mtc_raw_module_load loads `module` and gets its functions; it stays mapped, since many break when
 * they are unloaded.
 *
 * Errors:   TOKEN, with the loader's own words.
 */
mtc_status mtc_raw_module_load(const char *module, struct _CK_FUNCTION_LIST **out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_token_matches tells whether what a token says of itself is what a URI asks for. The fields of
 * CK_TOKEN_INFO, padded or not; a URI's empty value matches any.
 */
bool mtc_token_matches(const struct mtc_key_uri *uri, struct mtc_span label, struct mtc_span serial,
                       struct mtc_span model, struct mtc_span manufacturer);

/*
 * mtc_token_check_flags refuses a token (CKF_*) that has no PIN, a locked one, or one attempt left,
 * and notes whether it wants a login and has a keypad.
 *
 * Errors:   TOKEN.
 */
mtc_status mtc_token_check_flags(struct mtc_raw_token *token, unsigned long flags,
                                 const struct mtc_key_uri *uri,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_load loads `module` and initialises it: for whoever finds the token otherwise.
 *
 * Owner:    close with mtc_raw_token_close, also after a failure; zeroed is closed.
 * Errors:   TOKEN; NOMEM.
 */
mtc_status mtc_raw_token_load(struct mtc_raw_token *out, const char *module,
                              const char *module_args, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_open loads `module` and finds the one token that `uri` names.
 *
 * Requires: `initialize` when nobody else in the process has called C_Initialize.
 * Owner:    close with mtc_raw_token_close, also after a failure; zeroed is closed.
 * Errors:   TOKEN: module, no such token, two of them, token or PIN not initialised, PIN locked or
 *           one attempt from it (`pin_refused`); NOMEM.
 */
mtc_status mtc_raw_token_open(struct mtc_raw_token *out, const char *module,
                              const char *module_args, bool initialize,
                              const struct mtc_key_uri *uri,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_start opens a session and, with a PIN (or a protected path), logs in once.
 *
 * Requires: `logs_in` only where pkcs11-helper is not in charge of the login.
 * Errors:   TOKEN (`pin_refused` tells whether it was about the PIN); NOMEM.
 */
mtc_status mtc_raw_token_start(struct mtc_raw_token *token, bool read_write, bool logs_in,
                               const struct mtc_pin *pin, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_user_is_in tells whether the user is logged in to the token now, in this process.
 */
bool mtc_raw_token_user_is_in(const struct mtc_raw_token *token);

/*
 * mtc_raw_token_counts_failures tells whether the token says that a wrong PIN was tried since the
 * last right one; not every token does.
 */
bool mtc_raw_token_counts_failures(const struct mtc_raw_token *token);

/*
 * mtc_raw_token_sign signs `message` in the form a certificate carries. Where the key asks for the
 * PIN at each signature (CKA_ALWAYS_AUTHENTICATE), `pin` is given to it (NULL or empty: its
 * keypad).
 *
 * Errors:   TOKEN; NOMEM. What comes out is not verified.
 */
mtc_status mtc_raw_token_sign(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                              unsigned long private_handle, const struct mtc_pin *pin,
                              struct mtc_span message, struct mtc_bytes *out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_find_key finds the one private key that `uri` names, its id and its public key.
 *
 * Errors:   TOKEN: none, several, of another type, without an id, or an id that a second private
 *           key shares.
 */
mtc_status mtc_raw_token_find_key(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                  const struct mtc_mechanism *mechanism, struct mtc_raw_key *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

#define MTC_ANY_CLASS (~0UL)

/*
 * mtc_raw_token_find finds objects of a class (CKO_*, or MTC_ANY_CLASS) with this label (NULL: any)
 * and this id (empty: any).
 *
 * Output:   at most `max` handles.
 * Errors:   TOKEN.
 */
mtc_status mtc_raw_token_find(struct mtc_raw_token *token, unsigned long class, const char *label,
                              struct mtc_span id, unsigned long *out_handles, size_t max,
                              size_t *out_num, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_read_id reads an object's CKA_ID; length 0: it has none.
 *
 * Errors:   TOKEN.
 */
mtc_status mtc_raw_token_read_id(struct mtc_raw_token *token, unsigned long handle,
                                 uint8_t out[MTC_MAX_KEY_ID_LEN], size_t *out_len,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_public_key appends the DER SubjectPublicKeyInfo of a public key object.
 *
 * Errors:   TOKEN: no such object or not a key of this algorithm; NOMEM.
 */
mtc_status mtc_raw_token_public_key(struct mtc_raw_token *token,
                                    const struct mtc_mechanism *mechanism,
                                    unsigned long public_handle, struct mtc_bytes *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_raw_token_end closes the session; the login of others stays.
 */
void mtc_raw_token_end(struct mtc_raw_token *token);

/*
 * mtc_raw_token_close ends what mtc_raw_token_open began, but for the mapped module.
 */
void mtc_raw_token_close(struct mtc_raw_token *token);

/*
 * mtc_pkcs11_fail converts a CK_RV into a status and a text "what: words (0x...)".
 */
mtc_status mtc_pkcs11_fail(struct mtc_error *error, unsigned long rv, const char *what);

/*
 * mtc_pkcs11_is_pin_refusal tells whether a CK_RV means that trying again costs PIN attempts.
 */
bool mtc_pkcs11_is_pin_refusal(unsigned long rv);

#endif
