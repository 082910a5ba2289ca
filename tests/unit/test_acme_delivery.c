/* Delivery: the choice by Accept, chains, certificate identifiers, when to ask and to renew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "acme/delivery.h"
#include "mtc/proof.h"
#include "mtc/runtime.h"

#define PLAIN "application/pem-certificate-chain"
#define PROPERTIES "application/pem-certificate-chain-with-properties"

static void chooses(void **state) {
  (void)state;
  static const struct {
    const char *accept;
    enum acme_chain_format format;
  } cases[] = {
      {NULL, ACME_CHAIN_PLAIN},
      {"", ACME_CHAIN_PLAIN},
      {" , ,", ACME_CHAIN_PLAIN},
      {"*/*", ACME_CHAIN_PLAIN},
      {"application/*", ACME_CHAIN_PLAIN},
      {PLAIN, ACME_CHAIN_PLAIN},
      {PROPERTIES, ACME_CHAIN_PROPERTIES},
      {"APPLICATION/PEM-Certificate-Chain-With-Properties", ACME_CHAIN_PROPERTIES},
      {PLAIN ", " PROPERTIES, ACME_CHAIN_PLAIN},
      {PROPERTIES "," PLAIN, ACME_CHAIN_PLAIN},
      {PROPERTIES "," PLAIN ";q=0.999", ACME_CHAIN_PROPERTIES},
      {PROPERTIES ";q=0.5," PLAIN ";q=0.501", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=0.51 , " PLAIN " ; q=0.5", ACME_CHAIN_PROPERTIES},
      {PROPERTIES ";Q=1.000,*/*;q=0.1", ACME_CHAIN_PROPERTIES},
      {PROPERTIES ";q=0,*/*", ACME_CHAIN_PLAIN},
      {PLAIN ";q=0,*/*;q=0.001", ACME_CHAIN_PROPERTIES},
      {PLAIN ";q=0,application/*;q=0.1,*/*;q=0", ACME_CHAIN_PROPERTIES},
      {"application/*;q=0,*/*", ACME_CHAIN_NONE},
      {"*/*;q=0", ACME_CHAIN_NONE},
      {"*/*;q=0.000", ACME_CHAIN_NONE},
      {PLAIN ";q=0", ACME_CHAIN_NONE},
      {"text/html", ACME_CHAIN_NONE},
      {"application/pkix-cert, text/*;q=0.3", ACME_CHAIN_NONE},
      {"application/pem-certificate-chai", ACME_CHAIN_NONE},
      {PROPERTIES ";form=\"a,b;q=\\\"0\";q=1", ACME_CHAIN_NONE},
      {PROPERTIES ";q=1;extension;other=\"x\"", ACME_CHAIN_PROPERTIES},
      {",," PROPERTIES ",,", ACME_CHAIN_PROPERTIES},
      {PROPERTIES ";;", ACME_CHAIN_PROPERTIES},
      /* malformed: as if there were none */
      {PROPERTIES ";q=", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=2", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=1.001", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=0.0001", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=-1", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=.5", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q=\"1\"", ACME_CHAIN_PLAIN},
      {PROPERTIES ";q =1", ACME_CHAIN_PLAIN},
      {PROPERTIES ";x=\"open", ACME_CHAIN_PLAIN},
      {PROPERTIES ";x=\"open\\", ACME_CHAIN_PLAIN},
      {PROPERTIES " " PLAIN, ACME_CHAIN_PLAIN},
      {PROPERTIES ",*/html", ACME_CHAIN_PLAIN},
      {PROPERTIES ",text", ACME_CHAIN_PLAIN},
      {PROPERTIES ",text/", ACME_CHAIN_PLAIN},
      {PROPERTIES ",/html", ACME_CHAIN_PLAIN},
      {PROPERTIES ",\x80/x", ACME_CHAIN_PLAIN},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (acme_choose_chain(cases[i].accept) != cases[i].format)
      fail_msg("case %zu: %s", i, cases[i].accept);
  char *text = mtc_alloc(5001, 1);
  assert_non_null(text);
  memset(text, ',', 5000);
  memcpy(text, PROPERTIES, strlen(PROPERTIES));
  assert_int_equal(acme_choose_chain(text), ACME_CHAIN_PLAIN);
  text[4096] = 0;
  assert_int_equal(acme_choose_chain(text), ACME_CHAIN_PROPERTIES);
  mtc_free(text);
  assert_string_equal(acme_chain_media_type(ACME_CHAIN_PLAIN), PLAIN);
  assert_string_equal(acme_chain_media_type(ACME_CHAIN_PROPERTIES), PROPERTIES);
  assert_string_equal(acme_chain_media_type(ACME_CHAIN_NONE), "");
}

