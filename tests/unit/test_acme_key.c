/* Account keys: published vectors, what is refused, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jose/jwk.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "acme/jws.h"

#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define N                                                                                \
  "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS" \
  "oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65" \
  "YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr" \
  "dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK" \
  "nqDKgw"
#define ED "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static struct acme_key key_of(const char *jwk) {
  struct acme_key key;
  struct acme_problem problem = {0};
  if (acme_key_from_text(jwk, &key, &problem)) fail_msg("%s: %s", jwk, problem.detail);
  return key;
}

static bool verifies(const struct acme_key *key, const char *input, const char *signature) {
  struct mtc_bytes bytes = {0};
  assert_true(acme_append_decoded_base64url(&bytes, mtc_span_of_text(signature)));
  bool is_good = acme_key_verify(key, mtc_span_of_text(input), mtc_span_of_bytes(&bytes));
  mtc_bytes_free(&bytes);
  return is_good;
}

/* RFC 7515, "Example JWS Using ECDSA P-256 SHA-256" */
static void es256_of_rfc7515(void **state) {
  (void)state;
  static const char input[] =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  struct acme_key key =
      key_of("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"use\":\"sig\"}");
  assert_int_equal(key.algorithm, ACME_ES256);
  assert_string_equal(key.jwk,
                      "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}");
  assert_true(verifies(&key, input,
                       "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTU"
                       "JqPP3-Kg6NU1Q"));
  assert_false(verifies(&key, input + 1,
                        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTU"
                        "JqPP3-Kg6NU1Q"));
  acme_key_free(&key);
}

/* RFC 7638, "Example JWK Thumbprint Computation" */
static void thumbprint_of_rfc7638(void **state) {
  (void)state;
  struct acme_key key =
      key_of("{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"x\"}");
  struct mtc_bytes text = {0};
  assert_int_equal(key.algorithm, ACME_RS256);
  assert_string_equal(key.thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  acme_key_authorization(&key, "token", &text);
  assert_int_equal(text.len, 6 + ACME_THUMBPRINT_LEN);
  assert_memory_equal(text.data, "token.NzbL", 10);
  mtc_bytes_free(&text);
  acme_key_free(&key);
}

/* RFC 8037, "Examples" */
static void ed25519_of_rfc8037(void **state) {
  (void)state;
  struct acme_key key = key_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED "\"}");
  assert_string_equal(key.thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  assert_true(verifies(&key, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                       "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sV"
                       "vpAr_MuM0KAg"));
  acme_key_free(&key);
}

#define EC(x, y) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define RSA_(n, e) "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"" e "\"}"
#define OKP(x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"}"
#define A43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void refuses(void **state) {
  (void)state;
  static const struct {
    const char *jwk;
    enum acme_problem_type type;
  } cases[] = {
      {"", ACME_MALFORMED},
      {"[]", ACME_MALFORMED},
      {"{}", ACME_MALFORMED},
      {"{\"kty\":7}", ACME_MALFORMED},
      {"{\"kty\":\"oct\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"ec\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"kty\":\"EC\"}", ACME_MALFORMED},
      {"{\"kty\":\"EC\",\"crv\":\"P-521\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
       ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}", ACME_MALFORMED},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":1}", ACME_MALFORMED},
      {EC(X, X), ACME_BAD_PUBLIC_KEY},
      {EC(A43, A43), ACME_BAD_PUBLIC_KEY},
      {EC(X "=", Y), ACME_MALFORMED},
      {EC("", Y), ACME_BAD_PUBLIC_KEY},
      {EC("AA", Y), ACME_BAD_PUBLIC_KEY},
      {EC("AA" X, Y), ACME_MALFORMED},
      {EC("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", Y), ACME_MALFORMED},
      {EC("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE+", Y), ACME_MALFORMED},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"d\":\"AA\"}",
       ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"use\":\"enc\"}",
       ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"use\":1}",
       ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\",\"alg\":\"ES384\"}",
       ACME_BAD_PUBLIC_KEY},
      {RSA_(N, ""), ACME_BAD_PUBLIC_KEY},
      {RSA_("", "AQAB"), ACME_BAD_PUBLIC_KEY},
      {RSA_(N, "Aw"), ACME_BAD_PUBLIC_KEY},       /* 3 */
      {RSA_(N, "AQAA"), ACME_BAD_PUBLIC_KEY},     /* even */
      {RSA_(N, "AAEAAQ"), ACME_BAD_PUBLIC_KEY},   /* a zero in front */
      {RSA_(N, "AQAAAAAB"), ACME_BAD_PUBLIC_KEY}, /* 2^40 + 1 */
      {RSA_("AQAB", "AQAB"), ACME_BAD_PUBLIC_KEY},
      {RSA_("AAAA" N, "AQAB"), ACME_BAD_PUBLIC_KEY},
      {RSA_(N N N, "AQAB"), ACME_MALFORMED},
      {"{\"kty\":\"RSA\",\"n\":\"" N "\"}", ACME_MALFORMED},
      {"{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":65537}", ACME_MALFORMED},
      {"{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\",\"p\":\"AQ\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED "\"}", ACME_BAD_PUBLIC_KEY},
      {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED "\"}", ACME_BAD_PUBLIC_KEY},
      {OKP("AAAA"), ACME_BAD_PUBLIC_KEY},
      {OKP(A43), ACME_BAD_PUBLIC_KEY},                                           /* y = 0 */
      {OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ACME_BAD_PUBLIC_KEY}, /* y = 1 */
      {OKP("7P_______________________________________38"), ACME_BAD_PUBLIC_KEY}, /* p - 1 */
      {OKP("7f_______________________________________38"), ACME_BAD_PUBLIC_KEY}, /* p */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct acme_key key;
    struct acme_problem problem = {0};
    if (acme_key_from_text(cases[i].jwk, &key, &problem) != cases[i].type)
      fail_msg("case %zu: %s: %d %s", i, cases[i].jwk, problem.type, problem.detail);
    assert_true(problem.detail[0]);
    assert_null(key.pkey);
    acme_problem_free(&problem);
  }
}

