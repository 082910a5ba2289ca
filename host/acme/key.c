/* JSON Web Keys: read, checked, their canonical text and thumbprint (RFC 7517, 7518, 7638, 8037).
 * libcrypto makes the keys itself: libjose's are of OpenSSL's old kind, slower to verify with. */
#include "acme/key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "acme/jws.h"
#include "entry/verify_key.h"
#include "mtc/runtime.h"
#include "mtc/tree.h"

#define MIN_RSA_BITS 2048u
#define MAX_RSA_BITS 4096u
#define MAX_JWK_TEXT 1024u /* of one member; an RSA modulus of 4096 bits has 683 characters */

static const char *const names[ACME_NUM_ALGORITHMS] = {
    [ACME_ES256] = "ES256",
    [ACME_ES384] = "ES384",
    [ACME_RS256] = "RS256",
    [ACME_EDDSA] = "EdDSA",
};

const char *acme_algorithm_name(enum acme_algorithm algorithm) {
  return (unsigned)algorithm < ACME_NUM_ALGORITHMS ? names[algorithm] : "none";
}

bool acme_algorithm_find(const char *name, enum acme_algorithm *out) {
  for (unsigned i = 0; i < ACME_NUM_ALGORITHMS; i++) {
    if (strcmp(names[i], name) != 0) continue;
    *out = (enum acme_algorithm)i;
    return true;
  }
  return false;
}

/* A member that is text. */
static enum acme_problem_type read_text(const json_t *jwk, const char *name, const char **out,
                                        struct acme_problem *problem) {
  const json_t *member = json_object_get(jwk, name);
  *out = json_string_value(member);
  if (!*out)
    return acme_fail(problem, ACME_MALFORMED, "jwk: \"%s\" is %s", name,
                     member ? "not a string" : "missing");
  if (json_string_length(member) > MAX_JWK_TEXT || strlen(*out) != json_string_length(member))
    return acme_fail(problem, ACME_MALFORMED, "jwk: \"%s\" is over %u characters or holds a NUL",
                     name, MAX_JWK_TEXT);
  return ACME_NONE;
}

/* A member that is bytes; `len` of them, or any number but none where it is 0. */
static enum acme_problem_type read_bytes(const json_t *jwk, const char *name, size_t len,
                                         const char **out_text, struct mtc_bytes *out,
                                         struct acme_problem *problem) {
  size_t start = out->len;
  enum acme_problem_type type = read_text(jwk, name, out_text, problem);
  if (type) return type;
  if (!acme_append_decoded_base64url(out, mtc_span_of_text(*out_text)))
    return acme_fail(problem, ACME_MALFORMED, "jwk: \"%s\" is not base64url without padding", name);
  if (mtc_bytes_status(out)) return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
  size_t got = out->len - start;
  if (got == 0 || (len && got != len))
    return acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: \"%s\" has %zu bytes; %zu are wanted",
                     name, got, len ? len : 1);
  return ACME_NONE;
}

static enum acme_problem_type read_ec(const json_t *jwk, struct acme_key *key,
                                      struct mtc_bytes *canonical, struct acme_problem *problem) {
  const char *curve, *x, *y;
  if (read_text(jwk, "crv", &curve, problem)) return problem->type;
  bool is_p256 = strcmp(curve, "P-256") == 0;
  if (!is_p256 && strcmp(curve, "P-384") != 0)
    return acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: the curve is neither P-256 nor P-384");
  size_t len = is_p256 ? 32 : 48;
  struct mtc_bytes point = {0};
  mtc_bytes_append_uint(&point, 4, 1); /* uncompressed */
  enum acme_problem_type type = read_bytes(jwk, "x", len, &x, &point, problem);
  if (!type) type = read_bytes(jwk, "y", len, &y, &point, problem);
  if (!type) {
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         is_p256 ? (char[]){"P-256"} : (char[]){"P-384"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len),
        OSSL_PARAM_construct_end(),
    };
    key->pkey = mtc_verify_key_from_params("EC", params);
    key->algorithm = is_p256 ? ACME_ES256 : ACME_ES384;
    if (!key->pkey)
      type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: the point is not on curve %s",
                       is_p256 ? "P-256" : "P-384");
    else
      mtc_bytes_append_format(
          canonical, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", curve, x, y);
  }
  mtc_bytes_free(&point);
  return type;
}

/* RFC 7518, "Parameters for RSA Keys": the least number of octets, or one key had two thumbprints.
 */
