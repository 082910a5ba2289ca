/*
 * Certification requests. No mutation of a signed request keeps its signature, so the second use
 * of an input is as the parts of a request that is signed here; the third is as a subjectAltName.
 *
 *   u8 flags of the profile | u16 len, subject | attributes
 */
#include <openssl/evp.h>

#include "entry/fields.h"
#include "entry/names.h"
#include "fuzz/fuzz.h"

static const struct mtc_tai ca_id = {4, {0x81, 0xfd, 0x59, 0x01}};
static EVP_PKEY *key;
/* SubjectPublicKeyInfo and signature algorithm of Ed25519 (RFC 8410), without the key itself. */
static const uint8_t key_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  static const uint8_t secret[32] = "any private key is as good here";
  (void)argc;
  (void)argv;
  key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
  assert(key);
  return 0;
}

static void build(struct mtc_span subject, struct mtc_span attributes, struct mtc_bytes *out) {
  uint8_t public_key[32], signature[64];
  size_t public_key_len = sizeof public_key, signature_len = sizeof signature;
  size_t request = mtc_der_open(out, MTC_DER_SEQUENCE);
  size_t start = out->len, info = mtc_der_open(out, MTC_DER_SEQUENCE);
  assert(EVP_PKEY_get_raw_public_key(key, public_key, &public_key_len) == 1);
  mtc_der_append_uint(out, 0);
  mtc_der_append(out, MTC_DER_SEQUENCE, subject);
  mtc_bytes_append(out, key_head, sizeof key_head);
  mtc_bytes_append(out, public_key, public_key_len);
  mtc_der_append(out, 0xa0, attributes);
  mtc_der_close(out, info);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  assert(context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1);
  assert(EVP_DigestSign(context, signature, &signature_len, out->data + start, out->len - start) ==
         1);
  EVP_MD_CTX_free(context);
  mtc_bytes_append(out, ed25519, sizeof ed25519);
  size_t bits = mtc_der_open(out, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(out, 0, 1);
  mtc_bytes_append(out, signature, signature_len);
  mtc_der_close(out, bits);
  mtc_der_close(out, request);
  assert(mtc_bytes_status(out) == MTC_OK);
}

/* What the names of a certificate must be, found without the code that checked them. */
static void check_names(const struct mtc_profile *profile, struct mtc_span value) {
  struct mtc_der sequence, name;
  size_t num_names = 0;
  assert(mtc_der_whole(value, MTC_DER_SEQUENCE, &sequence));
  struct mtc_reader reader = mtc_der_enter(&sequence);
  while (reader.len) {
    assert(mtc_der_next(&reader, &name));
    num_names++;
    if (name.tag == 0x87) {
      assert(profile->allow_ip && (name.contents.len == 4 || name.contents.len == 16));
      continue;
    }
    assert(name.tag == 0x82 && name.contents.len >= 3 && name.contents.len <= 253);
    for (size_t i = 0; i < name.contents.len; i++) {
      uint8_t c = name.contents.data[i];
      bool is_star = c == '*' && i == 0 && profile->allow_wildcards;
      assert(is_star || c == '-' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
    }
    assert(memchr(name.contents.data, '.', name.contents.len));
  }
  assert(num_names >= 1 && num_names <= profile->max_names);
}

static void check_request(const struct mtc_wire *wire, const struct mtc_profile *profile,
                          struct mtc_span csr) {
  struct mtc_bytes entry = {0}, public_key = {0};
  struct mtc_error error = {0};
  mtc_status status =
      mtc_entry_from_csr(wire, &ca_id, profile, csr, FUZZ_NOW, &entry, &public_key, &error);
  if (status) {
    assert_refused(status, &error);
    assert(entry.len == 0 && public_key.len == 0);
  } else {
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x11};
    struct mtc_log_entry parsed;
    struct mtc_tbs_entry tbs;
    struct mtc_extension extension;
    struct mtc_hash hash;
    assert(mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, &error) == MTC_OK);
    assert(mtc_tbs_entry_parse(wire, &ca_id, parsed.tbs, &tbs, &error) == MTC_OK);
    assert(tbs.not_before == FUZZ_NOW - profile->backdate_s);
    assert(tbs.not_after == tbs.not_before + profile->validity_s - 1);
    mtc_hash_message(mtc_span_of_bytes(&public_key), &hash);
    assert_same(tbs.public_key_hash, mtc_span_of(hash.bytes, sizeof hash.bytes));
    assert(mtc_fields_find_extension(mtc_fields_extensions_of(tbs.rest),
                                     mtc_span_of(oid, sizeof oid), &extension));
    check_names(profile, extension.value);
  }
  mtc_bytes_free(&entry);
  mtc_bytes_free(&public_key);
}

static void check_alternative(const struct mtc_profile *profile, struct mtc_span value) {
  static struct mtc_names names, same;
  struct mtc_error error = {0};
  struct mtc_bytes again = {0};
  names.num_names = same.num_names = 0;
  mtc_status status = mtc_names_add_alternative(&names, profile, value, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  mtc_names_append_alternative(&names, &again);
  check_names(profile, mtc_span_of_bytes(&again));
  assert(mtc_names_add_alternative(&same, profile, mtc_span_of_bytes(&again), &error) == MTC_OK);
  assert(same.num_names == names.num_names);
  mtc_bytes_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_reader reader = mtc_reader_of(input);
  unsigned flags = (unsigned)take_uint(&reader, 1);
  const struct mtc_wire *wire = wire_number((int)(flags >> 6) % NUM_WIRES);
  const struct mtc_profile profile = {
      .name = "fuzz",
      .validity_s = 86400,
      .backdate_s = 60,
      .key_types = ~0u,
      .min_rsa_bits = 2048,
      .allow_wildcards = flags & 1,
      .allow_ip = flags & 2,
      .max_names = flags & 4 ? MTC_MAX_NAMES : 2,
      .subject_common_name = flags & 8,
      .ext_key_usage_server = true,
      .ext_key_usage_client = flags & 16,
      .copy_key_usage = flags & 32,
      .policy_oid = flags & 16 ? "2.23.140.1.2.1" : NULL,
  };
  check_request(wire, &profile, input);
  check_alternative(&profile, mtc_span_of(reader.data, reader.len));
  struct mtc_bytes request = {0};
  struct mtc_span subject = take_bytes(&reader);
  build(subject, mtc_span_of(reader.data, reader.len), &request);
  check_request(wire, &profile, mtc_span_of_bytes(&request));
  mtc_bytes_free(&request);
  return 0;
}
