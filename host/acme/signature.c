/* JWS signatures (RFC 7518, "Digital Signature with ECDSA": r || s, each as long as the order). */
#include <string.h>

#include <openssl/err.h>

#include "acme/key.h"

#define MAX_NUMBER_LEN 48u                            /* of P-384 */
#define MAX_DER_LEN (2u * (MAX_NUMBER_LEN + 3u) + 2u) /* tags, lengths below 128, signs */
#define MAX_SIGNATURE_LEN 512u                        /* RSA 4096 */

/* What an algorithm is to libcrypto; number_len 0: the signature is the same here and there. */
static const struct kind {
  const char *digest;
  size_t number_len;
} kinds[ACME_NUM_ALGORITHMS] = {
    [ACME_ES256] = {"SHA256", 32},
    [ACME_ES384] = {"SHA384", 48},
    [ACME_RS256] = {"SHA256", 0},
    [ACME_EDDSA] = {NULL, 0},
};

/* INTEGER of a number that is not negative, in as few bytes as it takes. */
static size_t write_integer(const uint8_t *number, size_t len, uint8_t *out) {
  while (len > 1 && number[0] == 0) {
    number++;
    len--;
  }
  size_t sign = number[0] >> 7;
  out[0] = 0x02;
  out[1] = (uint8_t)(len + sign);
  out[2] = 0;
  memcpy(out + 2 + sign, number, len);
  return 2 + sign + len;
}

/* SEQUENCE { r INTEGER, s INTEGER } */
static size_t write_der(const uint8_t *signature, size_t number_len, uint8_t out[MAX_DER_LEN]) {
  size_t len = write_integer(signature, number_len, out + 2);
  len += write_integer(signature + number_len, number_len, out + 2 + len);
  out[0] = 0x30;
  out[1] = (uint8_t)len;
  return len + 2;
}

bool acme_key_verify(const struct acme_key *key, struct mtc_span signing_input,
                     struct mtc_span signature) {
  uint8_t der[MAX_DER_LEN];
  if (!key->pkey || (unsigned)key->algorithm >= ACME_NUM_ALGORITHMS) return false;
  const struct kind *kind = &kinds[key->algorithm];
  if (signature.len == 0 || signature.len > MAX_SIGNATURE_LEN) return false;
  if (kind->number_len) {
    if (signature.len != 2 * kind->number_len) return false;
    signature = mtc_span_of(der, write_der(signature.data, kind->number_len, der));
  }
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool is_good =
      context &&
      EVP_DigestVerifyInit_ex(context, NULL, kind->digest, NULL, NULL, key->pkey, NULL) == 1 &&
      EVP_DigestVerify(context, signature.data, signature.len, signing_input.data,
                       signing_input.len) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return is_good;
}

/* Reads one INTEGER of libcrypto's DER to `len` bytes. */
static bool read_integer(struct mtc_reader *reader, size_t len, struct mtc_bytes *out) {
  uint64_t tag;
  struct mtc_span number;
  static const uint8_t zeros[MAX_NUMBER_LEN];
  if (!mtc_read_uint(reader, 1, &tag) || tag != 0x02 || !mtc_read_prefixed(reader, 1, &number))
    return false;
  while (number.len && number.data[0] == 0)
    number = mtc_span_of(number.data + 1, number.len - 1);
  if (number.len > len) return false;
  mtc_bytes_append(out, zeros, len - number.len);
  mtc_bytes_append_span(out, number);
  return true;
}

static bool append_numbers(struct mtc_span der, size_t number_len, struct mtc_bytes *out) {
  struct mtc_reader reader = mtc_reader_of(der);
  struct mtc_span sequence;
  uint64_t tag;
  if (!mtc_read_uint(&reader, 1, &tag) || tag != 0x30 ||
      !mtc_read_prefixed(&reader, 1, &sequence) || reader.len)
    return false;
  reader = mtc_reader_of(sequence);
  bool has_r = read_integer(&reader, number_len, out);
  return has_r && read_integer(&reader, number_len, out) && reader.len == 0;
}

mtc_status acme_key_sign(const struct acme_key *key, struct mtc_span signing_input,
                         struct mtc_bytes *out, struct mtc_error *error) {
  uint8_t signature[MAX_SIGNATURE_LEN];
  size_t len = sizeof signature;
  if (!key->pkey || (unsigned)key->algorithm >= ACME_NUM_ALGORITHMS)
    return mtc_fail(error, MTC_FATAL, "account key: there is none to sign with");
  const struct kind *kind = &kinds[key->algorithm];
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool is_good =
      context &&
      EVP_DigestSignInit_ex(context, NULL, kind->digest, NULL, NULL, key->pkey, NULL) == 1 &&
      EVP_DigestSign(context, signature, &len, signing_input.data, signing_input.len) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  if (is_good && kind->number_len)
    is_good = append_numbers(mtc_span_of(signature, len), kind->number_len, out);
  else if (is_good)
    mtc_bytes_append(out, signature, len);
  if (!is_good)
    return mtc_fail(error, MTC_FATAL, "account key: libcrypto does not sign with %s",
                    acme_algorithm_name(key->algorithm));
  return mtc_bytes_status(out);
}
