/* JWS: what is refused and as what; signed, read and verified; bindings; keys of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "acme/flat_json.h"
#include "acme/jws.h"
#include "mtc/runtime.h"

#define KID "\"kid\":\"https://ca.example/a/1\""
#define URL "\"url\":\"https://ca.example/x\""
#define NONCE "\"nonce\":\"AAAA\""
#define ALG "\"alg\":\"ES256\""
#define HEADER "{" ALG "," KID "," URL "," NONCE "}"
#define DEEP16 "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]" /* 15 of them, in one object */

/* A JWS of a header and a payload in plain text, with any signature. */
static struct mtc_bytes jws_of(const char *header, const char *payload) {
  struct mtc_bytes out = {0};
  mtc_bytes_append_text(&out, "{\"protected\":\"");
  acme_append_base64url(&out, mtc_span_of_text(header));
  mtc_bytes_append_text(&out, "\",\"payload\":\"");
  acme_append_base64url(&out, mtc_span_of_text(payload));
  mtc_bytes_append_text(&out, "\",\"signature\":\"AAAA\"}");
  return out;
}

static void expect(struct mtc_span body, enum acme_jws_form form, enum acme_problem_type type) {
  struct acme_jws jws;
  struct acme_problem problem = {0};
  if (acme_jws_parse(body, form, &jws, &problem) != type)
    fail_msg("%.*s: %d %s", (int)(body.len > 300 ? 300 : body.len), (const char *)body.data,
             problem.type, problem.detail);
  assert_int_equal(type == ACME_NONE, problem.detail[0] == 0);
  if (type) assert_true(!jws.url && !jws.jwk && !jws.kid && !jws.payload.data);
  assert_int_equal(type == ACME_BAD_SIGNATURE_ALGORITHM, problem.algorithms != NULL);
  acme_problem_free(&problem);
  acme_jws_free(&jws);
}

