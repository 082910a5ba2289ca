/* PINs: read at the last moment, from a file that nobody else can read. */
#ifndef MTC_SIGN_PIN_H
#define MTC_SIGN_PIN_H

#include "sign/uri.h"

#define MTC_PIN_MAX_LEN 255
#define MTC_PIN_CREDENTIAL "mtc-pin" /* the file's name in $CREDENTIALS_DIRECTORY */

/* Zero-terminated; wipe with mtc_pin_wipe. */
struct mtc_pin {
  char text[MTC_PIN_MAX_LEN + 1];
  size_t len;
};

/*
 * mtc_pin_is_prompted tells whether a person is to type the PIN: the source, in the URI or beside
 * it, is "prompt".
 */
bool mtc_pin_is_prompted(const char *key, const char *pin_source);

/*
 * mtc_pin_read reads a PIN from "file:/path" (or "file:///path"), or from "credential:NAME", which
 * is systemd's file of that name in $CREDENTIALS_DIRECTORY; one line end is stripped.
 *
 * Requires: the file belongs to this user or root and nobody else can read it; inside
 *           $CREDENTIALS_DIRECTORY its group bits are systemd's access list and may be set.
 * Errors:   INPUT: another source, mode, owner, empty, over 255 bytes, a zero byte; IO.
 */
mtc_status mtc_pin_read(const char *source, struct mtc_pin *out,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_pin_for reads the PIN for a key: the URI's pin-source or pin-value, else `pin_source` (NULL
 * or empty: not given).
 *
 * Output:   an empty PIN when nothing, or "prompt", is given.
 * Errors:   as mtc_pin_read.
 */
mtc_status mtc_pin_for(const struct mtc_key_uri *uri, const char *pin_source, struct mtc_pin *out,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_pin_has_credential tells whether systemd gave this process the credential MTC_PIN_CREDENTIAL
 * (LoadCredential=mtc-pin:...).
 */
bool mtc_pin_has_credential(void);

/*
 * mtc_pin_find does so where there is a person, too. What is given counts first; else the token's
 * own keypad, else the credential "mtc-pin" in $CREDENTIALS_DIRECTORY, else the terminal.
 *
 * Output:   an empty PIN for a token that wants none, or has a keypad.
 * Errors:   as mtc_pin_read; INPUT when there is no terminal.
 */
mtc_status mtc_pin_find(const struct mtc_key_uri *uri, const char *pin_source, bool needs_login,
                        bool has_protected_path, struct mtc_pin *out,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_pin_wipe overwrites the PIN.
 */
void mtc_pin_wipe(struct mtc_pin *pin);

/*
 * mtc_secret_file_check refuses an open file that others could read or have planted.
 *
 * Errors:   INPUT: not a regular file, owner, mode (which the text says); IO.
 */
mtc_status mtc_secret_file_check(int fd, const char *path, struct mtc_error *error) MTC_MUST_CHECK;

#endif