/* Every algorithm signs what verifies, and nothing near it does; libjose thinks so, too, of the
 * thumbprint. */
static void signs_and_verifies(void **state) {
  (void)state;
  static const size_t lens[] = {64, 96, 256, 64};
  for (unsigned i = 0; i < ACME_NUM_ALGORITHMS; i++) {
    struct acme_key key, stored;
    struct mtc_bytes signature = {0};
    char thumbprint[64] = {0};
    struct mtc_span input = mtc_span_of_text("what is signed");
    assert_int_equal(acme_key_generate((enum acme_algorithm)i, &key, NULL), MTC_OK);
    assert_int_equal(key.algorithm, i);
    stored = key_of(key.jwk);
    assert_string_equal(stored.thumbprint, key.thumbprint);
    if (i != ACME_EDDSA) {
      json_t *jwk = json_loads(key.jwk, 0, NULL);
      uint8_t hash[32];
      struct mtc_bytes text = {0};
      assert_int_equal(jose_jwk_thp_buf(NULL, jwk, "S256", hash, sizeof hash), sizeof hash);
      acme_append_base64url(&text, mtc_span_of(hash, sizeof hash));
      memcpy(thumbprint, text.data, text.len);
      assert_string_equal(thumbprint, key.thumbprint);
      mtc_bytes_free(&text);
      json_decref(jwk);
    }
    for (unsigned round = 0; round < 32; round++) {
      mtc_bytes_clear(&signature);
      assert_int_equal(acme_key_sign(&key, input, &signature, NULL), MTC_OK);
      assert_int_equal(signature.len, lens[i]);
      assert_true(acme_key_verify(&stored, input, mtc_span_of_bytes(&signature)));
    }
    assert_false(acme_key_verify(&stored, mtc_span_of_text("what is signee"),
                                 mtc_span_of_bytes(&signature)));
    for (size_t at = 0; at < signature.len; at += 7) {
      signature.data[at] ^= 1;
      assert_false(acme_key_verify(&stored, input, mtc_span_of_bytes(&signature)));
      signature.data[at] ^= 1;
    }
    assert_false(acme_key_verify(&stored, input, mtc_span_of(signature.data, signature.len - 1)));
    assert_false(acme_key_verify(&stored, input, mtc_span_of(NULL, 0)));
    mtc_bytes_append_uint(&signature, 0, 1);
    assert_false(acme_key_verify(&stored, input, mtc_span_of_bytes(&signature)));
    memset(signature.data, 0, signature.len);
    assert_false(acme_key_verify(&stored, input, mtc_span_of(signature.data, lens[i])));
    mtc_bytes_free(&signature);
    acme_key_free(&stored);
    acme_key_free(&key);
  }
}