static void refuses_headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    enum acme_problem_type type;
    enum acme_jws_form form;
  } cases[] = {
      {HEADER, ACME_NONE, ACME_JWS_REQUEST},
      {"{" ALG ",\"jwk\":{}," URL "," NONCE "}", ACME_NONE, ACME_JWS_REQUEST},
      {"{" ALG ",\"jwk\":{}," URL "}", ACME_NONE, ACME_JWS_KEY_CHANGE},
      {"{\"alg\":\"HS384\"," KID "," URL "}", ACME_NONE, ACME_JWS_BINDING},
      {"", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"[]", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"null", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {HEADER "x", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," ALG "," KID "," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"\\u0061lg\":\"none\"," KID "," URL "," NONCE "}", ACME_MALFORMED,
       ACME_JWS_REQUEST},
      {"{" KID "," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{\"alg\":1," KID "," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{\"alg\":\"none\"," KID "," URL "," NONCE "}", ACME_BAD_SIGNATURE_ALGORITHM,
       ACME_JWS_REQUEST},
      {"{\"alg\":\"\"," KID "," URL "," NONCE "}", ACME_BAD_SIGNATURE_ALGORITHM, ACME_JWS_REQUEST},
      {"{\"alg\":\"es256\"," KID "," URL "," NONCE "}", ACME_BAD_SIGNATURE_ALGORITHM,
       ACME_JWS_REQUEST},
      {"{\"alg\":\"HS256\"," KID "," URL "," NONCE "}", ACME_BAD_SIGNATURE_ALGORITHM,
       ACME_JWS_REQUEST},
      {"{\"alg\":\"PS256\"," KID "," URL "," NONCE "}", ACME_BAD_SIGNATURE_ALGORITHM,
       ACME_JWS_REQUEST},
      {"{\"alg\":\"HS256\",\"jwk\":{}," URL "}", ACME_BAD_SIGNATURE_ALGORITHM, ACME_JWS_KEY_CHANGE},
      {"{" ALG "," KID "," URL "}", ACME_BAD_SIGNATURE_ALGORITHM, ACME_JWS_BINDING},
      {"{\"alg\":\"none\"," KID "," URL "}", ACME_BAD_SIGNATURE_ALGORITHM, ACME_JWS_BINDING},
      {"{\"alg\":\"HS224\"," KID "," URL "}", ACME_BAD_SIGNATURE_ALGORITHM, ACME_JWS_BINDING},
      {"{" ALG "," KID ",\"jwk\":{}," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID ",\"jwk\":null," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"jwk\":null," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"jwk\":\"{}\"," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"kid\":1," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"kid\":\"\"," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG ",\"kid\":\"a\\u0000b\"," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "}", ACME_MALFORMED, ACME_JWS_KEY_CHANGE},
      {"{" ALG ",\"jwk\":{}," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_KEY_CHANGE},
      {"{\"alg\":\"HS256\",\"jwk\":{}," URL "}", ACME_MALFORMED, ACME_JWS_BINDING},
      {"{\"alg\":\"HS256\"," KID "," URL "," NONCE "}", ACME_MALFORMED, ACME_JWS_BINDING},
      {"{\"alg\":\"HS256\"," KID "," URL ",\"nonce\":null}", ACME_MALFORMED, ACME_JWS_BINDING},
      {"{\"alg\":\"HS256\"," KID "}", ACME_MALFORMED, ACME_JWS_BINDING},
      {"{" ALG "," KID "," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID ",\"url\":7," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID ",\"url\":\"\"," NONCE "}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "}", ACME_BAD_NONCE, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL ",\"nonce\":\"\"}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL ",\"nonce\":1}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL ",\"nonce\":\"AA==\"}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL ",\"nonce\":\"AB\"}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL ",\"nonce\":\"A+/A\"}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"crit\":[]}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"crit\":[\"exp\"]}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"b64\":true}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"b64\":null}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"x\":" DEEP16 "}", ACME_NONE, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"x\":[" DEEP16 "]}", ACME_MALFORMED, ACME_JWS_REQUEST},
      {"{" ALG "," KID "," URL "," NONCE ",\"x\":\"\xff\"}", ACME_MALFORMED, ACME_JWS_REQUEST},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_bytes body = jws_of(cases[i].header, "{}");
    expect(mtc_span_of_bytes(&body), cases[i].form, cases[i].type);
    mtc_bytes_free(&body);
  }
}

static void refuses_payloads(void **state) {
  (void)state;
  static const struct {
    const char *payload;
    enum acme_problem_type type;
  } cases[] = {
      {"", ACME_NONE},
      {"{}", ACME_NONE},
      {"{\"a\":\"]]}}[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}", ACME_NONE},
      {"{\"a\":" DEEP16 "}", ACME_NONE},
      {"{\"a\":[" DEEP16 "]}", ACME_MALFORMED},
      {"{\"a\":\"\\\\\",\"b\":[" DEEP16 "]}", ACME_MALFORMED},
      {"[]", ACME_MALFORMED},
      {"\"\"", ACME_MALFORMED},
      {"null", ACME_MALFORMED},
      {"{", ACME_MALFORMED},
      {"{} {}", ACME_MALFORMED},
      {"{\"a\":1,\"a\":2}", ACME_MALFORMED},
      {"{\"a\":{\"b\":1,\"b\":2}}", ACME_MALFORMED},
      {"{\"a\":\"\\u0000\"}", ACME_MALFORMED},
      {"{\"a\":\"\xc0\x80\"}", ACME_MALFORMED},
      {"{\"a\":\"\\", ACME_MALFORMED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_bytes body = jws_of(HEADER, cases[i].payload);
    expect(mtc_span_of_bytes(&body), ACME_JWS_REQUEST, cases[i].type);
    mtc_bytes_free(&body);
  }
}

static void refuses_bodies(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "{}",
      "[]",
      "null",
      "eyJ9.e30.AAAA",
      "{\"payload\":\"\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":\"\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"A\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAA=\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AB\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":7}",
      "{\"protected\":\"P\",\"payload\":null,\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":{},\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":\"e30=\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":\"e30 \",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P=\",\"payload\":\"\",\"signature\":\"AAAA\"}",
      "{\"protected\":{},\"payload\":\"\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"\",\"payload\":\"\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAAA\",\"header\":{}}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAAA\",\"header\":null}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAAA\",\"signatures\":[]}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAAA\",\"signature\":\"AAAA\"}",
      "{\"protected\":\"P\",\"payload\":\"\",\"signature\":\"AAAA\"}x",
  };
  struct mtc_bytes header = {0};
  acme_append_base64url(&header, mtc_span_of_text(HEADER));
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct mtc_bytes body = {0};
    for (const char *c = bad[i]; *c; c++)
      if (c[0] == 'P' && c[-1] == '"')
        mtc_bytes_append_span(&body, mtc_span_of_bytes(&header));
      else
        mtc_bytes_append(&body, c, 1);
    expect(mtc_span_of_bytes(&body), ACME_JWS_REQUEST, ACME_MALFORMED);
    mtc_bytes_free(&body);
  }
  mtc_bytes_free(&header);
  uint8_t *large = mtc_alloc(ACME_MAX_JWS_LEN + 1, 1);
  assert_non_null(large);
  memset(large, '[', ACME_MAX_JWS_LEN + 1);
  expect(mtc_span_of(large, ACME_MAX_JWS_LEN), ACME_JWS_REQUEST, ACME_MALFORMED);
  expect(mtc_span_of(large, ACME_MAX_JWS_LEN + 1), ACME_JWS_REQUEST, ACME_MALFORMED);
  mtc_free(large);
}