/* Decodes the block at `*at` and moves on. */
static struct mtc_bytes decode_block(char **at, const char *label) {
  struct mtc_bytes text = {0}, out = {0};
  char *start = strchr(*at, '\n') + 1, *end = strstr(start, "-----END ");
  assert_memory_equal(*at + strlen("-----BEGIN "), label, strlen(label));
  for (char *c = start; c < end; c++)
    if (*c != '\n') mtc_bytes_append(&text, c, 1);
  assert_int_equal(mtc_bytes_append_decoded_base64(&out, mtc_span_of_bytes(&text)), MTC_OK);
  *at = strchr(end, '\n') + 1;
  mtc_bytes_free(&text);
  return out;
}

/* The draft's example, taken apart and written again. */
static void chains_of_the_draft(void **state) {
  (void)state;
  static const char none[] =
      "-----BEGIN CERTIFICATE PROPERTIES-----\nAAA=\n"
      "-----END CERTIFICATE PROPERTIES-----\n-----BEGIN CERTIFICATE-----\n";
  struct mtc_bytes file = {0}, out = {0};
  assert_int_equal(
      mtc_file_read(MTC_VECTORS "/tai06/example-chain-with-properties.pem", 65536, &file, NULL),
      MTC_OK);
  mtc_bytes_append(&file, "", 1);
  char *text = (char *)file.data, *at = text;
  struct mtc_bytes properties = decode_block(&at, "CERTIFICATE PROPERTIES");
  char *leaf_at = at;
  struct mtc_bytes leaf = decode_block(&at, "CERTIFICATE-----");
  char *issuer_at = at;
  struct mtc_bytes issuer = decode_block(&at, "CERTIFICATE-----");
  acme_append_chain(ACME_CHAIN_PROPERTIES, mtc_span_of_bytes(&leaf), mtc_span_of_bytes(&issuer),
                    mtc_span_of_bytes(&properties), &out);
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&out), mtc_span_of(text, (size_t)(issuer_at - text))));
  mtc_bytes_clear(&out);
  acme_append_chain(ACME_CHAIN_PLAIN, mtc_span_of_bytes(&leaf), mtc_span_of_bytes(&issuer),
                    mtc_span_of_bytes(&properties), &out);
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&out), mtc_span_of(leaf_at, (size_t)(at - leaf_at))));
  mtc_bytes_clear(&out);
  acme_append_chain(ACME_CHAIN_PLAIN, mtc_span_of_bytes(&leaf), mtc_span_of(NULL, 0),
                    mtc_span_of(NULL, 0), &out);
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&out), mtc_span_of(leaf_at, (size_t)(issuer_at - leaf_at))));
  mtc_bytes_clear(&out);
  acme_append_chain(ACME_CHAIN_PROPERTIES, mtc_span_of_bytes(&leaf), mtc_span_of(NULL, 0),
                    mtc_span_of(NULL, 0), &out);
  assert_memory_equal(out.data, none, sizeof none - 1);
  mtc_bytes_free(&out);
  mtc_bytes_free(&properties);
  mtc_bytes_free(&leaf);
  mtc_bytes_free(&issuer);
  mtc_bytes_free(&file);
}

/* A certificate of a serial number and, where it is not NULL, an authority key identifier. */
static struct mtc_bytes certificate_of(const char *serial_hex, const uint8_t *authority, int len) {
  struct mtc_bytes out = {0};
  X509 *x509 = X509_new();
  EVP_PKEY *pkey = EVP_EC_gen("P-256");
  BIGNUM *serial = NULL;
  uint8_t *der = NULL;
  assert_true(x509 && pkey && BN_hex2bn(&serial, serial_hex));
  assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509));
  X509_NAME_add_entry_by_txt(X509_get_issuer_name(x509), "CN", MBSTRING_ASC,
                             (const uint8_t *)"issuer", -1, -1, 0);
  X509_gmtime_adj(X509_getm_notBefore(x509), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_pubkey(x509, pkey);
  if (authority) {
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    id->keyid = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id->keyid, authority, len);
    assert_int_equal(X509_add1_ext_i2d(x509, NID_authority_key_identifier, id, 0, 0), 1);
    AUTHORITY_KEYID_free(id);
  }
  assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
  int der_len = i2d_X509(x509, &der);
  assert_true(der_len > 0);
  mtc_bytes_append(&out, der, (size_t)der_len);
  OPENSSL_free(der);
  BN_free(serial);
  EVP_PKEY_free(pkey);
  X509_free(x509);
  return out;
}

