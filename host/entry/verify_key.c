#include "entry/verify_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#define POINT_LEN(coordinate_len) (1u + 2u * (coordinate_len)) /* uncompressed */

EVP_PKEY *mtc_verify_key_from_params(const char *type, OSSL_PARAM *params) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  EVP_PKEY_CTX_free(context);
  return key;
}

/* The point is the end of the key's DER. libcrypto's decoders take twice as long to find that. */
static EVP_PKEY *make_ec(const char *group, struct mtc_span public_key, size_t point_len) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
      OSSL_PARAM_construct_octet_string(
          OSSL_PKEY_PARAM_PUB_KEY,
          (uint8_t *)(uintptr_t)public_key.data + public_key.len - point_len, point_len),
      OSSL_PARAM_construct_end(),
  };
  return mtc_verify_key_from_params("EC", params);
}

EVP_PKEY *mtc_verify_key_make(enum mtc_algorithm algorithm, struct mtc_span public_key) {
  const uint8_t *at = public_key.data;
  EVP_PKEY *key;
  switch (algorithm) {
    case MTC_ALGORITHM_ECDSA_P256_SHA256:
      key = make_ec("P-256", public_key, POINT_LEN(32));
      break;
    case MTC_ALGORITHM_ECDSA_P384_SHA384:
      key = make_ec("P-384", public_key, POINT_LEN(48));
      break;
    default:
      key = d2i_PUBKEY(NULL, &at, (long)public_key.len);
      break;
  }
  ERR_clear_error();
  return key;
}

mtc_status mtc_verify_key_check(EVP_PKEY *key, enum mtc_algorithm algorithm,
                                struct mtc_span message, struct mtc_span signature) {
  const char *digest = algorithm == MTC_ALGORITHM_ECDSA_P256_SHA256   ? "SHA2-256"
                       : algorithm == MTC_ALGORITHM_ECDSA_P384_SHA384 ? "SHA2-384"
                                                                      : NULL;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (!context) return MTC_NOMEM;
  bool is_good =
      EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
      EVP_DigestVerify(context, signature.data, signature.len, message.data, message.len) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return is_good ? MTC_OK : MTC_INPUT;
}
