/* A key of the CA keys' algorithm: anybody's, or one that issues. */
#ifndef MTC_PROVIDER_KEY_H
#define MTC_PROVIDER_KEY_H

#include "provider/config.h"

struct issuer;

/*
 * The parameter of an issuing key that reserves a serial number (an unsigned 64-bit integer), and
 * two that the caller sets beside it: for which subject (a Name in DER, octet string), and how many
 * in a row (unsigned 64-bit); mtc-serial is the first of them. All in one call, so that threads can
 * share the key.
 */
#define KEY_PARAM_SERIAL "mtc-serial"
#define KEY_PARAM_SUBJECT "mtc-subject"
#define KEY_PARAM_COUNT "mtc-count"

struct key {
  struct provider *provider;
  const struct inner_algorithm *inner;
  void *data;            /* the default provider's key data: all there is of an ordinary key */
  struct issuer *issuer; /* set: `data` is the CA's public key, and signing is issuing */
};

/*
 * key_new makes a key around `data`, and takes over both arguments, also when it fails.
 *
 * Errors:   NULL when out of memory or without data.
 */
struct key *key_new(struct provider *provider, void *data, struct issuer *issuer);

/*
 * key_free releases it; NULL is ignored.
 */
void key_free(struct key *key);

/*
 * key_give hands a key that was just made to libcrypto: as an object of a store or of a decoder.
 *
 * Output:   what the callback returned. The key belongs to whoever loaded it, or is freed.
 */
int key_give(struct key *key, OSSL_CALLBACK *callback, void *argument);

/*
 * key_export_reference exports the public part of a key that a store or a decoder refers to.
 */
int key_export_reference(void *context, const void *reference, size_t len, OSSL_CALLBACK *callback,
                         void *argument);

#endif
