/* TBSCertificates of CA software: which of them become log entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entry/der.h"
#include "mtc/entry.h"

#define NOW INT64_C(1767225600)
#define LATEST (NOW + 7 * 86400)

/* What the TBSCertificate holds; what is zero is as it should be. */
struct tbs {
  const char *version, *key; /* in hexadecimal */
  int64_t not_before, not_after;
  uint64_t serial;
  bool no_extensions;
};

static struct mtc_tai ca_id;
static const struct mtc_wire *wire;
static unsigned char *p256;
static int p256_len;

static void append_hex(struct mtc_bytes *out, const char *hex) {
  assert_int_equal(mtc_bytes_append_decoded_hex(out, mtc_span_of_text(hex)), MTC_OK);
}

static void make_tbs(const struct tbs *tbs, struct mtc_bytes *out) {
  size_t sequence = mtc_der_open(out, MTC_DER_SEQUENCE);
  append_hex(out, tbs->version ? tbs->version : "a003020102");
  mtc_der_append_uint(out, tbs->serial ? tbs->serial : UINT64_C(1) << 48 | 7);
  mtc_bytes_append_span(out, wire->proof_algorithm);
  mtc_tai_append_name(wire, &ca_id, out);
  size_t validity = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_der_append_time(out, tbs->not_before ? tbs->not_before : NOW - 300);
  mtc_der_append_time(out, tbs->not_after ? tbs->not_after : LATEST);
  mtc_der_close(out, validity);
  append_hex(out, "3000");
  if (tbs->key)
    append_hex(out, tbs->key);
  else
    mtc_bytes_append(out, p256, (size_t)p256_len);
  /* subjectAltName a.example */
  if (!tbs->no_extensions)
    append_hex(out,
               "a31830163014"
               "0603551d11"
               "040d300b8209612e6578616d706c65");
  mtc_der_close(out, sequence);
}

static void expect(struct tbs tbs, const char *problem) {
  struct mtc_bytes der = {0}, entry = {0}, key = {0};
  struct mtc_error error = {""};
  uint64_t serial = 0;
  make_tbs(&tbs, &der);
  mtc_status status = mtc_entry_from_tbs(wire, &ca_id, mtc_span_of_bytes(&der), NOW, LATEST, &entry,
                                         &key, &serial, &error);
  if (problem) {
    assert_int_equal(status, MTC_INPUT);
    if (!strstr(error.text, problem)) fail_msg("\"%s\" instead of \"%s\"", error.text, problem);
    assert_int_equal(entry.len + key.len + serial, 0);
  } else {
    if (status) fail_msg("%s", error.text);
    assert_int_equal(serial, UINT64_C(1) << 48 | 7);
    assert_true(mtc_span_equal(mtc_span_of_bytes(&key), mtc_span_of(p256, (size_t)p256_len)));
  }
  mtc_bytes_free(&der);
  mtc_bytes_free(&entry);
  mtc_bytes_free(&key);
}

static void versions(void **state) {
  (void)state;
  expect((struct tbs){0}, NULL);
  expect((struct tbs){.no_extensions = true}, NULL);
  expect((struct tbs){.version = "", .no_extensions = true}, "version is not v3");
  expect((struct tbs){.version = "a003020101", .no_extensions = true}, "version is not v3");
}

static void lifetimes(void **state) {
  (void)state;
  expect((struct tbs){.not_before = NOW, .not_after = NOW}, NULL);
  expect((struct tbs){.not_before = LATEST}, NULL);
  expect((struct tbs){.not_after = LATEST + 1}, "notAfter lies 1 s after");
  expect((struct tbs){.not_after = INT64_C(253402300799)}, "notAfter lies"); /* year 9999 */
  expect((struct tbs){.not_after = NOW - 1}, "expired");
  expect((struct tbs){.not_before = NOW + 2, .not_after = NOW + 1}, "before notBefore");
}

static void keys(void **state) {
  (void)state;
  static const struct {
    const char *key, *problem;
  } cases[] = {
      {"300930040602"
       "2a03"
       "030100",
       "empty or not whole octets"},
      {"300a30040602"
       "2a03"
       "03020000",
       "the key is none of"},
      /* RSA "zzz" */
      {"3015300d06092a864886f70d01010105000304007a7a7a", "not a SEQUENCE in DER"},
      /* Ed25519: a point of small order, and y = 2, which is none */
      {"302a300506032b6570032100"
       "01000000000000000000000000000000"
       "00000000000000000000000000000000",
       "small order"},
      {"302a300506032b6570032100"
       "02000000000000000000000000000000"
       "00000000000000000000000000000000",
       "not a point of its curve"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect((struct tbs){.key = cases[i].key}, cases[i].problem);
  p256[p256_len - 1] ^= 1;
  expect((struct tbs){0}, "not a point of its curve");
  p256[p256_len - 1] ^= 1;
}

static void serial_numbers(void **state) {
  (void)state;
  expect((struct tbs){.serial = 7}, "log number 0");
  expect((struct tbs){.serial = (UINT64_C(2) << 48) - 1}, "above the largest");
}

static int make_key(void **state) {
  (void)state;
  EVP_PKEY *pair = EVP_EC_gen("P-256");
  p256_len = i2d_PUBKEY(pair, &p256);
  EVP_PKEY_free(pair);
  wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
  return p256_len > 0 && mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL) == MTC_OK ? 0
                                                                                            : -1;
}

static int free_key(void **state) {
  (void)state;
  OPENSSL_free(p256);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions),
      cmocka_unit_test(lifetimes),
      cmocka_unit_test(keys),
      cmocka_unit_test(serial_numbers),
  };
  return cmocka_run_group_tests(tests, make_key, free_key);
}
