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
  char pin_source[1024];
  char pin_value[256]; /* secret: wipe with mtc_key_uri_wipe */
};

/*
 * mtc_key_uri_parse reads a pkcs11: URI that names a token and an object (label, id, or both).
 *
 * Errors:   INPUT: syntax, an unknown or repeated attribute, slot numbers, module paths, another
 *           object type than `private`, nothing that names the token or the key. The text never
 *           repeats attribute values: one of them may be a PIN. NOMEM.
 * Source:   RFC 7512, "PKCS #11 URI Scheme ABNF"
 */
mtc_status mtc_key_uri_parse(const char *text, struct mtc_key_uri *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_uri_wipe overwrites everything, the PIN above all.
 */
void mtc_key_uri_wipe(struct mtc_key_uri *uri);

#endif
