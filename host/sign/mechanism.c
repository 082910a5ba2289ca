#include "sign/mechanism.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "entry/der.h"
#include "sign/pkcs11_constants.h"

static const uint8_t p256_oid[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t p384_oid[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
static const uint8_t ed25519_oid[] = {0x06, 0x03, 0x2B, 0x65, 0x70};

static const struct mtc_mechanism mechanisms[] = {
    {
        .algorithm = MTC_ALGORITHM_MLDSA44,
        .key_name = "ML-DSA-44",
        .key_type = CKK_ML_DSA,
        .generate = CKM_ML_DSA_KEY_PAIR_GEN,
        .sign = CKM_ML_DSA,
        .parameter_set = CKP_ML_DSA_44,
        .signature_len = 2420,
    },
    {
        .algorithm = MTC_ALGORITHM_MLDSA65,
        .key_name = "ML-DSA-65",
        .key_type = CKK_ML_DSA,
        .generate = CKM_ML_DSA_KEY_PAIR_GEN,
        .sign = CKM_ML_DSA,
        .parameter_set = CKP_ML_DSA_65,
        .signature_len = 3309,
    },
    {
        .algorithm = MTC_ALGORITHM_MLDSA87,
        .key_name = "ML-DSA-87",
        .key_type = CKK_ML_DSA,
        .generate = CKM_ML_DSA_KEY_PAIR_GEN,
        .sign = CKM_ML_DSA,
        .parameter_set = CKP_ML_DSA_87,
        .signature_len = MTC_MAX_SIGNATURE_LEN,
    },
    {
        .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256,
        .key_name = "P-256",
        .digest = "SHA256",
        .key_type = CKK_EC,
        .generate = CKM_EC_KEY_PAIR_GEN,
        .sign = CKM_ECDSA,
        .ec_params = {p256_oid, sizeof p256_oid},
        .signature_len = 64,
        .is_ecdsa = true,
    },
    {
        .algorithm = MTC_ALGORITHM_ECDSA_P384_SHA384,
        .key_name = "P-384",
        .digest = "SHA384",
        .key_type = CKK_EC,
        .generate = CKM_EC_KEY_PAIR_GEN,
        .sign = CKM_ECDSA,
        .ec_params = {p384_oid, sizeof p384_oid},
        .signature_len = 96,
        .is_ecdsa = true,
    },
    {
        .algorithm = MTC_ALGORITHM_ED25519,
        .key_name = "ED25519",
        .key_type = CKK_EC_EDWARDS,
        .generate = CKM_EC_EDWARDS_KEY_PAIR_GEN,
        .sign = CKM_EDDSA,
        .ec_params = {ed25519_oid, sizeof ed25519_oid},
        .signature_len = 64,
    },
};

const struct mtc_mechanism *mtc_mechanism_get(enum mtc_algorithm algorithm) {
  for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
    if (mechanisms[i].algorithm == algorithm) return &mechanisms[i];
  }
  return NULL;
}

struct mtc_mechanism mtc_mechanism_override(const struct mtc_mechanism *standard,
                                            const struct mtc_mechanism_numbers *numbers) {
  struct mtc_mechanism adjusted = *standard;
  if (numbers->generate) adjusted.generate = numbers->generate;
  if (numbers->sign) adjusted.sign = numbers->sign;
  if (numbers->key_type) adjusted.key_type = numbers->key_type;
  return adjusted;
}

bool mtc_mechanism_parse_number(const char *text, unsigned long *out) {
  uint8_t bytes[8] = {0};
  struct mtc_bytes decoded = {0};
  uint64_t value = 0;
  size_t len = strlen(text);
  bool ok = false;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && len > 2 && len <= 18) {
    /* An odd number of digits is padded with a zero in front. */
    char digits[18] = "0";
    memcpy(digits + len % 2, text + 2, len - 2);
    ok = !mtc_bytes_append_decoded_hex(&decoded, mtc_span_of(digits, len - 2 + len % 2));
    if (ok) memcpy(bytes + 8 - decoded.len, decoded.data, decoded.len);
    for (size_t i = 0; i < 8; i++)
      value = value << 8 | bytes[i];
    mtc_bytes_free(&decoded);
  } else {
    ok = mtc_parse_decimal(mtc_span_of(text, len), CK_UNAVAILABLE_INFORMATION, &value);
  }
  *out = (unsigned long)value;
  return ok && *out != CK_UNAVAILABLE_INFORMATION;
}