static const struct acme_jws_header with_kid = {"https://ca.example/x", "AAAA", "1"};
static const struct acme_jws_header with_jwk = {"https://ca.example/x", "AAAA", NULL};

static void signs_and_verifies(void **state) {
  (void)state;
  for (unsigned i = 0; i < 2 * ACME_NUM_ALGORITHMS; i++) {
    const struct acme_jws_header *header = i % 2 ? &with_kid : &with_jwk;
    struct acme_key key, other, read;
    struct acme_jws jws;
    struct acme_problem problem = {0};
    struct mtc_bytes body = {0};
    assert_int_equal(acme_key_generate((enum acme_algorithm)(i / 2), &key, NULL), MTC_OK);
    assert_int_equal(acme_key_generate((enum acme_algorithm)(i / 2), &other, NULL), MTC_OK);
    assert_int_equal(acme_jws_sign(&key, header, mtc_span_of_text("{\"a\":1}"), &body, NULL),
                     MTC_OK);
    assert_int_equal(acme_jws_parse(mtc_span_of_bytes(&body), ACME_JWS_REQUEST, &jws, &problem),
                     ACME_NONE);
    assert_string_equal(jws.url, header->url);
    assert_string_equal(jws.nonce, "AAAA");
    assert_int_equal(json_integer_value(json_object_get(jws.json, "a")), 1);
    assert_int_equal(acme_jws_verify(&jws, &key, &problem), ACME_NONE);
    if (header->kid) {
      assert_string_equal(jws.kid, "1");
    } else {
      assert_int_equal(acme_key_from_jwk(jws.jwk, &read, &problem), ACME_NONE);
      assert_string_equal(read.thumbprint, key.thumbprint);
      acme_key_free(&read);
    }
    assert_int_equal(acme_jws_verify(&jws, &other, &problem), ACME_MALFORMED);
    assert_int_equal(acme_jws_verify_mac(&jws, mtc_span_of_text(key.jwk), &problem),
                     ACME_UNAUTHORIZED);
    jws.signing_input.data[0] ^= 1;
    assert_int_equal(acme_jws_verify(&jws, &key, &problem), ACME_MALFORMED);
    jws.signing_input.data[0] ^= 1;
    for (unsigned a = 0; a < ACME_NUM_ALGORITHMS; a++) {
      jws.algorithm = (enum acme_algorithm)a;
      assert_int_equal(acme_jws_verify(&jws, &key, &problem),
                       a == i / 2 ? ACME_NONE : ACME_BAD_SIGNATURE_ALGORITHM);
    }
    acme_problem_free(&problem);
    acme_jws_free(&jws);
    mtc_bytes_free(&body);
    acme_key_free(&key);
    acme_key_free(&other);
  }
}

static void binds(void **state) {
  (void)state;
  struct mtc_span secret = mtc_span_of_text("a key that both have");
  static const struct acme_jws_header header = {"https://ca.example/x", NULL, "1"};
  struct acme_jws jws;
  struct acme_key key;
  struct acme_problem problem = {0};
  struct mtc_bytes body = {0};
  assert_int_equal(acme_key_generate(ACME_ES256, &key, NULL), MTC_OK);
  assert_int_equal(acme_jws_sign_mac(secret, &header, mtc_span_of_text(key.jwk), &body, NULL),
                   MTC_OK);
  assert_int_equal(acme_jws_parse(mtc_span_of_bytes(&body), ACME_JWS_BINDING, &jws, &problem),
                   ACME_NONE);
  assert_int_equal(jws.mac_bits, 256);
  assert_int_equal(acme_jws_verify_mac(&jws, secret, &problem), ACME_NONE);
  assert_int_equal(acme_jws_verify_mac(&jws, mtc_span_of_text("another"), &problem),
                   ACME_UNAUTHORIZED);
  assert_int_equal(acme_jws_verify_mac(&jws, mtc_span_of(NULL, 0), &problem), ACME_UNAUTHORIZED);
  assert_int_equal(acme_jws_verify(&jws, &key, &problem), ACME_BAD_SIGNATURE_ALGORITHM);
  jws.signature.len--;
  assert_int_equal(acme_jws_verify_mac(&jws, secret, &problem), ACME_UNAUTHORIZED);
  jws.signature.len++;
  for (unsigned bits = 256; bits <= 512; bits += 128) {
    uint8_t mac[64];
    unsigned len = 0;
    const EVP_MD *digest = bits == 256 ? EVP_sha256() : bits == 384 ? EVP_sha384() : EVP_sha512();
    assert_non_null(HMAC(digest, secret.data, (int)secret.len, jws.signing_input.data,
                         jws.signing_input.len, mac, &len));
    jws.mac_bits = bits;
    mtc_bytes_clear(&jws.signature);
    mtc_bytes_append(&jws.signature, mac, len);
    assert_int_equal(acme_jws_verify_mac(&jws, secret, &problem), ACME_NONE);
    jws.signature.data[len - 1] ^= 1;
    assert_int_equal(acme_jws_verify_mac(&jws, secret, &problem), ACME_UNAUTHORIZED);
  }
  jws.mac_bits = 0;
  assert_int_equal(acme_jws_verify_mac(&jws, secret, &problem), ACME_UNAUTHORIZED);
  assert_int_equal(acme_jws_sign_mac(mtc_span_of(NULL, 0), &header, secret, &body, NULL),
                   MTC_FATAL);
  assert_int_equal(acme_jws_sign_mac(secret, &with_jwk, secret, &body, NULL), MTC_FATAL);
  acme_problem_free(&problem);
  acme_jws_free(&jws);
  acme_key_free(&key);
  mtc_bytes_free(&body);
}

