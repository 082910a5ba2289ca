#include "entry/public_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entry/der.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define MIN_RSA_BITS 2048
#define MAX_RSA_BITS 8192         /* verification time grows with the square */
#define MAX_EXPONENT_BITS 256     /* Baseline Requirements: at most 2^256-1 */
#define SMALL_MODULUS_BITS 3072   /* above it libcrypto verifies with exponents of at most */
#define LARGE_MODULUS_EXP_BITS 64 /* so many bits, for the time it takes */

/* rsaEncryption with NULL parameters (RFC 3279) */
static const struct mtc_span rsa_encryption =
    DER(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00);

static const unsigned key_types[] = {
    [MTC_ALGORITHM_NONE] = 0,
    [MTC_ALGORITHM_MLDSA44] = MTC_KEY_MLDSA44,
    [MTC_ALGORITHM_MLDSA65] = MTC_KEY_MLDSA65,
    [MTC_ALGORITHM_MLDSA87] = MTC_KEY_MLDSA87,
    [MTC_ALGORITHM_ECDSA_P256_SHA256] = MTC_KEY_P256,
    [MTC_ALGORITHM_ECDSA_P384_SHA384] = MTC_KEY_P384,
    [MTC_ALGORITHM_ED25519] = MTC_KEY_ED25519,
};

/* Bits of a positive INTEGER in DER. */
static size_t num_bits(struct mtc_span integer) {
  size_t has_zero = integer.data[0] == 0;
  size_t bits = 8 * (integer.len - has_zero - 1);
  for (unsigned top = integer.data[has_zero]; top; top >>= 1)
    bits++;
  return bits;
}

static bool is_positive(struct mtc_span integer) {
  return integer.data[0] < 0x80 && (integer.len > 1 || integer.data[0] != 0);
}

