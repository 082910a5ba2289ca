/*
 * A token for provisioning: libp11 finds it, logs in and stores certificates; plain PKCS#11 calls
 * in a session beside it, which shares the login, do what libp11 cannot: keys of any type. Only mtc
 * has libp11; mtc-signer never does.
 */
#ifndef MTC_APP_MTC_HSM_H
#define MTC_APP_MTC_HSM_H

#include "sign/key_pair.h"

struct PKCS11_ctx_st;
struct PKCS11_slot_st;

struct hsm_options {
  const char *uri;                               /* pkcs11:, a token and perhaps an object */
  const char *module, *module_args, *pin_source; /* NULL: not given */
  bool read_write;
};

/* Zeroed is closed. */
struct hsm {
  struct mtc_key_uri uri;
  const char *module;
  const char *pin_source;
  bool read_write;
  struct PKCS11_ctx_st *context;
  struct PKCS11_slot_st *slots, *slot;
  unsigned num_slots;
  struct mtc_raw_token raw;
  struct mtc_pin pin; /* kept for keys that want it at each signature */
};

/*
 * hsm_open loads the module and finds the one token that the URI names, without logging in.
 *
 * Owner:    close with hsm_close, also after a failure. The options' texts must live as long.
 * Errors:   INPUT (URI, module); TOKEN: module, no such token, two of them, its PIN not
 * initialised, locked or one attempt from it; NOMEM.
 */
mtc_status hsm_open(const struct hsm_options *options, struct hsm *out,
                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_log_in finds the PIN (sign/pin.h says where), logs in once and opens the session of `raw`.
 *
 * Errors:   TOKEN, never tried again; INPUT, IO (PIN).
 */
mtc_status hsm_log_in(struct hsm *hsm, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_renew_session opens the session of `raw` anew; the login stays, and so do handles of what is
 * on the token.
 *
 * Errors:   TOKEN.
 */
mtc_status hsm_renew_session(struct hsm *hsm, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_store_certificate stores a DER certificate under a label and id, and reads it back.
 *
 * Output:   the object's handle; 0 when nothing is stored.
 * Errors:   TOKEN; NOMEM.
 */
mtc_status hsm_store_certificate(struct hsm *hsm, struct mtc_span der, const char *label,
                                 struct mtc_span id, unsigned long *out_handle,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_module_json and hsm_token_json give what module and token say of themselves, the module's
 * file and its SHA-256.
 *
 * Errors:   TOKEN; NOMEM.
 */
mtc_status hsm_module_json(const struct hsm *hsm, json_t **out,
                           struct mtc_error *error) MTC_MUST_CHECK;
/* What the token says of itself; see hsm_module_json. */
mtc_status hsm_token_json(const struct hsm *hsm, json_t **out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_mechanism_json gives what the token says of the mechanisms for making keys and for signing.
 *
 * Errors:   TOKEN when it does not offer one of them, or not for that; NOMEM.
 */
mtc_status hsm_mechanism_json(const struct hsm *hsm, const struct mtc_mechanism *mechanism,
                              json_t **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * hsm_close logs out, ends everything and wipes the PIN.
 */
void hsm_close(struct hsm *hsm);

#endif