static void refuses_other_pkeys(void **state) {
  (void)state;
  struct acme_key key;
  struct mtc_error error = {0};
  EVP_PKEY *pkeys[] = {EVP_EC_gen("P-521"), EVP_RSA_gen(1024),
                       EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};
  for (size_t i = 0; i < 3; i++) {
    assert_non_null(pkeys[i]);
    assert_int_equal(acme_key_from_pkey(pkeys[i], &key, &error), MTC_INPUT);
    assert_true(error.text[0]);
    assert_null(key.pkey);
    EVP_PKEY_free(pkeys[i]);
  }
  assert_int_equal(acme_key_generate(ACME_NUM_ALGORITHMS, &key, &error), MTC_FATAL);
  assert_int_equal(acme_key_sign(&key, mtc_span_of_text("x"), &(struct mtc_bytes){0}, &error),
                   MTC_FATAL);
  assert_false(acme_key_verify(&key, mtc_span_of_text("x"), mtc_span_of_text("x")));
}

static void names_algorithms(void **state) {
  (void)state;
  enum acme_algorithm algorithm;
  for (unsigned i = 0; i < ACME_NUM_ALGORITHMS; i++) {
    assert_true(acme_algorithm_find(acme_algorithm_name((enum acme_algorithm)i), &algorithm));
    assert_int_equal(algorithm, i);
  }
  assert_false(acme_algorithm_find("none", &algorithm));
  assert_false(acme_algorithm_find("es256", &algorithm));
  assert_false(acme_algorithm_find("HS256", &algorithm));
  assert_string_equal(acme_algorithm_name(ACME_NUM_ALGORITHMS), "none");
}

static void base64url_is_strict(void **state) {
  (void)state;
  static const char *const bad[] = {"A",    "AAAAA", "AA==", "AA=",   "AB",    "AAB",     "A+AA",
                                    "A/AA", "AA A",  "AA\n", " AAAA", "AAAA=", "\200AAA", "AA.A"};
  struct mtc_bytes bytes = {0}, text = {0};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_false(acme_append_decoded_base64url(&bytes, mtc_span_of_text(bad[i])));
    assert_int_equal(bytes.len, 0);
  }
  assert_false(acme_append_decoded_base64url(&bytes, mtc_span_of("AA\0A", 4)));
  for (size_t len = 0; len < 70; len++) {
    uint8_t input[70];
    for (size_t i = 0; i < len; i++)
      input[i] = (uint8_t)(i * 37 + len);
    mtc_bytes_clear(&bytes);
    mtc_bytes_clear(&text);
    acme_append_base64url(&text, mtc_span_of(input, len));
    assert_int_equal(text.len, (len * 4 + 2) / 3);
    assert_true(acme_append_decoded_base64url(&bytes, mtc_span_of_bytes(&text)));
    assert_true(mtc_span_equal(mtc_span_of(input, len), mtc_span_of_bytes(&bytes)));
  }
  mtc_bytes_free(&bytes);
  mtc_bytes_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(es256_of_rfc7515),   cmocka_unit_test(thumbprint_of_rfc7638),
      cmocka_unit_test(ed25519_of_rfc8037), cmocka_unit_test(refuses),
      cmocka_unit_test(signs_and_verifies), cmocka_unit_test(refuses_other_pkeys),
      cmocka_unit_test(names_algorithms),   cmocka_unit_test(base64url_is_strict),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