static bool is_odd(struct mtc_span integer) {
  return integer.data[integer.len - 1] & 1;
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static mtc_status check_rsa(struct mtc_span key, unsigned *out_bits, struct mtc_error *error) {
  struct mtc_der sequence, modulus, exponent;
  if (!mtc_der_whole(key, MTC_DER_SEQUENCE, &sequence) || !mtc_der_check(sequence.contents))
    return mtc_fail(error, MTC_INPUT, "the RSA key is not a SEQUENCE in DER, or bytes follow it");
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (!mtc_der_read(&reader, MTC_DER_INTEGER, &modulus) ||
      !mtc_der_read(&reader, MTC_DER_INTEGER, &exponent) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the RSA key is not a modulus and a public exponent alone");
  if (!is_positive(modulus.contents))
    return mtc_fail(error, MTC_INPUT, "the RSA modulus is not positive");
  if (!is_positive(exponent.contents))
    return mtc_fail(error, MTC_INPUT, "the RSA public exponent is not positive");
  size_t bits = num_bits(modulus.contents), exponent_bits = num_bits(exponent.contents);
  if (bits < MIN_RSA_BITS)
    return mtc_fail(error, MTC_INPUT, "an RSA key of %zu bits; at least %d are needed", bits,
                    MIN_RSA_BITS);
  if (bits > MAX_RSA_BITS)
    return mtc_fail(error, MTC_INPUT, "an RSA key of %zu bits; at most %d are allowed", bits,
                    MAX_RSA_BITS);
  if (!is_odd(modulus.contents)) return mtc_fail(error, MTC_INPUT, "the RSA modulus is even");
  if (!is_odd(exponent.contents))
    return mtc_fail(error, MTC_INPUT, "the RSA public exponent is even");
  if (exponent_bits <= 16)
    return mtc_fail(error, MTC_INPUT, "the RSA public exponent is below 65537");
  if (exponent_bits > MAX_EXPONENT_BITS)
    return mtc_fail(error, MTC_INPUT, "the RSA public exponent is above 2^%d-1", MAX_EXPONENT_BITS);
  if (bits > SMALL_MODULUS_BITS && exponent_bits > LARGE_MODULUS_EXP_BITS)
    return mtc_fail(error, MTC_INPUT,
                    "the RSA public exponent is above 2^%d-1 beside a modulus of more than %d bits",
                    LARGE_MODULUS_EXP_BITS, SMALL_MODULUS_BITS);
  *out_bits = (unsigned)bits;
  return MTC_OK;
}

/*
 * Under a key of small order a signature is valid that anybody can make. The eight points have five
 * y coordinates; the sign bit of x is left out of the comparison.
 */
static mtc_status check_ed25519(struct mtc_span key, struct mtc_error *error) {
  static const uint8_t small_order[][32] = {
      {0}, /* order 4 */
      {1}, /* order 1 */
      {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* order 2 */
      {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
       0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
       0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* order 8 */
      {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
       0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
       0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* order 8 */
  };
  uint8_t y[32];
  bool is_canonical = key.data[0] < 0xed || (key.data[31] & 0x7f) != 0x7f;
  memcpy(y, key.data, sizeof y);
  y[31] &= 0x7f;
  for (size_t i = 1; i < 31; i++)
    is_canonical = is_canonical || y[i] != 0xff;
  if (!is_canonical)
    return mtc_fail(error, MTC_INPUT, "the Ed25519 key is not reduced: its y is 2^255-19 or more");
  for (size_t i = 0; i < sizeof small_order / sizeof *small_order; i++) {
    if (memcmp(y, small_order[i], sizeof y) == 0)
      return mtc_fail(error, MTC_INPUT,
                      "the Ed25519 key is a point of small order: anybody can sign for it");
  }
  return MTC_OK;
}

mtc_status mtc_public_key_check(struct mtc_span public_key, unsigned *out_type, unsigned *out_bits,
                                struct mtc_error *error) {
  struct mtc_der sequence, algorithm, bits;
  if (!mtc_der_whole(public_key, MTC_DER_SEQUENCE, &sequence))
    return mtc_fail(error, MTC_INPUT, "subjectPublicKeyInfo is not one in DER");
  struct mtc_reader reader = mtc_der_enter(&sequence);
  if (!mtc_der_read(&reader, MTC_DER_SEQUENCE, &algorithm) ||
      !mtc_der_read(&reader, MTC_DER_BIT_STRING, &bits) || reader.len)
    return mtc_fail(error, MTC_INPUT, "subjectPublicKeyInfo is not one in DER");
  if (bits.contents.len < 2 || bits.contents.data[0] != 0)
    return mtc_fail(error, MTC_INPUT, "the public key is empty or not whole octets");
  struct mtc_span key = mtc_span_of(bits.contents.data + 1, bits.contents.len - 1);
  *out_bits = 0;
  if (mtc_span_equal(algorithm.tlv, rsa_encryption)) {
    *out_type = MTC_KEY_RSA;
    return check_rsa(key, out_bits, error);
  }
  *out_type = key_types[mtc_algorithm_of_public_key(public_key)];
  if (!*out_type)
    return mtc_fail(error, MTC_INPUT,
                    "the key is none of P-256, P-384, RSA, Ed25519, ML-DSA-44, -65, -87");
  return *out_type == MTC_KEY_ED25519 ? check_ed25519(key, error) : MTC_OK;
}

/* Is x^2 = (y^2 - 1) / (d y^2 + 1) a square modulo 2^255 - 19? libcrypto decodes the point only to
 * verify with it. Source: RFC 8032, "Decoding" */
static bool ed25519_is_on_curve(struct mtc_span key) {
  uint8_t octets[32];
  bool is_on_curve = false;
  BIGNUM *p = NULL, *d = NULL;
  BN_CTX *context = BN_CTX_new();
  if (!context) return false;
  BN_CTX_start(context);
  BIGNUM *y = BN_CTX_get(context), *u = BN_CTX_get(context), *v = BN_CTX_get(context);
  memcpy(octets, key.data, sizeof octets);
  octets[31] &= 0x7f;
  if (v && BN_lebin2bn(octets, sizeof octets, y) &&
      BN_hex2bn(&p, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") &&
      BN_hex2bn(&d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3") &&
      BN_mod_sqr(u, y, p, context) && BN_mod_mul(v, d, u, p, context) && BN_sub_word(u, 1) &&
      BN_add_word(v, 1) && BN_mod_mul(v, u, v, p, context)) {
    int symbol = BN_kronecker(v, p, context); /* of u / v, as v^2 is a square */
    is_on_curve = symbol == 0 || symbol == 1;
  }
  BN_CTX_end(context);
  BN_CTX_free(context);
  BN_free(p);
  BN_free(d);
  return is_on_curve;
}

static bool ec_is_on_curve(struct mtc_span public_key) {
  const uint8_t *at = public_key.data;
  EVP_PKEY_CTX *context = NULL;
  EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key.len);
  if (key) context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  bool is_on_curve = context && EVP_PKEY_public_check_quick(context) == 1;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return is_on_curve;
}

mtc_status mtc_public_key_check_point(struct mtc_span public_key, struct mtc_error *error) {
  bool is_on_curve = true;
  switch (mtc_algorithm_of_public_key(public_key)) {
    case MTC_ALGORITHM_ECDSA_P256_SHA256:
    case MTC_ALGORITHM_ECDSA_P384_SHA384:
      is_on_curve = ec_is_on_curve(public_key);
      break;
    case MTC_ALGORITHM_ED25519: /* the point is the last 32 octets */
      is_on_curve = ed25519_is_on_curve(mtc_span_of(public_key.data + public_key.len - 32, 32));
      break;
    default:
      break;
  }
  ERR_clear_error();
  if (is_on_curve) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "the public key is not a point of its curve");
}
