/* A key pair on a token: made after a template, judged by what the token says, destroyed. */
#ifndef MTC_SIGN_KEY_PAIR_H
#define MTC_SIGN_KEY_PAIR_H

#include "sign/attribute.h"

struct mtc_key_templates {
  struct mtc_template public_key;
  struct mtc_template private_key;
};

/* Handles; 0: none. */
struct mtc_key_pair {
  unsigned long public_key;
  unsigned long private_key;
};

/* What a token may report without the key being refused: the operator has said so. */
enum mtc_key_tolerance {
  MTC_TOLERATE_NOT_LOCAL = 1 << 0, /* NSS says so of keys it has made itself */
  MTC_TOLERATE_NOT_ALWAYS_SENSITIVE = 1 << 1,
  MTC_TOLERATE_NOT_NEVER_EXTRACTABLE = 1 << 2,
};

/*
 * mtc_key_templates_fill gives the templates of a signing key that never leaves its token.
 *
 * Requires: label of 1..255 bytes, id of 1..64.
 * Errors:   INPUT.
 */
mtc_status mtc_key_templates_fill(const struct mtc_mechanism *mechanism, const char *label,
                                  struct mtc_span id, struct mtc_key_templates *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_refuse_existing refuses when the token holds any object, of any class, with that label or
 * that id.
 *
 * Errors:   INPUT; TOKEN.
 */
mtc_status mtc_key_refuse_existing(struct mtc_raw_token *token, const char *label,
                                   struct mtc_span id, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_pair_make makes the key pair.
 *
 * Errors:   TOKEN, and `out` is none.
 */
mtc_status mtc_key_pair_make(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                             const struct mtc_key_templates *templates, struct mtc_key_pair *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_judge judges a private key by the attributes that its token reports: what the token
 * promised is not what it did until it says so.
 *
 * Errors:   TOKEN naming the attribute: extractable, not sensitive, not private, no token object,
 *           not for signing or for more than that, another type, label or id than asked for; and
 *           what `tolerance` (mtc_key_tolerance bits) does not let pass.
 */
mtc_status mtc_key_judge(const struct mtc_template *found, const struct mtc_mechanism *mechanism,
                         const char *label, struct mtc_span id, unsigned tolerance,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_key_pair_destroy removes both halves.
 *
 * Errors:   TOKEN naming what is still there.
 */
mtc_status mtc_key_pair_destroy(struct mtc_raw_token *token, const struct mtc_key_pair *pair,
                                struct mtc_error *error) MTC_MUST_CHECK;

#endif