static const char *rsa_problem(const struct mtc_bytes *modulus, const struct mtc_bytes *exponent) {
  if (!modulus->len || !exponent->len) return "a number has no byte";
  if (modulus->data[0] == 0 || exponent->data[0] == 0) return "a number begins with a zero byte";
  size_t bits = modulus->len * 8;
  for (uint8_t top = modulus->data[0]; !(top & 0x80); top = (uint8_t)(top << 1))
    bits--;
  if (bits < MIN_RSA_BITS) return "the RSA modulus has fewer than 2048 bits";
  if (bits > MAX_RSA_BITS) return "the RSA modulus has more than 4096 bits";
  if (!(modulus->data[modulus->len - 1] & 1)) return "the RSA modulus is even";
  if (!(exponent->data[exponent->len - 1] & 1)) return "the RSA exponent is even";
  if (exponent->len < 3 || (exponent->len == 3 && exponent->data[0] == 0))
    return "the RSA exponent is below 65537";
  /* Verification costs as many steps as the exponent has bits. */
  if (exponent->len > 4) return "the RSA exponent has more than 32 bits";
  return NULL;
}

static EVP_PKEY *make_rsa(const struct mtc_bytes *modulus, const struct mtc_bytes *exponent) {
  EVP_PKEY *pkey = NULL;
  OSSL_PARAM *params = NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->len, NULL);
  BIGNUM *e = BN_bin2bn(exponent->data, (int)exponent->len, NULL);
  if (builder && n && e && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    params = OSSL_PARAM_BLD_to_param(builder);
  if (params) pkey = mtc_verify_key_from_params("RSA", params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  BN_free(e);
  return pkey;
}

static enum acme_problem_type read_rsa(const json_t *jwk, struct acme_key *key,
                                       struct mtc_bytes *canonical, struct acme_problem *problem) {
  const char *n, *e;
  struct mtc_bytes modulus = {0}, exponent = {0};
  enum acme_problem_type type = read_bytes(jwk, "n", 0, &n, &modulus, problem);
  if (!type) type = read_bytes(jwk, "e", 0, &e, &exponent, problem);
  if (!type) {
    const char *wrong = rsa_problem(&modulus, &exponent);
    key->algorithm = ACME_RS256;
    if (wrong)
      type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: %s", wrong);
    else if (!(key->pkey = make_rsa(&modulus, &exponent)))
      type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: libcrypto refuses the RSA key");
    else
      mtc_bytes_append_format(canonical, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", e, n);
  }
  mtc_bytes_free(&modulus);
  mtc_bytes_free(&exponent);
  return type;
}

/* y of the points whose order is 1, 2, 4 or 8, also where it is not reduced: under such a key
 * signatures can be made that hold for every message. */
static bool has_small_order(const uint8_t point[32]) {
  static const uint8_t low[][32] = {
      {0},
      {1},
      {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
       0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
       0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
      {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
       0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
       0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
  };
  uint8_t y[32];
  if (!point) return true;
  memcpy(y, point, sizeof y);
  y[31] &= 0x7f; /* the sign of x */
  for (size_t i = 0; i < sizeof low / sizeof low[0]; i++)
    if (memcmp(y, low[i], sizeof y) == 0) return true;
  /* p - 1, p and p + 1 where p = 2^255 - 19 */
  if (y[0] < 0xec || y[0] > 0xee || y[31] != 0x7f) return false;
  for (size_t i = 1; i < 31; i++)
    if (y[i] != 0xff) return false;
  return true;
}

static enum acme_problem_type read_okp(const json_t *jwk, struct acme_key *key,
                                       struct mtc_bytes *canonical, struct acme_problem *problem) {
  const char *curve, *x;
  struct mtc_bytes point = {0};
  if (read_text(jwk, "crv", &curve, problem)) return problem->type;
  if (strcmp(curve, "Ed25519") != 0)
    return acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: the curve of kty OKP is not Ed25519");
  enum acme_problem_type type = read_bytes(jwk, "x", 32, &x, &point, problem);
  if (!type && has_small_order(point.data))
    type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: the point's order is small");
  if (!type) {
    key->algorithm = ACME_EDDSA;
    key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.len);
    if (!key->pkey)
      type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: libcrypto refuses the Ed25519 key");
    mtc_bytes_append_format(canonical, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
  }
  mtc_bytes_free(&point);
  return type;
}

/* Members that say what the key is not for, or that should never have been sent. */
static enum acme_problem_type check_members(const json_t *jwk, const struct acme_key *key,
                                            struct acme_problem *problem) {
  const json_t *use = json_object_get(jwk, "use"), *algorithm = json_object_get(jwk, "alg");
  if (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
    return acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: \"use\" is not \"sig\"");
  if (algorithm && (!json_is_string(algorithm) ||
                    strcmp(json_string_value(algorithm), names[key->algorithm]) != 0))
    return acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: \"alg\" is not %s, which is the key's",
                     names[key->algorithm]);
  return ACME_NONE;
}

void acme_sha256_hex(struct mtc_span message, char out[ACME_SHA256_HEX_LEN + 1]) {
  static const char hex[] = "0123456789abcdef";
  struct mtc_hash hash;
  mtc_hash_message(message, &hash);
  for (size_t i = 0; i < sizeof hash.bytes; i++) {
    out[2 * i] = hex[hash.bytes[i] >> 4];
    out[2 * i + 1] = hex[hash.bytes[i] & 0xf];
  }
  out[ACME_SHA256_HEX_LEN] = 0;
}

static enum acme_problem_type finish(struct acme_key *key, struct mtc_bytes *canonical,
                                     struct acme_problem *problem) {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  struct mtc_bytes thumbprint = {0};
  mtc_bytes_append_uint(canonical, 0, 1);
  if (mtc_bytes_status(canonical)) return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
  uint8_t *der = NULL;
  int der_len = i2d_PUBKEY(key->pkey, &der);
  if (der_len <= 0) return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
  acme_sha256_hex(mtc_span_of(der, (size_t)der_len), key->spki_sha256);
  OPENSSL_free(der);
  SHA256(canonical->data, canonical->len - 1, hash);
  acme_append_base64url(&thumbprint, mtc_span_of(hash, sizeof hash));
  key->jwk = mtc_strdup((const char *)canonical->data);
  if (!key->jwk || mtc_bytes_status(&thumbprint)) {
    mtc_bytes_free(&thumbprint);
    return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
  }
  memcpy(key->thumbprint, thumbprint.data, ACME_THUMBPRINT_LEN);
  mtc_bytes_free(&thumbprint);
  return ACME_NONE;
}

enum acme_problem_type acme_key_from_jwk(const json_t *jwk, struct acme_key *out,
                                         struct acme_problem *problem) {
  static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
  struct acme_key key = {0};
  struct mtc_bytes canonical = {0};
  const char *kind;
  *out = key;
  if (!json_is_object(jwk)) return acme_fail(problem, ACME_MALFORMED, "jwk: not a JSON object");
  for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
    if (json_object_get(jwk, secret[i]))
      return acme_fail(problem, ACME_BAD_PUBLIC_KEY,
                       "jwk: \"%s\" is a secret part of a key: send the public key only, and "
                       "replace this one",
                       secret[i]);
  enum acme_problem_type type = read_text(jwk, "kty", &kind, problem);
  if (type) return type;
  if (strcmp(kind, "EC") == 0)
    type = read_ec(jwk, &key, &canonical, problem);
  else if (strcmp(kind, "RSA") == 0)
    type = read_rsa(jwk, &key, &canonical, problem);
  else if (strcmp(kind, "OKP") == 0)
    type = read_okp(jwk, &key, &canonical, problem);
  else
    type = acme_fail(problem, ACME_BAD_PUBLIC_KEY, "jwk: \"kty\" is none of EC, RSA, OKP");
  if (!type) type = check_members(jwk, &key, problem);
  if (!type) type = finish(&key, &canonical, problem);
  mtc_bytes_free(&canonical);
  ERR_clear_error();
  if (type)
    acme_key_free(&key);
  else
    *out = key;
  return type;
}

enum acme_problem_type acme_key_from_text(const char *jwk, struct acme_key *out,
                                          struct acme_problem *problem) {
  *out = (struct acme_key){0};
  json_t *json = json_loads(jwk, JSON_REJECT_DUPLICATES, NULL);
  enum acme_problem_type type =
      json ? acme_key_from_jwk(json, out, problem)
           : acme_fail(problem, ACME_MALFORMED, "jwk: not a JSON object, or a member twice");
  json_decref(json);
  return type;
}

void acme_key_authorization(const struct acme_key *key, const char *token, struct mtc_bytes *out) {
  mtc_bytes_append_format(out, "%s.%s", token, key->thumbprint);
}

void acme_key_free(struct acme_key *key) {
  EVP_PKEY_free(key->pkey);
  mtc_free(key->jwk);
  *key = (struct acme_key){0};
}
