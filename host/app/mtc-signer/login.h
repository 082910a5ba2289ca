/* The PIN of a token, and the latch that lets a wrong one be tried once. */
#ifndef MTC_SIGNER_LOGIN_H
#define MTC_SIGNER_LOGIN_H

#include <signal.h>

#include "sign/protocol.h"
#include "sign/uri.h"

struct login;

/* Between login_begin and login_end: what the token answers must not be lost. */
extern volatile sig_atomic_t login_is_under_way;

/*
 * login_new remembers where the PIN is; nothing is read yet. login_free wipes it; NULL is ignored.
 *
 * Errors:   INPUT, NOMEM; TOKEN: no memory can be locked.
 */
mtc_status login_new(const struct mtc_signer_config *config, const struct mtc_key_uri *uri,
                     struct login **out, struct mtc_error *error) MTC_MUST_CHECK;
void login_free(struct login *login);

/*
 * login_has_pin tells whether there is a source for a PIN; without one the token has a keypad.
 */
bool login_has_pin(const struct login *login);

/*
 * login_begin holds the latch from here to login_end, and reads the PIN into locked memory.
 *
 * Output:   *out_pin, "" without a source; valid until login_end.
 * Errors:   TOKEN when it is latched (*out_refused); INPUT, IO: the PIN cannot be read.
 */
mtc_status login_begin(struct login *login, const char **out_pin, bool *out_refused,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * login_pin_is_known tells, between the two, whether this PIN has been right before.
 */
bool login_pin_is_known(const struct login *login);

/*
 * login_end says how logging in went, if login_begin was called since: a refusal is written to the
 * latch before anybody can try again. A PIN that can be read again is wiped; of one that was right
 * a salted digest stays.
 *
 * Requires: `cause` when `is_refusal`.
 */
void login_end(struct login *login, bool is_success, bool is_refusal, const char *cause);

#endif
