/* A key on a token as its owner sees it: private key, public key and certificate of one id. */
#ifndef MTC_APP_MTC_KEY_OBJECT_H
#define MTC_APP_MTC_KEY_OBJECT_H

#include <getopt.h>

#include "app/mtc/hsm.h"

/* What names token and key on the command line; the commands add their own behind these. */
#define KEY_LONG_OPTIONS                                                                           \
  {"uri", required_argument, NULL, 'u'}, {"module", required_argument, NULL, 'm'},                 \
      {"module-args", required_argument, NULL, 'a'}, {"pin-source", required_argument, NULL, 'p'}, \
      {"help", no_argument, NULL, 'h'}
#define KEY_USAGE "--uri PKCS11-URI [--module PATH] [--module-args TEXT] [--pin-source file:PATH]"
#define KEY_HELP                                                                                   \
  "  --uri         the token, as pkcs11:token=ca, and where one key is meant its object= or id=\n" \
  "  --module      the PKCS#11 module, unless the URI has ?module-path=/PATH; --module-args: "     \
  "its\n"                                                                                          \
  "                initialisation string\n"                                                        \
  "  --pin-source  file:PATH of a file that holds the PIN; else the token's keypad, the "          \
  "credential\n"                                                                                   \
  "                mtc-pin in $CREDENTIALS_DIRECTORY, or the terminal\n"

/* Zeroed is none; free with key_object_free. */
struct key_object {
  unsigned long private_key, public_key, certificate; /* handles; 0: none */
  size_t num_certificates;
  struct mtc_template attributes;        /* of the private key, else of the public one */
  const struct mtc_mechanism *mechanism; /* NULL: no key that a CA of this kind can have */
  struct mtc_bytes spki;                 /* DER; empty: not known */
};

/*
 * key_option takes one of KEY_LONG_OPTIONS.
 *
 * Errors:   false when it is another.
 */
bool key_option(int option, const char *value, struct hsm_options *out);

/*
 * key_object_load reads what belongs to a private key, or to a public key that stands alone.
 *
 * Errors:   TOKEN; NOMEM. A key of another kind is no error.
 */
mtc_status key_object_load(struct hsm *hsm, unsigned long handle, bool is_private,
                           struct key_object *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * key_object_find loads the one private key that the URI names.
 *
 * Errors:   INPUT: the URI names no object; TOKEN: none, or several; NOMEM.
 */
mtc_status key_object_find(struct hsm *hsm, struct key_object *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * key_object_json describes a key: label, id, type, algorithm, public_key_sha256, certificate.
 *
 * Errors:   NULL when out of memory.
 */
json_t *key_object_json(const struct key_object *key);

/*
 * key_object_free releases a key.
 */
void key_object_free(struct key_object *key);

#endif
