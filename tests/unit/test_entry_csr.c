/* Certification requests, good and hostile, to log entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entry/der.h"
#include "entry/fields.h"
#include "mtc/entry.h"

static const struct mtc_profile profile = {
    .name = "test-7d",
    .validity_s = 7 * 86400,
    .backdate_s = 300,
    .key_types = MTC_KEY_P256 | MTC_KEY_P384 | MTC_KEY_RSA | MTC_KEY_ED25519 | MTC_KEY_MLDSA44,
    .min_rsa_bits = 2048,
    .allow_wildcards = true,
    .allow_ip = true,
    .max_names = 10,
    .ext_key_usage_server = true,
    .policy_oid = "2.23.140.1.2.1",
};

/* How to make a request, and how to make it wrong. */
struct request {
  EVP_PKEY *key;
  const char *digest;
  struct mtc_span subject;    /* whole TLV; empty: an empty Name */
  struct mtc_span extensions; /* contents of Extensions */
  bool no_extensions;
  bool break_signature;
  unsigned version;
};

static EVP_PKEY *p256, *p384, *rsa2048, *ed25519, *mldsa44;
static struct mtc_tai ca_id;

static void append_extension(struct mtc_bytes *out, const char *oid, struct mtc_span value) {
  size_t extension = mtc_der_open(out, MTC_DER_SEQUENCE);
  assert_int_equal(mtc_der_append_oid(out, oid), MTC_OK);
  mtc_der_append(out, MTC_DER_OCTET_STRING, value);
  mtc_der_close(out, extension);
}

/* Extensions with one subjectAltName of `num` names of kind `tag`. */
static void append_names(struct mtc_bytes *out, uint8_t tag, const struct mtc_span *names,
                         size_t num) {
  struct mtc_bytes value = {0};
  size_t sequence = mtc_der_open(&value, MTC_DER_SEQUENCE);
  for (size_t i = 0; i < num; i++)
    mtc_der_append(&value, tag, names[i]);
  mtc_der_close(&value, sequence);
  append_extension(out, "2.5.29.17", mtc_span_of_bytes(&value));
  mtc_bytes_free(&value);
}

static void make_request(const struct request *request, struct mtc_bytes *out) {
  struct mtc_bytes info = {0};
  unsigned char *spki = NULL;
  int spki_len = i2d_PUBKEY(request->key, &spki);
  size_t sequence = mtc_der_open(&info, MTC_DER_SEQUENCE);
  mtc_der_append_uint(&info, request->version);
  if (request->subject.len)
    mtc_bytes_append_span(&info, request->subject);
  else
    mtc_bytes_append(&info, "\x30\x00", 2);
  mtc_bytes_append(&info, spki, (size_t)spki_len);
  size_t attributes = mtc_der_open(&info, 0xa0);
  if (!request->no_extensions) {
    size_t attribute = mtc_der_open(&info, MTC_DER_SEQUENCE);
    assert_int_equal(mtc_der_append_oid(&info, "1.2.840.113549.1.9.14"), MTC_OK);
    size_t set = mtc_der_open(&info, MTC_DER_SET);
    mtc_der_append(&info, MTC_DER_SEQUENCE, request->extensions);
    mtc_der_close(&info, set);
    mtc_der_close(&info, attribute);
  }
  mtc_der_close(&info, attributes);
  mtc_der_close(&info, sequence);

  EVP_MD_CTX *context = EVP_MD_CTX_new();
  static uint8_t signature[8192];
  size_t signature_len = sizeof signature;
  assert_int_equal(
      EVP_DigestSignInit_ex(context, NULL, request->digest, NULL, NULL, request->key, NULL), 1);
  assert_int_equal(EVP_DigestSign(context, signature, &signature_len, info.data, info.len), 1);
  EVP_MD_CTX_free(context);
  /* The identifier of the signature algorithm, out of a request that libcrypto makes. */
  X509_REQ *model = X509_REQ_new();
  const X509_ALGOR *algorithm;
  unsigned char *identifier = NULL;
  X509_REQ_set_pubkey(model, request->key);
  EVP_MD *digest = request->digest ? EVP_MD_fetch(NULL, request->digest, NULL) : NULL;
  assert_true(X509_REQ_sign(model, request->key, digest) > 0);
  EVP_MD_free(digest);
  X509_REQ_get0_signature(model, NULL, &algorithm);
  int identifier_len = i2d_X509_ALGOR(algorithm, &identifier);

  if (request->break_signature) signature[signature_len / 2] ^= 1;
  sequence = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, mtc_span_of_bytes(&info));
  mtc_bytes_append(out, identifier, (size_t)identifier_len);
  size_t bits = mtc_der_open(out, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(out, 0, 1);
  mtc_bytes_append(out, signature, signature_len);
  mtc_der_close(out, bits);
  mtc_der_close(out, sequence);
  X509_REQ_free(model);
  OPENSSL_free(identifier);
  OPENSSL_free(spki);
  mtc_bytes_free(&info);
}

