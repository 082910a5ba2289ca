/* Which SubjectPublicKeyInfo a CA certifies: RSA down to its INTEGERs, weak and invalid points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entry/der.h"
#include "entry/public_key.h"

static void expect(struct mtc_bytes *key, const char *problem, unsigned type, unsigned bits) {
  struct mtc_error error = {""};
  unsigned found_type = 0, found_bits = 0;
  mtc_status status =
      mtc_public_key_check(mtc_span_of_bytes(key), &found_type, &found_bits, &error);
  if (problem) {
    assert_int_equal(status, MTC_INPUT);
    if (!strstr(error.text, problem)) fail_msg("\"%s\" instead of \"%s\"", error.text, problem);
  } else {
    if (status) fail_msg("%s", error.text);
    assert_int_equal(found_type, type);
    assert_int_equal(found_bits, bits);
  }
  mtc_bytes_free(key);
}

static void append_info(struct mtc_bytes *out, struct mtc_span algorithm, uint8_t unused,
                        struct mtc_span key) {
  size_t info = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, algorithm);
  size_t bits = mtc_der_open(out, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(out, unused, 1);
  mtc_bytes_append_span(out, key);
  mtc_der_close(out, bits);
  mtc_der_close(out, info);
}

/* How an RSAPublicKey is made, and made wrong; what is zero is as it should be. */
struct rsa {
  size_t bits;          /* of the modulus */
  const char *exponent; /* contents octets in hexadecimal */
  const char *modulus;  /* instead of one of `bits` bits */
  const char *after;    /* behind the SEQUENCE */
  const char *inside;   /* behind the exponent */
  uint8_t unused;
  bool is_even, is_padded, has_long_length, is_indefinite;
};

static void append_hex(struct mtc_bytes *out, const char *hex) {
  assert_int_equal(mtc_bytes_append_decoded_hex(out, mtc_span_of_text(hex ? hex : "")), MTC_OK);
}

static void append_modulus(const struct rsa *rsa, struct mtc_bytes *out) {
  size_t len = (rsa->bits + 7) / 8, position = mtc_der_open(out, MTC_DER_INTEGER);
  if (rsa->modulus) {
    append_hex(out, rsa->modulus);
  } else {
    unsigned top = 1u << (rsa->bits - 1) % 8;
    if (rsa->is_padded) mtc_bytes_append_uint(out, 0, 1);
    if (top == 0x80) mtc_bytes_append_uint(out, 0, 1);
    mtc_bytes_append_uint(out, top, 1);
    for (size_t i = 2; i < len; i++)
      mtc_bytes_append_uint(out, 0x5a, 1);
    mtc_bytes_append_uint(out, rsa->is_even ? 0x5a : 0x5b, 1);
  }
  mtc_der_close(out, position);
}

static void expect_rsa(struct rsa rsa, const char *problem) {
  static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                      0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
  struct mtc_bytes contents = {0}, key = {0}, info = {0};
  append_modulus(&rsa, &contents);
  size_t exponent = mtc_der_open(&contents, MTC_DER_INTEGER);
  append_hex(&contents, rsa.exponent);
  mtc_der_close(&contents, exponent);
  append_hex(&contents, rsa.inside);
  if (rsa.has_long_length || rsa.is_indefinite) {
    append_hex(&key, rsa.is_indefinite ? "3080" : "308300");
    if (rsa.has_long_length) mtc_bytes_append_uint(&key, contents.len, 2);
    mtc_bytes_append_span(&key, mtc_span_of_bytes(&contents));
    if (rsa.is_indefinite) append_hex(&key, "0000");
  } else {
    mtc_der_append(&key, MTC_DER_SEQUENCE, mtc_span_of_bytes(&contents));
  }
  append_hex(&key, rsa.after);
  append_info(&info, mtc_span_of(algorithm, sizeof algorithm), rsa.unused, mtc_span_of_bytes(&key));
  expect(&info, problem, MTC_KEY_RSA, (unsigned)rsa.bits);
  mtc_bytes_free(&contents);
  mtc_bytes_free(&key);
}

#define F4 "010001"
#define ONES_32 "01010101010101010101010101010101"

static void rsa_sizes_and_exponents(void **state) {
  (void)state;
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4}, NULL);
  expect_rsa((struct rsa){.bits = 2049, .exponent = F4}, NULL);
  expect_rsa((struct rsa){.bits = 2055, .exponent = F4}, NULL);
  expect_rsa((struct rsa){.bits = 8192, .exponent = F4}, NULL);
  expect_rsa((struct rsa){.bits = 2047, .exponent = F4}, "2047 bits; at least 2048");
  expect_rsa((struct rsa){.bits = 8193, .exponent = F4}, "8193 bits; at most 8192");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .is_even = true}, "modulus is even");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "03"}, "exponent is below 65537");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "00ffff"}, "exponent is below 65537");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "010000"}, "exponent is even");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "010002"}, "exponent is even");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "00"}, "exponent is not positive");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "ff"}, "exponent is not positive");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "010003"}, NULL);
  expect_rsa((struct rsa){.bits = 2048,
                          .exponent = "00"
                                      "81" ONES_32 "010101010101010101010101010101"},
             NULL);
  expect_rsa((struct rsa){.bits = 2048, .exponent = ONES_32 ONES_32 "01"},
             "exponent is above 2^256-1");
  expect_rsa((struct rsa){.bits = 3072, .exponent = "010000000000000001"}, NULL);
  expect_rsa((struct rsa){.bits = 3073, .exponent = "010000000000000001"},
             "exponent is above 2^64-1 beside");
  expect_rsa((struct rsa){.bits = 4096, .exponent = "00ffffffffffffffff"}, NULL);
}