/* Text that is no JSON string is an error, never a header without it. */
static void writes_whole_headers(void **state) {
  (void)state;
  static const struct acme_jws_header bad[] = {
      {"\xff", "AAAA", "1"}, {"u", "\xff", "1"}, {"u", "AAAA", "\xff"}};
  struct acme_key key;
  struct mtc_bytes body = {0};
  assert_int_equal(acme_key_generate(ACME_EDDSA, &key, NULL), MTC_OK);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(acme_jws_sign(&key, &bad[i], mtc_span_of(NULL, 0), &body, NULL), MTC_NOMEM);
  assert_int_equal(body.len, 0);
  acme_key_free(&key);
  mtc_bytes_free(&body);
}

/* An object of plain strings is what libjansson makes of it; everything else is left to libjansson.
 */
static void reads_flat_objects(void **state) {
  (void)state;
  static const char *const flat[] = {
      "{\"a\":\"b\"}",
      HEADER,
      " {\t\"a\" :\r\n\"\" , \"\": \"~ !#[]{}:,\" } \n",
  };
  static const char *const others[] = {
      "",
      "{",
      "{}",
      "[\"a\"]",
      "{\"a\":1}",
      "{\"a\":\"b\"",
      "{\"a\":\"b}",
      "{\"a\":\"b\",}",
      "{\"a\":\"b\"}}",
      "{\"a\":\"b\"} x",
      "{\"a\":\"b\",\"a\":\"c\"}",
      "{\"a\":\"\\u0062\"}",
      "{\"\\u0061\":\"b\"}",
      "{\"a\":\"b\tc\"}",
      "{\"a\":\"b\r\"}",
      "{\"a\n\":\"b\"}",
      "{\"a\":\"\xc3\xa4\"}",
      "{\"a\":\"\x7f\"}",
      "{\"a\":{\"b\":\"c\"}}",
      "{\"a\":[\"b\"]}",
      "{\"a\":null}",
      "{\"a\" \"b\"}",
      "{a:\"b\"}",
      "{\"a\":\"b\" \"c\":\"d\"}",
      "{,\"a\":\"b\"}",
      "\"a\"",
      "{\"a\":\"",
  };
  for (size_t i = 0; i < sizeof flat / sizeof *flat; i++) {
    json_t *object = acme_flat_json_load(mtc_span_of_text(flat[i]));
    json_t *same = json_loads(flat[i], JSON_REJECT_DUPLICATES, NULL);
    assert_true(object && same && json_equal(object, same));
    json_decref(object);
    json_decref(same);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (acme_flat_json_load(mtc_span_of_text(others[i]))) fail_msg("%s", others[i]);
  assert_null(acme_flat_json_load(mtc_span_of("{\"a\":\"b\0c\"}", 11)));
}

/* Whichever allocation fails, it is said, and nothing leaks. */
static void runs_out_of_memory(void **state) {
  (void)state;
  struct mtc_bytes body = jws_of(HEADER, "{\"a\":1}");
  enum acme_problem_type type = ACME_SERVER_INTERNAL;
  long count = 0;
  for (; type; count++) {
    struct acme_jws jws;
    struct acme_problem problem = {0};
    mtc_alloc_fail_after(count);
    type = acme_jws_parse(mtc_span_of_bytes(&body), ACME_JWS_REQUEST, &jws, &problem);
    mtc_alloc_fail_after(-1);
    assert_true(type == ACME_NONE || type == ACME_SERVER_INTERNAL);
    acme_problem_free(&problem);
    acme_jws_free(&jws);
  }
  assert_true(count > 5);
  mtc_bytes_free(&body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_headers),
      cmocka_unit_test(refuses_payloads),
      cmocka_unit_test(refuses_bodies),
      cmocka_unit_test(signs_and_verifies),
      cmocka_unit_test(binds),
      cmocka_unit_test(writes_whole_headers),
      cmocka_unit_test(reads_flat_objects),
      cmocka_unit_test(runs_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
