/* Which token and key an operator means: RFC 7512 URIs, narrowed to what names a key for good. */
#ifndef MTC_SIGN_URI_H
#define MTC_SIGN_URI_H

#include "mtc/bytes.h"

/* Empty strings and lengths: not given. */
struct mtc_key_uri {
  char token[33]; /* token label; always given */
  char manufacturer[33];
  char model[17];
  char serial[17];
  char object[256]; /* CKA_LABEL */
  uint8_t id[64];   /* CKA_ID */
  size_t id_len;
  char module_path[1024]; /* absolute */
  char pin_source[1024];
  char pin_value[256]; /* secret: wipe with mtc_key_uri_wipe */
};

/*
 * mtc_key_uri_parse reads a pkcs11: URI that names a token and an object (label, id, or both).
 *
 * Errors:   INPUT: syntax, an unknown or repeated attribute, slot numbers, a module by anything but
 *           an absolute path, another object type than `private`, nothing that names the token or
 *           the key. The text never repeats attribute values: one of them may be a PIN. NOMEM.
 * Source:   RFC 7512, "PKCS #11 URI Scheme ABNF"
 */
mtc_status mtc_key_uri_parse(const char *text, struct mtc_key_uri *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_token_uri_parse reads a URI that names a token and perhaps an object.
 *
 * Errors:   as mtc_key_uri_parse.
 */
mtc_status mtc_token_uri_parse(const char *text, struct mtc_key_uri *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_uri_module tells which module opens the key: `module` (NULL or empty: not given), else
 * the URI's module-path.
 *
 * Errors:   INPUT when neither is given.
 */
mtc_status mtc_key_uri_module(const struct mtc_key_uri *uri, const char *module, const char **out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_uri_append writes what names token and object as a URI: no module, no PIN. Every byte
 * that is not a letter, a digit or one of - . _ is percent-encoded, so that a shell takes it as it
 * is.
 */
void mtc_key_uri_append(const struct mtc_key_uri *uri, struct mtc_bytes *out);

/*
 * mtc_key_uri_wipe overwrites everything, the PIN above all.
 */
void mtc_key_uri_wipe(struct mtc_key_uri *uri);

#endif