static void rsa_keys_are_der(void **state) {
  (void)state;
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .is_padded = true},
             "not a SEQUENCE in DER");
  expect_rsa((struct rsa){.bits = 2048, .exponent = "00010001"}, "not a SEQUENCE in DER");
  expect_rsa((struct rsa){.bits = 2048, .exponent = ""}, "not a SEQUENCE in DER");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .modulus = "00"},
             "modulus is not positive");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .modulus = "8001"},
             "modulus is not positive");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .has_long_length = true},
             "not a SEQUENCE in DER");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .is_indefinite = true},
             "not a SEQUENCE in DER");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .after = "00"}, "bytes follow it");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .inside = "020101"},
             "modulus and a public exponent alone");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .inside = "0500"},
             "modulus and a public exponent alone");
  expect_rsa((struct rsa){.bits = 2048, .exponent = F4, .unused = 1}, "not whole octets");
}

static void append_ed25519(struct mtc_bytes *out, const char *hex) {
  static const uint8_t algorithm[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
  struct mtc_bytes point = {0};
  append_hex(&point, hex);
  assert_int_equal(point.len, 32);
  append_info(out, mtc_span_of(algorithm, sizeof algorithm), 0, mtc_span_of_bytes(&point));
  mtc_bytes_free(&point);
}

#define Z15 "000000000000000000000000000000"
#define F15 "ffffffffffffffffffffffffffffff"

static void small_ed25519_points(void **state) {
  (void)state;
  static const struct {
    const char *hex, *problem;
  } cases[] = {
      {"00" Z15 Z15 "00", "small order"},
      {"00" Z15 Z15 "80", "small order"},
      {"01" Z15 Z15 "00", "small order"},
      {"01" Z15 Z15 "80", "small order"},
      {"ec" F15 F15 "7f", "small order"},
      {"ec" F15 F15 "ff", "small order"},
      {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "small order"},
      {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "small order"},
      {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "small order"},
      {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "small order"},
      {"ed" F15 F15 "7f", "not reduced"}, /* 0, 1 and above, written with the prime added */
      {"ed" F15 F15 "ff", "not reduced"},
      {"ee" F15 F15 "7f", "not reduced"},
      {"ff" F15 F15 "ff", "not reduced"},
      {"eb" F15 F15 "7f", NULL},
      {"02" Z15 Z15 "00", NULL},
      /* RFC 8032, "Test Vectors for Ed25519" */
      {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes key = {0};
    append_ed25519(&key, cases[i].hex);
    expect(&key, cases[i].problem, MTC_KEY_ED25519, 0);
  }
}

static void expect_point(const char *hex, mtc_status expected) {
  struct mtc_error error = {""};
  struct mtc_bytes key = {0};
  append_ed25519(&key, hex);
  assert_int_equal(mtc_public_key_check_point(mtc_span_of_bytes(&key), &error), expected);
  mtc_bytes_free(&key);
}

static void points_lie_on_their_curve(void **state) {
  (void)state;
  struct mtc_error error = {""};
  expect_point("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", MTC_OK);
  /* Small y: whether there is an x was computed apart. */
  static const bool has_x[] = {true, true, false, true, true, true, true, false, false, true};
  for (unsigned y = 0; y < sizeof has_x / sizeof *has_x; y++) {
    char hex[65];
    (void)snprintf(hex, sizeof hex, "%02x%062d", y, 0);
    expect_point(hex, has_x[y] ? MTC_OK : MTC_INPUT);
  }
  static const char *const curves[] = {"P-256", "P-384"};
  for (size_t i = 0; i < 2; i++) {
    EVP_PKEY *pair = EVP_EC_gen(curves[i]);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pair, &der);
    struct mtc_span span = mtc_span_of(der, (size_t)len);
    assert_int_equal(mtc_public_key_check_point(span, &error), MTC_OK);
    der[len - 1] ^= 1;
    assert_int_equal(mtc_public_key_check_point(span, &error), MTC_INPUT);
    assert_non_null(strstr(error.text, "not a point of its curve"));
    OPENSSL_free(der);
    EVP_PKEY_free(pair);
  }
}

static void other_keys(void **state) {
  (void)state;
  static const char *const broken[] = {"", "3000", "0500", "3004300006000500",
                                       "300630000302000000"};
  static uint8_t raw[2592];
  static const uint8_t mldsa44[] = {0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                    0x01, 0x65, 0x03, 0x04, 0x03, 0x11};
  static const uint8_t unknown[] = {0x30, 0x04, 0x06, 0x02, 0x2a, 0x03};
  struct mtc_bytes key = {0};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    append_hex(&key, broken[i]);
    expect(&key, "not one in DER", 0, 0);
  }
  append_info(&key, mtc_span_of(mldsa44, sizeof mldsa44), 0, mtc_span_of(raw, 1312));
  expect(&key, NULL, MTC_KEY_MLDSA44, 0);
  append_info(&key, mtc_span_of(mldsa44, sizeof mldsa44), 0, mtc_span_of(raw, 1311));
  expect(&key, "the key is none of", 0, 0);
  append_info(&key, mtc_span_of(unknown, sizeof unknown), 0, mtc_span_of(raw, 32));
  expect(&key, "the key is none of", 0, 0);
  append_info(&key, mtc_span_of(unknown, sizeof unknown), 0, mtc_span_of(raw, 0));
  expect(&key, "empty or not whole octets", 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rsa_sizes_and_exponents),
      cmocka_unit_test(rsa_keys_are_der),
      cmocka_unit_test(small_ed25519_points),
      cmocka_unit_test(points_lie_on_their_curve),
      cmocka_unit_test(other_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