static void expect(const struct mtc_profile *rules, const struct request *request,
                   const char *problem) {
  struct mtc_bytes csr = {0}, entry = {0}, key = {0};
  struct mtc_error error = {""};
  make_request(request, &csr);
  mtc_bytes_append_text(&entry, "before");
  mtc_status status = mtc_entry_from_csr(mtc_wire_get(MTC_WIRE_PLANTS_07), &ca_id, rules,
                                         mtc_span_of_bytes(&csr), 1767225600, &entry, &key, &error);
  if (!problem) {
    if (status) fail_msg("%s", error.text);
    struct mtc_log_entry parsed;
    struct mtc_tbs_entry tbs;
    struct mtc_span encoded = mtc_span_of(entry.data + 6, entry.len - 6);
    assert_int_equal(mtc_log_entry_parse(encoded, &parsed, &error), MTC_OK);
    assert_int_equal(
        mtc_tbs_entry_parse(mtc_wire_get(MTC_WIRE_PLANTS_07), &ca_id, parsed.tbs, &tbs, &error),
        MTC_OK);
    assert_int_equal(tbs.not_before, 1767225600 - rules->backdate_s);
    assert_int_equal(tbs.not_after, tbs.not_before + rules->validity_s - 1);
    struct mtc_hash hash;
    mtc_hash_message(mtc_span_of_bytes(&key), &hash);
    assert_memory_equal(hash.bytes, tbs.public_key_hash.data, MTC_HASH_LEN);
  } else {
    assert_int_equal(status, MTC_INPUT);
    if (!strstr(error.text, problem)) fail_msg("\"%s\" instead of \"%s\"", error.text, problem);
    assert_int_equal(entry.len, 6);
    assert_int_equal(key.len, 0);
  }
  mtc_bytes_free(&csr);
  mtc_bytes_free(&entry);
  mtc_bytes_free(&key);
}

static void expect_names(const struct mtc_profile *rules, uint8_t tag, const struct mtc_span *names,
                         size_t num, const char *problem) {
  struct mtc_bytes extensions = {0};
  append_names(&extensions, tag, names, num);
  struct request request = {
      .key = p256, .digest = "SHA2-256", .extensions = mtc_span_of_bytes(&extensions)};
  expect(rules, &request, problem);
  mtc_bytes_free(&extensions);
}

static void expect_name(const char *name, const char *problem) {
  struct mtc_span span = mtc_span_of_text(name);
  expect_names(&profile, 0x82, &span, 1, problem);
}

static void every_key_type(void **state) {
  (void)state;
  const struct {
    EVP_PKEY *key;
    const char *digest;
    unsigned type;
  } keys[] = {{p256, "SHA2-256", MTC_KEY_P256},
              {p384, "SHA2-256", MTC_KEY_P384},
              {rsa2048, "SHA2-256", MTC_KEY_RSA},
              {ed25519, NULL, MTC_KEY_ED25519},
              {mldsa44, NULL, MTC_KEY_MLDSA44}};
  struct mtc_bytes extensions = {0};
  struct mtc_span name = mtc_span_of_text("www.example");
  append_names(&extensions, 0x82, &name, 1);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct request request = {
        .key = keys[i].key, .digest = keys[i].digest, .extensions = mtc_span_of_bytes(&extensions)};
    expect(&profile, &request, NULL);
    request.break_signature = true;
    expect(&profile, &request, "signature does not verify");
    request.break_signature = false;
    struct mtc_profile without = profile;
    without.key_types &= ~keys[i].type;
    expect(&without, &request, "does not allow this type of key");
  }
  mtc_bytes_free(&extensions);
}

