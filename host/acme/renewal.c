/* ACME renewal information (RFC 9773): a certificate's identifier and its suggested window. */
#include <string.h>

#include "acme/delivery.h"
#include "acme/jws.h"
#include "entry/fields.h"

#define MIN_WINDOW_S 60
#define NAME_HASH_LEN 20u        /* as long as a key identifier by SHA-1 */
#define KEY_IDENTIFIER_TAG 0x80u /* AuthorityKeyIdentifier: keyIdentifier [0] IMPLICIT */

/* The key identifier of authorityKeyIdentifier; empty: there is none. */
static struct mtc_span find_authority(const struct mtc_certificate *certificate) {
  static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
  struct mtc_extension extension;
  struct mtc_der sequence, key_identifier;
  if (!mtc_fields_find_extension(mtc_fields_extensions_of(certificate->rest),
                                 mtc_span_of(oid, sizeof oid), &extension) ||
      !mtc_der_whole(extension.value, MTC_DER_SEQUENCE, &sequence))
    return mtc_span_of(NULL, 0);
  struct mtc_reader reader = mtc_der_enter(&sequence);
  return mtc_der_read(&reader, KEY_IDENTIFIER_TAG, &key_identifier) ? key_identifier.contents
                                                                    : mtc_span_of(NULL, 0);
}

mtc_status acme_cert_id(const struct mtc_certificate *certificate, char out[ACME_MAX_CERT_ID],
                        struct mtc_error *error) {
  struct mtc_bytes text = {0};
  struct mtc_hash name;
  struct mtc_span authority = find_authority(certificate);
  out[0] = 0;
  if (authority.len == 0) {
    mtc_hash_message(certificate->issuer, &name);
    authority = mtc_span_of(name.bytes, NAME_HASH_LEN);
  }
  acme_append_base64url(&text, authority);
  mtc_bytes_append_text(&text, ".");
  acme_append_base64url(&text, certificate->serial_number);
  mtc_status status = mtc_bytes_status(&text);
  if (!status && text.len >= ACME_MAX_CERT_ID)
    status = mtc_fail(error, MTC_INPUT,
                      "certificate identifier: the serial number or the authority's key "
                      "identifier is too long");
  if (!status) {
    memcpy(out, text.data, text.len);
    out[text.len] = 0;
  }
  mtc_bytes_free(&text);
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
