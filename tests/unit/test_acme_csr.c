/* CSRs made by libcrypto: what is read of them, and each wrong form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "acme/identifier.h"

/* A request with a common name and a subjectAltName in libcrypto's notation; NULL: none. */
static struct mtc_bytes csr_of(const char *common_name, const char *names) {
  struct mtc_bytes out = {0};
  X509_REQ *request = X509_REQ_new();
  EVP_PKEY *pkey = EVP_EC_gen("P-256");
  uint8_t *der = NULL;
  assert_true(request && pkey);
  if (common_name)
    assert_int_equal(
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
                                   (const uint8_t *)common_name, -1, -1, 0),
        1);
  X509_REQ_set_pubkey(request, pkey);
  if (names) {
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(extension);
    sk_X509_EXTENSION_push(extensions, extension);
    assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
  assert_true(X509_REQ_sign(request, pkey, EVP_sha256()) > 0);
  int len = i2d_X509_REQ(request, &der);
  assert_true(len > 0);
  mtc_bytes_append(&out, der, (size_t)len);
  OPENSSL_free(der);
  EVP_PKEY_free(pkey);
  X509_REQ_free(request);
  return out;
}

static void expect_bad(struct mtc_span der, const char *what) {
  struct acme_csr csr;
  struct acme_problem problem = {0};
  if (acme_csr_read(der, &csr, &problem) != ACME_BAD_CSR) fail_msg("%s was taken", what);
  assert_true(problem.detail[0]);
  assert_int_equal(csr.num_identifiers, 0);
  acme_problem_free(&problem);
}

static void reads(void **state) {
  (void)state;
  struct acme_csr csr;
  struct acme_problem problem = {0};
  struct mtc_bytes der = csr_of(
      "A.example", "DNS:b.example,IP:192.0.2.1,DNS:*.A.example,DNS:B.example,IP:2001:db8::1");
  if (acme_csr_read(mtc_span_of_bytes(&der), &csr, &problem)) fail_msg("%s", problem.detail);
  assert_int_equal(csr.num_identifiers, 5);
  assert_string_equal(csr.identifiers[0].value, "*.a.example");
  assert_string_equal(csr.identifiers[1].value, "a.example");
  assert_string_equal(csr.identifiers[2].value, "b.example");
  assert_string_equal(csr.identifiers[3].value, "192.0.2.1");
  assert_string_equal(csr.identifiers[4].value, "2001:db8::1");
  assert_int_equal(strlen(csr.spki_sha256), 64);
  mtc_bytes_free(&der);
  der = csr_of("192.0.2.1", NULL);
  assert_int_equal(acme_csr_read(mtc_span_of_bytes(&der), &csr, &problem), ACME_NONE);
  assert_int_equal(csr.num_identifiers, 1);
  assert_int_equal(csr.identifiers[0].type, ACME_IP_ADDRESS);
  mtc_bytes_free(&der);
}

static void refuses_names(void **state) {
  (void)state;
  static const struct {
    const char *common_name, *names;
  } cases[] = {
      {NULL, NULL},
      {"Some Company", NULL},
      {"Some Company", "DNS:a.example"},
      {"localhost", "DNS:a.example"},
      {"ab--c.example", NULL},
      {"b\xc3\xbc"
       "cher.example",
       NULL},
      {NULL, "DNS:localhost"},
      {NULL, "DNS:a_b.example"},
      {NULL, "DNS:a.example."},
      {NULL, "DNS:192.0.2.1"},
      {NULL, "DNS:*.com"},
      {NULL, "DNS:a.example,DNS:ab--c.example"},
      {NULL, "IP:::ffff:192.0.2.1"},
      {NULL, "DNS:a.example,email:a@example.com"},
      {NULL, "URI:https://a.example/"},
      {NULL, "RID:1.2.3"},
      {NULL, "otherName:1.2.3;UTF8:a.example"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char what[32];
    struct mtc_bytes der = csr_of(cases[i].common_name, cases[i].names);
    (void)snprintf(what, sizeof what, "case %zu", i);
    expect_bad(mtc_span_of_bytes(&der), what);
    mtc_bytes_free(&der);
  }
}

static void refuses_bytes(void **state) {
  (void)state;
  struct mtc_bytes der = csr_of(NULL, "DNS:a.example");
  expect_bad(mtc_span_of(NULL, 0), "nothing");
  for (size_t len = 1; len < der.len; len++)
    expect_bad(mtc_span_of(der.data, len), "a cut one");
  mtc_bytes_append(&der, "", 1);
  expect_bad(mtc_span_of_bytes(&der), "a longer one");
  mtc_bytes_free(&der);
}

static void counts_names(void **state) {
  (void)state;
  for (unsigned num = ACME_MAX_IDENTIFIERS; num <= ACME_MAX_IDENTIFIERS + 1; num++) {
    struct acme_csr csr;
    struct acme_problem problem = {0};
    struct mtc_bytes names = {0};
    for (unsigned i = 0; i < num; i++)
      mtc_bytes_append_format(&names, "%sDNS:n%u.example", i ? "," : "", i);
    mtc_bytes_append_text(&names, ",DNS:n0.example");
    mtc_bytes_append(&names, "", 1);
    struct mtc_bytes der = csr_of(NULL, (const char *)names.data);
    if (num > ACME_MAX_IDENTIFIERS) {
      expect_bad(mtc_span_of_bytes(&der), "one of 101 names");
    } else {
      assert_int_equal(acme_csr_read(mtc_span_of_bytes(&der), &csr, &problem), ACME_NONE);
      assert_int_equal(csr.num_identifiers, num);
    }
    mtc_bytes_free(&der);
    mtc_bytes_free(&names);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads),
      cmocka_unit_test(refuses_names),
      cmocka_unit_test(refuses_bytes),
      cmocka_unit_test(counts_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