static void weak_and_unknown_keys(void **state) {
  (void)state;
  struct mtc_bytes extensions = {0};
  struct mtc_span name = mtc_span_of_text("www.example");
  append_names(&extensions, 0x82, &name, 1);
  EVP_PKEY *rsa1024 = EVP_RSA_gen(1024), *p521 = EVP_EC_gen("P-521");
  struct request request = {
      .key = rsa1024, .digest = "SHA2-256", .extensions = mtc_span_of_bytes(&extensions)};
  expect(&profile, &request, "1024 bits; at least 2048");
  request.key = p521;
  expect(&profile, &request, "the key is none of");
  request = (struct request){.key = p256,
                             .digest = "SHA2-256",
                             .version = 1,
                             .extensions = mtc_span_of_bytes(&extensions)};
  expect(&profile, &request, "version is not v1");
  EVP_PKEY_free(rsa1024);
  EVP_PKEY_free(p521);
  mtc_bytes_free(&extensions);
}

static void weak_digests(void **state) {
  (void)state;
  struct mtc_bytes extensions = {0};
  struct mtc_span name = mtc_span_of_text("www.example");
  append_names(&extensions, 0x82, &name, 1);
  const struct {
    EVP_PKEY *key;
    const char *digest, *problem;
  } cases[] = {{rsa2048, "MD5", "MD5 or SHA-1"}, {rsa2048, "SHA1", "MD5 or SHA-1"},
               {p256, "SHA1", "MD5 or SHA-1"},   {p384, "SHA1", "MD5 or SHA-1"},
               {rsa2048, "SHA2-384", NULL},      {rsa2048, "SHA2-512", NULL},
               {p384, "SHA2-384", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct request request = {.key = cases[i].key,
                              .digest = cases[i].digest,
                              .extensions = mtc_span_of_bytes(&extensions)};
    expect(&profile, &request, cases[i].problem);
  }
  mtc_bytes_free(&extensions);
}

static void dns_names(void **state) {
  (void)state;
  char label63[80], label64[80], longest[300], too_long[300];
  memset(label63, 'a', 63);
  memcpy(label63 + 63, ".example", 9);
  memset(label64, 'a', 64);
  memcpy(label64 + 64, ".example", 9);
  for (int i = 0; i < 260; i++)
    longest[i] = too_long[i] = i % 2 ? '.' : 'a';
  longest[253] = too_long[255] = 0;
  expect_name("www.example", NULL);
  expect_name("WWW.Example", NULL);
  expect_name("*.www.example", NULL);
  expect_name("xn--bcher-kva.example", NULL);
  expect_name(label63, NULL);
  expect_name(longest, NULL);
  expect_name("", "is empty");
  expect_name(label64, "label");
  expect_name(too_long, "longer than 253");
  expect_name("www..example", "label");
  expect_name(".www.example", "label");
  expect_name("www.example.", "label");
  expect_name("-a.example", "label");
  expect_name("a-.example", "label");
  expect_name("a_b.example", "label");
  expect_name("a b.example", "label");
  expect_name("a@b.example", "label");
  expect_name("localhost", "single label");
  expect_name("*.example", "top-level domain");
  expect_name("www.*.example", "label");
  expect_name("w*.www.example", "label");
  expect_name("*", "label");
  expect_name("192.0.2.1", "ends in a number");
  expect_name(
      "b\xc3\xbc"
      "cher.example",
      "not ASCII");
  expect_name("a\x1f.example", "a\\x1f.example\" holds a NUL or control byte");
  expect_name("a\n.example", "holds a NUL or control byte");
  struct mtc_span with_nul = mtc_span_of("www.example\0.evil.example", 25);
  expect_names(&profile, 0x82, &with_nul, 1, "holds a NUL or control byte");
}

static void other_names_and_numbers_of_names(void **state) {
  (void)state;
  struct mtc_span ip4 = mtc_span_of("\xc0\x00\x02\x01", 4),
                  ip5 = mtc_span_of("\xc0\x00\x02\x01\x01", 5);
  struct mtc_span mail = mtc_span_of_text("a@b.example");
  expect_names(&profile, 0x87, &ip4, 1, NULL);
  expect_names(&profile, 0x87, &ip5, 1, "5 bytes");
  expect_names(&profile, 0x81, &mail, 1, "neither dNSName nor iPAddress");
  expect_names(&profile, 0x82, NULL, 0, "holds no name");
  struct mtc_profile strict = profile;
  strict.allow_ip = strict.allow_wildcards = false;
  struct mtc_span wildcard = mtc_span_of_text("*.www.example");
  expect_names(&strict, 0x87, &ip4, 1, "no IP addresses");
  expect_names(&strict, 0x82, &wildcard, 1, "wildcard, which the profile does not allow");
  struct mtc_span names[11];
  char texts[11][16];
  for (size_t i = 0; i < 11; i++) {
    (void)snprintf(texts[i], sizeof texts[i], "n%zu.example", i);
    names[i] = mtc_span_of_text(texts[i]);
  }
  expect_names(&profile, 0x82, names, 10, NULL);
  expect_names(&profile, 0x82, names, 11, "more than the 10 names");
  names[10] = names[0]; /* a repeated name is one name */
  expect_names(&profile, 0x82, names, 11, NULL);
}

static void append_rdn(struct mtc_bytes *out, const char *oid, uint8_t tag, struct mtc_span value) {
  size_t rdn = mtc_der_open(out, MTC_DER_SET);
  size_t attribute = mtc_der_open(out, MTC_DER_SEQUENCE);
  assert_int_equal(mtc_der_append_oid(out, oid), MTC_OK);
  mtc_der_append(out, tag, value);
  mtc_der_close(out, attribute);
  mtc_der_close(out, rdn);
}

static void append_subject(struct mtc_bytes *out, const char *oid, struct mtc_span value) {
  size_t name = mtc_der_open(out, MTC_DER_SEQUENCE);
  append_rdn(out, oid, MTC_DER_UTF8_STRING, value);
  mtc_der_close(out, name);
}

/* Common names that name no host: an error of their own alone, not looked at beside a
 * subjectAltName. */
static void common_names_beside_alternative_names(void **state) {
  (void)state;
  const struct {
    uint8_t tag;
    struct mtc_span value;
    unsigned times;
    const char *problem;
  } cases[] = {
      {0x1e, mtc_span_of("\0B\0\xfc\0r\0o", 8), 1, "common name is a BMPString"},
      {0x1c, mtc_span_of("\0\0\0B", 4), 1, "common name is a UniversalString"},
      {0x14, mtc_span_of("B\xfcro", 4), 1, "common name is a TeletexString"},
      {0x30, mtc_span_of("", 0), 1, "common name is no string"},
      {0x0c, mtc_span_of_text(""), 1, "is empty"},
      {0x0c, mtc_span_of("a.example\0b", 11), 1, "NUL or control byte"},
      {0x0c, mtc_span_of_text("B\xc3\xbcro"), 1, "not ASCII"},
      {0x0c, mtc_span_of_text("www.example"), 2, "several common names"},
  };
  struct mtc_bytes extensions = {0};
  struct mtc_span name = mtc_span_of_text("www.example");
  append_names(&extensions, 0x82, &name, 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes subject = {0};
    size_t position = mtc_der_open(&subject, MTC_DER_SEQUENCE);
    for (unsigned k = 0; k < cases[i].times; k++)
      append_rdn(&subject, "2.5.4.3", cases[i].tag, cases[i].value);
    mtc_der_close(&subject, position);
    struct request request = {.key = p256,
                              .digest = "SHA2-256",
                              .no_extensions = true,
                              .subject = mtc_span_of_bytes(&subject)};
    expect(&profile, &request, cases[i].problem);
    request.no_extensions = false;
    request.extensions = mtc_span_of_bytes(&extensions);
    expect(&profile, &request, NULL);
    mtc_bytes_free(&subject);
  }
  mtc_bytes_free(&extensions);
}

static void subjects(void **state) {
  (void)state;
  const struct {
    const char *oid;
    struct mtc_span value;
    const char *problem;
  } cases[] = {
      {"2.5.4.3", mtc_span_of_text("www.example"), NULL},
      {"2.5.4.3", mtc_span_of_text("Example Limited"), "label"},
      {"2.5.4.3", mtc_span_of_text(""), "is empty"},
      {"2.5.4.3", mtc_span_of("www.example\0x", 13), "NUL or control"},
      {"2.5.4.10", mtc_span_of_text("Example Limited"), "nothing to certify"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes subject = {0};
    append_subject(&subject, cases[i].oid, cases[i].value);
    struct request request = {.key = p256,
                              .digest = "SHA2-256",
                              .no_extensions = true,
                              .subject = mtc_span_of_bytes(&subject)};
    expect(&profile, &request, cases[i].problem);
    mtc_bytes_free(&subject);
  }
  struct request request = {.key = p256, .digest = "SHA2-256", .no_extensions = true};
  expect(&profile, &request, "nothing to certify");
  request.subject = mtc_span_of("\x31\x00", 2);
  expect(&profile, &request, "subject is not a Name");
}

static void requested_extensions(void **state) {
  (void)state;
  struct mtc_span name = mtc_span_of_text("www.example");
  struct mtc_profile copies = profile;
  copies.copy_key_usage = true;
  const struct {
    const struct mtc_profile *rules;
    struct mtc_span usage;
    const char *problem;
  } cases[] = {
      {&profile, mtc_span_of("\x03\x02\x02\x04", 4), NULL}, /* keyCertSign, not looked at */
      {&copies, mtc_span_of("\x03\x02\x07\x80", 4), NULL},
      {&copies, mtc_span_of("\x03\x02\x02\x04", 4), "asks for more"},
      {&copies, mtc_span_of("\x03\x02\x05\xa0", 4), "asks for more"},
      {&copies, mtc_span_of("\x03\x01\x00", 3), "sets no bit"},
      {&copies, mtc_span_of("\x03\x02\x07\x00", 4), "sets no bit"},
      {&copies, mtc_span_of("\x03\x02\x00\x80", 4), "ends in zero bits"},
      {&copies, mtc_span_of("\x03\x02\x06\x80", 4), "ends in zero bits"},
      {&copies, mtc_span_of("\x03\x03\x00\x80\x00", 5), "ends in zero bits"},
      {&copies, mtc_span_of("\x03\x03\x07\x80\x80", 5), "asks for more"},
      {&copies, mtc_span_of("\x04\x02\x07\x80", 4), "not a BIT STRING"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes extensions = {0};
    append_names(&extensions, 0x82, &name, 1);
    append_extension(&extensions, "2.5.29.15", cases[i].usage);
    struct request request = {
        .key = p256, .digest = "SHA2-256", .extensions = mtc_span_of_bytes(&extensions)};
    expect(cases[i].rules, &request, cases[i].problem);
    append_extension(&extensions, "2.5.29.15", cases[i].usage);
    request.extensions = mtc_span_of_bytes(&extensions);
    expect(cases[i].rules, &request, "repeats extension");
    mtc_bytes_free(&extensions);
  }
  struct request request = {.key = p256, .digest = "SHA2-256"};
  expect(&profile, &request, "list of extensions is empty");
  request.extensions = mtc_span_of("\x30\x03\x06\x01\x2a", 5);
  expect(&profile, &request, "extension 0 is not one in DER");
}

static void cut_and_extended_requests(void **state) {
  (void)state;
  struct mtc_bytes extensions = {0}, csr = {0}, entry = {0}, key = {0};
  struct mtc_span name = mtc_span_of_text("www.example");
  struct mtc_error error;
  const struct mtc_wire *wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
  append_names(&extensions, 0x82, &name, 1);
  struct request request = {
      .key = p256, .digest = "SHA2-256", .extensions = mtc_span_of_bytes(&extensions)};
  make_request(&request, &csr);
  for (size_t len = 0; len < csr.len; len++) {
    struct mtc_bytes cut = {0};
    mtc_bytes_append(&cut, csr.data, len);
    assert_int_equal(mtc_entry_from_csr(wire, &ca_id, &profile, mtc_span_of_bytes(&cut), 0, &entry,
                                        &key, &error),
                     MTC_INPUT);
    mtc_bytes_free(&cut);
  }
  /* Every single flipped bit is noticed, by the encoding or by the signature. */
  for (size_t bit = 0; bit < 8 * csr.len; bit += 3) {
    csr.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    mtc_status status = mtc_entry_from_csr(wire, &ca_id, &profile, mtc_span_of_bytes(&csr), 0,
                                           &entry, &key, &error);
    if (status == MTC_OK) fail_msg("bit %zu can be flipped", bit);
    csr.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  mtc_bytes_append_uint(&csr, 0, 1);
  assert_int_equal(
      mtc_entry_from_csr(wire, &ca_id, &profile, mtc_span_of_bytes(&csr), 0, &entry, &key, &error),
      MTC_INPUT);
  assert_int_equal(entry.len, 0);
  mtc_bytes_free(&extensions);
  mtc_bytes_free(&csr);
  mtc_bytes_free(&entry);
  mtc_bytes_free(&key);
}

static void the_subject_decides_whether_names_are_critical(void **state) {
  (void)state;
  const struct mtc_span san = {(const uint8_t[]){0x06, 0x03, 0x55, 0x1d, 0x11}, 5};
  for (int with_subject = 0; with_subject < 2; with_subject++) {
    struct mtc_profile rules = profile;
    rules.subject_common_name = with_subject;
    struct mtc_bytes extensions = {0}, csr = {0}, entry = {0}, key = {0};
    struct mtc_span name = mtc_span_of_text("www.example");
    append_names(&extensions, 0x82, &name, 1);
    struct request request = {
        .key = p256, .digest = "SHA2-256", .extensions = mtc_span_of_bytes(&extensions)};
    make_request(&request, &csr);
    const struct mtc_wire *wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
    assert_int_equal(
        mtc_entry_from_csr(wire, &ca_id, &rules, mtc_span_of_bytes(&csr), 0, &entry, &key, NULL),
        MTC_OK);
    struct mtc_log_entry parsed;
    struct mtc_tbs_entry tbs;
    struct mtc_extension extension;
    assert_int_equal(mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, NULL), MTC_OK);
    assert_int_equal(mtc_tbs_entry_parse(wire, &ca_id, parsed.tbs, &tbs, NULL), MTC_OK);
    assert_int_equal(tbs.subject.len > 2, with_subject);
    assert_true(mtc_fields_find_extension(mtc_fields_extensions_of(tbs.rest), san, &extension));
    assert_int_equal(extension.critical, !with_subject);
    mtc_bytes_free(&extensions);
    mtc_bytes_free(&csr);
    mtc_bytes_free(&entry);
    mtc_bytes_free(&key);
  }
}

static int make_keys(void **state) {
  (void)state;
  p256 = EVP_EC_gen("P-256");
  p384 = EVP_EC_gen("P-384");
  rsa2048 = EVP_RSA_gen(2048);
  ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  mldsa44 = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-44");
  if (mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL)) return -1;
  return p256 && p384 && rsa2048 && ed25519 && mldsa44 ? 0 : -1;
}

static int free_keys(void **state) {
  (void)state;
  EVP_PKEY_free(p256);
  EVP_PKEY_free(p384);
  EVP_PKEY_free(rsa2048);
  EVP_PKEY_free(ed25519);
  EVP_PKEY_free(mldsa44);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_key_type),
      cmocka_unit_test(weak_and_unknown_keys),
      cmocka_unit_test(weak_digests),
      cmocka_unit_test(dns_names),
      cmocka_unit_test(other_names_and_numbers_of_names),
      cmocka_unit_test(subjects),
      cmocka_unit_test(common_names_beside_alternative_names),
      cmocka_unit_test(requested_extensions),
      cmocka_unit_test(cut_and_extended_requests),
      cmocka_unit_test(the_subject_decides_whether_names_are_critical),
  };
  return cmocka_run_group_tests(tests, make_keys, free_keys);
}