mtc_status mtc_mechanism_input(const struct mtc_mechanism *mechanism, struct mtc_span message,
                               uint8_t digest[64], struct mtc_span *out) {
  if (!mechanism->digest) {
    *out = message;
    return MTC_OK;
  }
  size_t len = 0;
  if (!EVP_Q_digest(NULL, mechanism->digest, NULL, message.data, message.len, digest, &len)) {
    return MTC_NOMEM;
  }
  *out = mtc_span_of(digest, len);
  return MTC_OK;
}

/* r || s, both as long as the curve's order, becomes SEQUENCE { INTEGER r, INTEGER s }. */
static mtc_status append_ecdsa(struct mtc_span raw, struct mtc_bytes *out) {
  mtc_status status = MTC_NOMEM;
  size_t half = raw.len / 2;
  uint8_t der[128], *cursor = der;
  ECDSA_SIG *signature = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(raw.data, (int)half, NULL);
  BIGNUM *s = BN_bin2bn(raw.data + half, (int)half, NULL);
  if (!signature || !r || !s || !ECDSA_SIG_set0(signature, r, s)) goto out;
  r = s = NULL; /* the signature owns them now */
  int len = i2d_ECDSA_SIG(signature, NULL);
  if (len <= 0 || (size_t)len > sizeof der || i2d_ECDSA_SIG(signature, &cursor) != len) goto out;
  mtc_bytes_append(out, der, (size_t)len);
  status = mtc_bytes_status(out);
out:
  BN_free(r);
  BN_free(s);
  ECDSA_SIG_free(signature);
  return status;
}

mtc_status mtc_mechanism_append_signature(const struct mtc_mechanism *mechanism,
                                          struct mtc_span raw, struct mtc_bytes *out,
                                          struct mtc_error *error) {
  if (raw.len != mechanism->signature_len) {
    return mtc_fail(error, MTC_TOKEN, "the token gave a signature of %zu bytes; %s has %zu",
                    raw.len, mtc_algorithm_name(mechanism->algorithm), mechanism->signature_len);
  }
  mtc_status status = MTC_OK;
  if (mechanism->is_ecdsa) {
    status = append_ecdsa(raw, out);
  } else {
    mtc_bytes_append_span(out, raw);
    status = mtc_bytes_status(out);
  }
  return status ? mtc_fail(error, status, "encoding a signature: out of memory") : MTC_OK;
}

static EVP_PKEY *public_key_of(const struct mtc_mechanism *mechanism, struct mtc_span value) {
  if (!mechanism->is_ecdsa) {
    return EVP_PKEY_new_raw_public_key_ex(NULL, mechanism->key_name, NULL, value.data, value.len);
  }
  EVP_PKEY *key = NULL;
  char group[16];
  uint8_t point[256];
  if (value.len > sizeof point) return NULL;
  memcpy(point, value.data, value.len);
  memcpy(group, mechanism->key_name, strlen(mechanism->key_name) + 1);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, value.len),
      OSSL_PARAM_construct_end(),
  };
  if (!context || EVP_PKEY_fromdata_init(context) <= 0 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
    key = NULL;
  }
  EVP_PKEY_CTX_free(context);
  return key;
}

mtc_status mtc_mechanism_append_public_key(const struct mtc_mechanism *mechanism,
                                           struct mtc_span value, struct mtc_bytes *out,
                                           struct mtc_error *error) {
  struct mtc_der octets;
  EVP_PKEY *key = NULL;
  if (mechanism->ec_params.len && mtc_der_whole(value, MTC_DER_OCTET_STRING, &octets)) {
    key = public_key_of(mechanism, octets.contents);
  }
  /* Some tokens give the bare point, which by chance may look like an OCTET STRING. */
  if (!key) key = public_key_of(mechanism, value);
  ERR_clear_error();
  if (!key) {
    return mtc_fail(error, MTC_TOKEN, "the token's public value (%zu bytes) is no %s key",
                    value.len, mechanism->key_name);
  }
  mtc_status status = MTC_NOMEM;
  uint8_t *der = NULL;
  int len = i2d_PUBKEY(key, &der);
  if (len > 0) {
    mtc_bytes_append(out, der, (size_t)len);
    status = mtc_bytes_status(out);
  }
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return status ? mtc_fail(error, status, "encoding a public key: out of memory") : MTC_OK;
}
