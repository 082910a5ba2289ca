/* Account keys of clients: made, or taken from an EVP_PKEY. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

static void append_member(struct mtc_bytes *out, const char *name, struct mtc_span bytes) {
  mtc_bytes_append_format(out, ",\"%s\":\"", name);
  acme_append_base64url(out, bytes);
  mtc_bytes_append_text(out, "\"");
}

/* Appends a number in `len` bytes, or in as few as it needs where `len` is 0. */
static bool append_number(struct mtc_bytes *out, const EVP_PKEY *pkey, const char *param,
                          const char *name, int len) {
  uint8_t bytes[1024];
  BIGNUM *number = NULL;
  bool is_good = EVP_PKEY_get_bn_param(pkey, param, &number) == 1;
  if (is_good && len == 0) len = BN_num_bytes(number);
  is_good = is_good && len <= (int)sizeof bytes && BN_bn2binpad(number, bytes, len) == len;
  if (is_good) append_member(out, name, mtc_span_of(bytes, (size_t)len));
  BN_free(number);
  return is_good;
}

static bool append_ec(struct mtc_bytes *out, const EVP_PKEY *pkey) {
  char group[64];
  size_t group_len;
  if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &group_len) != 1) return false;
  bool is_p256 = strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0;
  if (!is_p256 && strcmp(group, "secp384r1") != 0 && strcmp(group, "P-384") != 0) return false;
  int len = is_p256 ? 32 : 48;
  mtc_bytes_append_format(out, "{\"kty\":\"EC\",\"crv\":\"%s\"", is_p256 ? "P-256" : "P-384");
  return append_number(out, pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x", len) &&
         append_number(out, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y", len);
}

static bool append_rsa(struct mtc_bytes *out, const EVP_PKEY *pkey) {
  mtc_bytes_append_text(out, "{\"kty\":\"RSA\"");
  return append_number(out, pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0) &&
         append_number(out, pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0);
}

static bool append_ed25519(struct mtc_bytes *out, const EVP_PKEY *pkey) {
  uint8_t point[32];
  size_t len = sizeof point;
  if (EVP_PKEY_get_raw_public_key(pkey, point, &len) != 1 || len != sizeof point) return false;
  mtc_bytes_append_text(out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"");
  append_member(out, "x", mtc_span_of(point, sizeof point));
  return true;
}

/* The public part goes through what checks a stranger's: what we would refuse, we do not use. */
mtc_status acme_key_from_pkey(EVP_PKEY *pkey, struct acme_key *out, struct mtc_error *error) {
  struct mtc_bytes jwk = {0};
  struct acme_key key = {0};
  struct acme_problem problem = {0};
  mtc_status status = MTC_OK;
  bool is_good = false;
  *out = key;
  if (EVP_PKEY_is_a(pkey, "EC"))
    is_good = append_ec(&jwk, pkey);
  else if (EVP_PKEY_is_a(pkey, "RSA"))
    is_good = append_rsa(&jwk, pkey);
  else if (EVP_PKEY_is_a(pkey, "ED25519"))
    is_good = append_ed25519(&jwk, pkey);
  mtc_bytes_append(&jwk, "}", 2); /* with its zero */
  if (!is_good)
    status = mtc_fail(error, MTC_INPUT,
                      "account key: not P-256, P-384, RSA or Ed25519, or its public part cannot be "
                      "read");
  else if (mtc_bytes_status(&jwk))
    status = mtc_fail(error, MTC_NOMEM, "account key: out of memory");
  else if (acme_key_from_text((const char *)jwk.data, &key, &problem))
    status = mtc_fail(error, problem.type == ACME_SERVER_INTERNAL ? MTC_NOMEM : MTC_INPUT,
                      "account key: %s", problem.detail);
  if (!status && EVP_PKEY_up_ref(pkey) != 1)
    status = mtc_fail(error, MTC_NOMEM, "account key: libcrypto gives no reference to it");
  if (!status) {
    EVP_PKEY_free(key.pkey);
    key.pkey = pkey;
    *out = key;
  } else {
    acme_key_free(&key);
  }
  acme_problem_free(&problem);
  mtc_bytes_free(&jwk);
  ERR_clear_error();
  return status;
}

mtc_status acme_key_generate(enum acme_algorithm algorithm, struct acme_key *out,
                             struct mtc_error *error) {
  EVP_PKEY *pkey = NULL;
  *out = (struct acme_key){0};
  switch (algorithm) {
    case ACME_ES256:
      pkey = EVP_EC_gen("P-256");
      break;
    case ACME_ES384:
      pkey = EVP_EC_gen("P-384");
      break;
    case ACME_RS256:
      pkey = EVP_RSA_gen(2048u);
      break;
    case ACME_EDDSA:
      pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
      break;
    case ACME_NUM_ALGORITHMS:
      break;
  }
  ERR_clear_error();
  if (!pkey)
    return mtc_fail(error, MTC_FATAL, "account key: libcrypto makes none for %s",
                    acme_algorithm_name(algorithm));
  mtc_status status = acme_key_from_pkey(pkey, out, error);
  EVP_PKEY_free(pkey);
  return status;
}