static mtc_status id_of(const struct mtc_bytes *der, char id[ACME_MAX_CERT_ID],
                        struct mtc_error *error) {
  struct mtc_certificate certificate;
  assert_int_equal(mtc_certificate_parse(mtc_span_of_bytes(der), &certificate, error), MTC_OK);
  return acme_cert_id(&certificate, id, error);
}

/* RFC 9773, "Getting Renewal Information" and its appendix */
static void identifies_certificates(void **state) {
  (void)state;
  static const uint8_t authority[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3,
                                      0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4};
  static const uint8_t large[100] = {1};
  char id[ACME_MAX_CERT_ID];
  struct mtc_error error = {0};
  struct mtc_bytes der = certificate_of("87654321", authority, sizeof authority);
  assert_int_equal(id_of(&der, id, &error), MTC_OK);
  assert_string_equal(id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  mtc_bytes_free(&der);
  der = certificate_of("1", NULL, 0);
  assert_int_equal(id_of(&der, id, &error), MTC_OK);
  assert_int_equal(strlen(id), 27 + 1 + 2);
  assert_string_equal(id + 27, ".AQ");
  mtc_bytes_free(&der);
  der = certificate_of("1", large, sizeof large);
  error.text[0] = 0;
  assert_int_equal(id_of(&der, id, &error), MTC_INPUT);
  assert_string_equal(id, "");
  assert_true(error.text[0]);
  mtc_bytes_free(&der);
}

static void asks_again(void **state) {
  (void)state;
  assert_int_equal(acme_retry_after(100, 130, 3600), 30);
  assert_int_equal(acme_retry_after(100, 101, 3600), 1);
  assert_int_equal(acme_retry_after(100, 100, 3600), 60);
  assert_int_equal(acme_retry_after(1000, 100, 3600), 60);
  assert_int_equal(acme_retry_after(100, 100, 100), 10);
  assert_int_equal(acme_retry_after(100, 100, 5), 1);
  assert_int_equal(acme_retry_after(100, 100, 0), 1);
  assert_int_equal(acme_retry_after(100, 100, -50), 1);
  assert_int_equal(acme_retry_after(INT64_MIN, INT64_MAX, 1), INT32_MAX);
}

static void renews(void **state) {
  (void)state;
  int64_t start, end;
  acme_renewal_window(0, 100000, 0, &start, &end);
  assert_true(start == 75000 && end == 77000);
  acme_renewal_window(0, 100000, 20000, &start, &end);
  assert_true(start == 70000 && end == 72000);
  acme_renewal_window(0, 100000, 10000, &start, &end);
  assert_true(start == 75000 && end == 77000);
  acme_renewal_window(0, 100000, 90000, &start, &end);
  assert_true(start == 50000 && end == 52000);
  acme_renewal_window(1000, 1100, 0, &start, &end);
  assert_true(start == 1075 && end == 1100);
  acme_renewal_window(1000, 1000, 0, &start, &end);
  assert_true(start == 1000 && end == 1000);
  acme_renewal_window(1000, 10, 5, &start, &end);
  assert_true(start == 10 && end == 10);
}

/* Never ends after the certificate, nor begins before the half of it, nor is empty. */
static void renews_in_time(void **state) {
  (void)state;
  static const int64_t times[] = {INT64_MIN,     -5,       0, 1, 2, 59, 119, 121, 3600, 86400 * 47,
                                  INT64_MAX - 1, INT64_MAX};
  const size_t num = sizeof times / sizeof times[0];
  for (size_t i = 0; i < num; i++)
    for (size_t j = 0; j < num; j++)
      for (size_t k = 0; k < num; k++) {
        int64_t start, end;
        acme_renewal_window(times[i], times[j], times[k], &start, &end);
        assert_true(start <= end && end <= times[j]);
        if (times[i] < times[j]) assert_true(start >= times[i] && start < end);
        if (times[i] >= 0 && times[i] < times[j])
          assert_true(start >= times[i] + (times[j] - times[i]) / 2);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chooses),    cmocka_unit_test(chains_of_the_draft),
      cmocka_unit_test(asks_again), cmocka_unit_test(identifies_certificates),
      cmocka_unit_test(renews),     cmocka_unit_test(renews_in_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
