/* Certificates: the entry of a TBSCertificate, assembled again, is the same certificate. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "fuzz/fuzz.h"
#include "mtc/entry.h"

static void check_tbs(const struct mtc_wire *wire, const struct mtc_certificate *certificate,
                      struct mtc_span whole) {
  struct mtc_tai ca_id;
  struct mtc_bytes entry = {0}, key = {0}, again = {0};
  struct mtc_error error = {0};
  uint64_t serial;
  if (mtc_tai_of_name(wire, certificate->issuer, &ca_id, &error)) return;
  mtc_status status = mtc_entry_from_tbs(wire, &ca_id, certificate->tbs, 0, INT64_MAX, &entry, &key,
                                         &serial, &error);
  if (status) {
    assert_refused(status, &error);
    assert(entry.len == 0 && key.len == 0);
    goto out;
  }
  assert_same(mtc_span_of_bytes(&key), certificate->public_key);
  struct mtc_log_entry parsed;
  struct mtc_tbs_entry tbs;
  struct mtc_hash by_entry, by_certificate;
  assert(mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, &error) == MTC_OK);
  assert(parsed.type == MTC_ENTRY_TBS_CERT);
  assert(mtc_tbs_entry_parse(wire, &ca_id, parsed.tbs, &tbs, &error) == MTC_OK);
  assert(tbs.not_before == certificate->not_before && tbs.not_after == certificate->not_after);
  mtc_hash_leaf(mtc_span_of_bytes(&entry), &by_entry);
  mtc_certificate_entry_hash(certificate, mtc_span_of(NULL, 0), &by_certificate);
  assert(mtc_hash_equal(&by_entry, &by_certificate));
  status = mtc_certificate_assemble(wire, mtc_span_of_bytes(&entry), mtc_span_of_bytes(&key),
                                    serial >> 48, serial & ((UINT64_C(1) << 48) - 1),
                                    certificate->signature, &again, &error);
  assert(status == MTC_OK);
  struct mtc_certificate second;
  assert(mtc_certificate_parse(mtc_span_of_bytes(&again), &second, &error) == MTC_OK);
  assert_same(second.tbs, certificate->tbs);
  if (mtc_span_equal(certificate->outer_algorithm, wire->proof_algorithm) &&
      certificate->unused_bits == 0) {
    assert_same(mtc_span_of_bytes(&again), whole);
  }
out:
  mtc_bytes_free(&entry);
  mtc_bytes_free(&key);
  mtc_bytes_free(&again);
}

static void check_parts(const struct mtc_certificate *certificate) {
  const struct mtc_span parts[] = {certificate->version,
                                   certificate->serial_number,
                                   certificate->signature_algorithm,
                                   certificate->issuer,
                                   certificate->validity,
                                   certificate->subject,
                                   certificate->public_key,
                                   certificate->public_key_algorithm,
                                   certificate->rest};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    assert_inside(certificate->tbs, parts[i]);
  assert(certificate->unused_bits < 8);
}

/* libcrypto reads what we read; only values of ANY type are none of our business: those in a
 * Name and the parameters of an algorithm. */
static void check_libcrypto(struct mtc_span input) {
  const uint8_t *at = input.data;
  X509 *x509 = d2i_X509(NULL, &at, (long)input.len);
  bool is_any = false;
  if (x509) {
    assert(at == input.data + input.len);
  } else {
    const char *text;
    while (ERR_get_error_all(NULL, NULL, NULL, &text, NULL))
      is_any |= strstr(text, "Field=parameter") || strstr(text, "Field=issuer") ||
                strstr(text, "Field=subject,");
    assert(is_any);
  }
  X509_free(x509);
  ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_certificate certificate, bare;
  struct mtc_error error = {0};
  mtc_status status = mtc_certificate_parse(input, &certificate, &error);
  if (status) {
    assert_refused(status, &error);
    status = mtc_certificate_parse_tbs(input, &bare, &error);
    if (status) {
      assert_refused(status, &error);
      return 0;
    }
    check_parts(&bare);
    assert_same(bare.tbs, input);
    for (int i = 0; i < NUM_WIRES; i++)
      check_tbs(wire_number(i), &bare, input);
    return 0;
  }
  check_parts(&certificate);
  check_libcrypto(input);
  assert_inside(input, certificate.tbs);
  assert_inside(input, certificate.signature);
  assert(mtc_certificate_parse_tbs(certificate.tbs, &bare, &error) == MTC_OK);
  assert_same(bare.rest, certificate.rest);
  for (int i = 0; i < NUM_WIRES; i++)
    check_tbs(wire_number(i), &certificate, input);
  return 0;
}
