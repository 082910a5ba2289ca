/* ACME renewal information (RFC 9773): a certificate's identifier and its suggested window. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "acme/delivery.h"
#include "acme/jws.h"

#define MIN_WINDOW_S 60
#define NAME_HASH_LEN 20u /* as long as a key identifier by SHA-1 */

/* The contents octets of the serial number as DER has them, with the zero of a positive number. */
static bool append_serial(X509 *certificate, struct mtc_bytes *out) {
  uint8_t *der = NULL;
  int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &der);
  bool is_good = len > 2 && der[1] < 0x80 && der[1] == len - 2;
  if (is_good) acme_append_base64url(out, mtc_span_of(der + 2, (size_t)len - 2));
  OPENSSL_free(der);
  return is_good;
}

static bool append_authority(X509 *certificate, struct mtc_bytes *out) {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  uint8_t *der = NULL;
  const ASN1_OCTET_STRING *key_identifier = X509_get0_authority_key_id(certificate);
  if (key_identifier && ASN1_STRING_length(key_identifier) > 0) {
    acme_append_base64url(out, mtc_span_of(ASN1_STRING_get0_data(key_identifier),
                                           (size_t)ASN1_STRING_length(key_identifier)));
    return true;
  }
  int len = i2d_X509_NAME(X509_get_issuer_name(certificate), &der);
  if (len <= 0) return false;
  SHA256(der, (size_t)len, hash);
  OPENSSL_free(der);
  acme_append_base64url(out, mtc_span_of(hash, NAME_HASH_LEN));
  return true;
}

mtc_status acme_cert_id(struct mtc_span certificate, char out[ACME_MAX_CERT_ID],
                        struct mtc_error *error) {
  struct mtc_bytes text = {0};
  const uint8_t *at = certificate.data;
  mtc_status status = MTC_OK;
  X509 *parsed = certificate.len && certificate.len <= INT32_MAX
                     ? d2i_X509(NULL, &at, (long)certificate.len)
                     : NULL;
  out[0] = 0;
  if (!parsed || at != certificate.data + certificate.len) {
    status = mtc_fail(error, MTC_INPUT, "certificate identifier: not exactly one certificate");
  } else {
    bool is_good = append_authority(parsed, &text);
    mtc_bytes_append_text(&text, ".");
    is_good = append_serial(parsed, &text) && is_good;
    status = mtc_bytes_status(&text);
    if (!is_good || (!status && text.len >= ACME_MAX_CERT_ID))
      status = mtc_fail(error, MTC_INPUT,
                        "certificate identifier: the serial number or the authority's key "
                        "identifier is malformed or too long");
  }
  if (!status) {
    memcpy(out, text.data, text.len);
    out[text.len] = 0;
  }
  X509_free(parsed);
  mtc_bytes_free(&text);
  ERR_clear_error();
  return status;
}

/* No sum here overflows, whatever the times; and a window that ended after the certificate did
 * would let a client sleep past its end. */
void acme_renewal_window(int64_t not_before_s, int64_t not_after_s, int64_t interval_s,
                         int64_t *out_start_s, int64_t *out_end_s) {
  int64_t lifetime;
  *out_start_s = *out_end_s = not_after_s;
  if (not_after_s <= not_before_s) return;
  if (__builtin_sub_overflow(not_after_s, not_before_s, &lifetime)) lifetime = INT64_MAX;
  int64_t before_end = lifetime - lifetime / 4 * 3;
  int64_t width = lifetime / 50 > MIN_WINDOW_S ? lifetime / 50 : MIN_WINDOW_S;
  if (interval_s > lifetime) interval_s = lifetime;
  if (interval_s > 0 && interval_s > before_end - lifetime / 10)
    before_end = interval_s > lifetime / 2 ? lifetime : interval_s + lifetime / 10;
  if (before_end > lifetime - lifetime / 2) before_end = lifetime - lifetime / 2;
  *out_start_s = not_after_s - before_end;
  if (width < before_end) *out_end_s = *out_start_s + width;
}
