/* The attributes of PKCS#11 objects by name: templates, a vendor's overrides, what a token says. */
#ifndef MTC_SIGN_ATTRIBUTE_H
#define MTC_SIGN_ATTRIBUTE_H

#include <jansson.h>

#include "sign/raw_token.h"

enum mtc_attribute_kind {
  MTC_ATTRIBUTE_FLAG,
  MTC_ATTRIBUTE_NUMBER,
  MTC_ATTRIBUTE_BYTES,
  MTC_ATTRIBUTE_TEXT,
};

#define MTC_MAX_ATTRIBUTE_LEN 256

struct mtc_attribute {
  unsigned long type; /* CKA_* */
  enum mtc_attribute_kind kind;
  size_t len;
  uint8_t value[MTC_MAX_ATTRIBUTE_LEN]; /* as PKCS#11 has it: a CK_BBOOL, a CK_ULONG, or bytes */
};

#define MTC_MAX_ATTRIBUTES 40

/* Attributes in their order, each type once. Zeroed is none. */
struct mtc_template {
  struct mtc_attribute items[MTC_MAX_ATTRIBUTES];
  size_t num;
};

/*
 * mtc_attribute_name gives "CKA_SIGN", or "0x80000001" for what has no name here.
 */
const char *mtc_attribute_name(unsigned long type, char buffer[32]);

/*
 * mtc_template_find gives the attribute of a type.
 *
 * Errors:   NULL when it is not there.
 */
const struct mtc_attribute *mtc_template_find(const struct mtc_template *templ, unsigned long type);

/*
 * mtc_template_flag reads a flag; `missing` is what counts where it is not there.
 */
bool mtc_template_flag(const struct mtc_template *templ, unsigned long type, bool missing);

/*
 * mtc_template_set sets an attribute, in the place of one of that type or at the end.
 *
 * Requires: len <= MTC_MAX_ATTRIBUTE_LEN.
 * Errors:   INPUT when there are too many.
 */
mtc_status mtc_template_set(struct mtc_template *templ, unsigned long type,
                            enum mtc_attribute_kind kind, const void *value, size_t len,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_template_override changes a template as a vendor's module wants it. `name` is CKA_* or a
 * number; `value` is true, false, a number, hex:DIGITS, text:TEXT, or omit.
 *
 * Errors:   INPUT: name or value that is none; and whatever would leave the key less protected: on
 *           a private key CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_PRIVATE, CKA_SIGN are as they are,
 *           and it is never for anything but signing. What names the key or says what it is stays
 *           on either half. NOMEM.
 */
mtc_status mtc_template_override(struct mtc_template *templ, bool is_private, const char *name,
                                 const char *value, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_template_read asks a token for what it says of a key: everything that matters in a key
 * ceremony, each attribute by itself; what the token does not tell is left out.
 *
 * Errors:   TOKEN when it tells nothing at all.
 */
mtc_status mtc_template_read(struct mtc_raw_token *token, unsigned long object,
                             struct mtc_template *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_template_json gives {"CKA_SIGN": true, "CKA_KEY_TYPE": "0x4a", "CKA_ID": "0a0b"...}: numbers
 * and bytes in hexadecimal, labels as text (bytes that are not UTF-8 as %XX).
 *
 * Errors:   NULL when out of memory.
 */
json_t *mtc_template_json(const struct mtc_template *templ);

/*
 * mtc_json_text gives a JSON string of text that may be anything: bytes that are not UTF-8 become
 * %XX.
 *
 * Errors:   NULL when out of memory.
 */
json_t *mtc_json_text(struct mtc_span text);

#endif
