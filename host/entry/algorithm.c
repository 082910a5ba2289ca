/* Cosigner algorithms: names, identifiers, keys, verification. */
#include <string.h>

#include "entry/der.h"
#include "entry/verify_key.h"
#include "mtc/wire.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
/* id-ml-dsa-44, -65, -87: 2.16.840.1.101.3.4.3.17 to .19 (RFC 9881) */
#define ML_DSA(n) DER(0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, n)
#define ED25519 DER(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70)

static const struct row {
  const char *name;           /* in policy files */
  const char *command_name;   /* on the command line */
  struct mtc_span identifier; /* of the signature, DER AlgorithmIdentifier */
  struct mtc_span key;        /* of the key, DER AlgorithmIdentifier */
  size_t key_len;             /* octets of the key in the BIT STRING */
  bool is_point;              /* the key is a point of an elliptic curve, uncompressed */
} table[] = {
    [MTC_ALGORITHM_MLDSA44] = {"mldsa44", "ml-dsa-44", ML_DSA(0x11), ML_DSA(0x11), 1312, false},
    [MTC_ALGORITHM_MLDSA65] = {"mldsa65", "ml-dsa-65", ML_DSA(0x12), ML_DSA(0x12), 1952, false},
    [MTC_ALGORITHM_MLDSA87] = {"mldsa87", "ml-dsa-87", ML_DSA(0x13), ML_DSA(0x13), 2592, false},
    [MTC_ALGORITHM_ECDSA_P256_SHA256] = {"ecdsa_p256_sha256", "ecdsa-p256",
                                         DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                             0x04, 0x03, 0x02),
                                         DER(0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                             0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                             0x03, 0x01, 0x07),
                                         65, true},
    [MTC_ALGORITHM_ECDSA_P384_SHA384] = {"ecdsa_p384_sha384", "ecdsa-p384",
                                         DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                             0x04, 0x03, 0x03),
                                         DER(0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                             0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22),
                                         97, true},
    [MTC_ALGORITHM_ED25519] = {"ed25519", "ed25519", ED25519, ED25519, 32, false},
};
#define NUM_ALGORITHMS (sizeof table / sizeof *table)

enum mtc_algorithm mtc_algorithm_find(const char *name) {
  for (size_t i = 1; i < NUM_ALGORITHMS; i++) {
    if (strcmp(table[i].name, name) == 0 || strcmp(table[i].command_name, name) == 0)
      return (enum mtc_algorithm)i;
  }
  return MTC_ALGORITHM_NONE;
}

const char *mtc_algorithm_name(enum mtc_algorithm algorithm) {
  return algorithm > MTC_ALGORITHM_NONE && algorithm < NUM_ALGORITHMS ? table[algorithm].name
                                                                      : "none";
}

struct mtc_span mtc_algorithm_identifier(enum mtc_algorithm algorithm) {
  return algorithm < NUM_ALGORITHMS ? table[algorithm].identifier : mtc_span_of(NULL, 0);
}

enum mtc_algorithm mtc_algorithm_of_public_key(struct mtc_span public_key) {
  struct mtc_der sequence, identifier, key;
  if (!mtc_der_whole(public_key, MTC_DER_SEQUENCE, &sequence)) return MTC_ALGORITHM_NONE;
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &identifier) ||
      !mtc_der_read(&reader, MTC_DER_BIT_STRING, &key) || reader.len || key.contents.len == 0 ||
      key.contents.data[0] != 0)
    return MTC_ALGORITHM_NONE;
  for (size_t i = 1; i < NUM_ALGORITHMS; i++) {
    if (!mtc_span_equal(identifier.tlv, table[i].key)) continue;
    if (key.contents.len - 1 != table[i].key_len) return MTC_ALGORITHM_NONE;
    /* Elliptic curve points are uncompressed (RFC 5480 makes that the mandatory form). */
    if (table[i].is_point && key.contents.data[1] != 0x04) return MTC_ALGORITHM_NONE;
    return (enum mtc_algorithm)i;
  }
  return MTC_ALGORITHM_NONE;
}

mtc_status mtc_signature_verify(enum mtc_algorithm algorithm, struct mtc_span public_key,
                                struct mtc_span message, struct mtc_span signature) {
  if (algorithm == MTC_ALGORITHM_NONE || mtc_algorithm_of_public_key(public_key) != algorithm)
    return MTC_INPUT;
  EVP_PKEY *key = mtc_verify_key_make(algorithm, public_key);
  mtc_status status = key ? mtc_verify_key_check(key, algorithm, message, signature) : MTC_INPUT;
  EVP_PKEY_free(key);
  return status;
}
