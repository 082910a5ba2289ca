/* Policy files: what they demand of certificates, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/verify.h"
#include "support/vector_file.h"

#define NOW 1790000000
#define KEY                                                                                        \
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEepynk7vjNjsS+xwox/4tPpZyMezhNG9w511lbnvuUwVQ6vGhuiqhavsaa1" \
  "eZZekLTyW/k0wafir9SEaQ8TKcbQ=="
#define COSIGNER "cosigner 1.1 ecdsa_p256_sha256 " KEY "\n"
#define COSIGNERS COSIGNER "cosigner 1.2 ecdsa_p256_sha256 " KEY "\n"
#define HASH "h8Kw2BqVjlYaB3esivVVSwmRQfwVIb6E71DEeK3YQwc="
#define OTHER_HASH "aQ7rLTwjwLuYX6KLJpERloBQERVSWgFUxcOiSIwvNPg="

static struct mtc_bytes ca_certificate, corpus_cosigners, three, eight, landmark_relative;
static struct mtc_verification result;
static struct mtc_error error;

static struct mtc_bytes read_pem(const char *path) {
  struct mtc_bytes pem = read_vector(path), der = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  assert_int_equal(mtc_pem_next(&reader, "CERTIFICATE", &der, &error), MTC_OK);
  mtc_bytes_free(&pem);
  return der;
}

static int load(void **state) {
  (void)state;
  struct mtc_bytes policy = read_vector("corpus-plants-07/policy.txt");
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&policy));
  struct mtc_span line;
  while (next_vector(&reader, &line)) {
    if (line.data[0] != 'c') continue;
    mtc_bytes_append_span(&corpus_cosigners, line);
    mtc_bytes_append_text(&corpus_cosigners, "\n");
  }
  mtc_bytes_free(&policy);
  ca_certificate = read_pem("corpus-plants-07/ca_cert.pem");
  three = read_pem("corpus-plants-07/cert_10_0.pem"); /* CA, 2.1, 2.2 */
  eight = read_pem("corpus-plants-07/cert_10_9.pem"); /* CA, 2.1 to 2.3, 3.1 to 3.4 */
  landmark_relative = read_pem("corpus-plants-07/cert_10_12.pem");
  return 0;
}

static int unload(void **state) {
  (void)state;
  mtc_bytes_free(&ca_certificate);
  mtc_bytes_free(&corpus_cosigners);
  mtc_bytes_free(&three);
  mtc_bytes_free(&eight);
  mtc_bytes_free(&landmark_relative);
  return 0;
}

static struct mtc_verifier *open_verifier(void) {
  struct mtc_verifier *verifier;
  assert_int_equal(mtc_verifier_open(mtc_wire_get(MTC_WIRE_PLANTS_07), &verifier), MTC_OK);
  if (mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&ca_certificate), &error)) {
    fail_msg("%s", error.text);
  }
  return verifier;
}

/* What `certificate` gets when `policy` follows the cosigners of the corpus. */
static void expect(const char *policy, const struct mtc_bytes *certificate,
                   enum mtc_verdict verdict) {
  struct mtc_verifier *verifier = open_verifier();
  struct mtc_span cosigners = mtc_span_of_bytes(&corpus_cosigners);
  if (mtc_verifier_add_policy(verifier, "cosigners", cosigners, &error) ||
      mtc_verifier_add_policy(verifier, "policy", mtc_span_of_text(policy), &error)) {
    fail_msg("%s", error.text);
  }
  assert_int_equal(mtc_verifier_check(verifier, mtc_span_of_bytes(certificate), NOW, &result),
                   MTC_OK);
  if (result.verdict != verdict) {
    fail_msg("%s: %s (%s)", policy, mtc_verdict_text(result.verdict), result.detail);
  }
  mtc_verifier_close(verifier);
}

#define EACH(policy, of_three)                           \
  do {                                                   \
    expect(policy, &three, of_three);                    \
    expect(policy, &eight, MTC_VERDICT_OK_COSIGNATURES); \
  } while (0)

static void groups_demand_their_members(void **state) {
  (void)state;
  const enum mtc_verdict yes = MTC_VERDICT_OK_COSIGNATURES, no = MTC_VERDICT_COSIGNERS;
  EACH("", yes);
  EACH("require-cosigners all 32473.2.1\n", yes);
  EACH("require-cosigners all 32473.2.3\n", no);
  EACH("require-cosigners 32473.1 32473.3.1\n", no);
  EACH("require-cosigners all 32473.1\n", yes);
  EACH("group g any 32473.2.3 32473.2.2\nrequire-cosigners all g\n", yes);
  EACH("group g all 32473.2.3 32473.2.2\nrequire-cosigners all g\n", no);
  EACH("group g 2 32473.2.1 32473.2.2 32473.2.3\nrequire-cosigners all g", yes);
  EACH("group g 3 32473.2.1 32473.2.2 32473.2.3\nrequire-cosigners all g", no);
  EACH("group g 1 32473.3.1 32473.3.2\n", yes); /* defined, not required */
  /* Nested: one of each operator, two operators of two. */
  EACH(
      "group a any 32473.2.1 32473.2.2\ngroup b any 32473.3.1 32473.3.2\n"
      "group c all a b\nrequire-cosigners all c\n",
      no);
  EACH(
      "group a any 32473.2.1 32473.2.2\ngroup b any 32473.3.1 32473.3.2\n"
      "group c any b a\nrequire-cosigners all c\n",
      yes);
  EACH("group a any 32473.2.1\ngroup b 2 a 32473.1\nrequire-cosigners all b\n", yes);
  /* All requirements count, not the last. */
  EACH("require-cosigners all 32473.2.3\nrequire-cosigners all 32473.2.1\n", no);
  expect("require-cosigners all 32473.2.1\n", &landmark_relative, no);
}

static void the_ca_is_always_required(void **state) {
  (void)state;
  struct mtc_bytes without_ca = read_pem("corpus-plants-07/cert_10_8.pem");
  expect("require-cosigners all 32473.2.1\n", &without_ca, MTC_VERDICT_COSIGNERS);
  assert_non_null(strstr(result.detail, "missing: 32473.1"));
  mtc_bytes_free(&without_ca);
}

static void other_cas_do_not_matter(void **state) {
  (void)state;
  expect(
      "require-cosigners 9.9 32473.2.3\nrevoke-range 9.9 0 max\n"
      "trusted-subtree 9.9 1 0 32 " OTHER_HASH "\n",
      &three, MTC_VERDICT_OK_COSIGNATURES);
  expect("trusted-subtree 9.9 1 0 32 " HASH "\n", &landmark_relative, MTC_VERDICT_COSIGNERS);
  expect("trusted-subtree 32473.1 2 0 32 " HASH "\n", &landmark_relative, MTC_VERDICT_COSIGNERS);
}

static void ranges_revoke(void **state) {
  (void)state;
  const enum mtc_verdict yes = MTC_VERDICT_OK_COSIGNATURES, no = MTC_VERDICT_REVOKED;
  expect("revoke-range 32473.1 1:10 1:10\n", &three, no);
  expect("revoke-range 32473.1 1:11 max\n", &three, yes);
  expect("revoke-range 32473.1 0 1:9\n", &three, yes);
  expect("revoke-range 32473.1 0 281474976710666\n", &three, no);
  expect("revoke-range 32473.1 0 281474976710665\n", &three, yes);
  expect("revoke-range 32473.1 0 0\nrevoke-range 32473.1 1:0 max\n", &three, no);
  /* A trusted subtree does not save what is revoked. */
  expect("trusted-subtree 32473.1 1 0 32 " HASH "\nrevoke-range 32473.1 1:10 1:10\n",
         &landmark_relative, no);
}

static void trusted_subtrees_decide_alone(void **state) {
  (void)state;
  expect("trusted-subtree 32473.1 1 0 32 " HASH "\n", &landmark_relative,
         MTC_VERDICT_OK_TRUSTED_SUBTREE);
  expect("trusted-subtree 32473.1 1 0 32 " HASH "\nrequire-cosigners all 32473.2.1\n",
         &landmark_relative, MTC_VERDICT_OK_TRUSTED_SUBTREE);
  expect("trusted-subtree 32473.1 1 0 32 " OTHER_HASH "\n", &landmark_relative,
         MTC_VERDICT_SUBTREE_MISMATCH);
  expect("trusted-subtree 32473.1 1 8 11 " OTHER_HASH "\n", &eight, MTC_VERDICT_SUBTREE_MISMATCH);
}

static void layout_is_free(void **state) {
  (void)state;
  expect("# a comment, \xC3\xA8 too\n\n  \t\n\trequire-cosigners\tall   32473.2.3 # why\r\n",
         &three, MTC_VERDICT_COSIGNERS);
  expect("require-cosigners all 32473.2.3", &three, MTC_VERDICT_COSIGNERS);
  expect("#require-cosigners all 32473.2.3", &three, MTC_VERDICT_OK_COSIGNATURES);
}

static void errors_name_file_and_line(void **state) {
  (void)state;
  static const struct {
    const char *policy;
    unsigned line;
  } cases[] = {
      {"unknown 1\n", 1},
      {"\n# x\nGROUP g any 1.1\n", 3},
      {"cosigner\n", 1},
      {"cosigner 1.1\n", 1},
      {"cosigner 1.1 ecdsa_p256_sha256\n", 1},
      {"cosigner 1..1 ecdsa_p256_sha256 " KEY "\n", 1},
      {"cosigner 01.1 ecdsa_p256_sha256 " KEY "\n", 1},
      {"cosigner 1.1 rsa " KEY "\n", 1},
      {"cosigner 1.1 mldsa44 " KEY "\n", 1},
      {"cosigner 1.1 ecdsa_p256_sha256 " KEY "=\n", 1},
      {"cosigner 1.1 ecdsa_p256_sha256 AAAA\n", 1},
      {"cosigner 1.1 ecdsa_p256_sha256 " KEY " more\n", 1},
      {"cosigner 32473.1 ecdsa_p256_sha256 " KEY "\n", 1}, /* not the CA's key */
      {COSIGNERS COSIGNER, 3},
      {COSIGNER "group\n", 2},
      {COSIGNER "group g\n", 2},
      {COSIGNER "group g any\n", 2},
      {COSIGNER "group g any 1.2\n", 2},
      {COSIGNER "group g any g\n", 2},
      {COSIGNER "group g any h\ngroup h any 1.1\n", 2},
      {COSIGNER "group g 2 1.1\n", 2},
      {COSIGNER "group g 0 1.1\n", 2},
      {COSIGNER "group g -1 1.1\n", 2},
      {COSIGNER "group g some 1.1\n", 2},
      {COSIGNER "group g 18446744073709551616 1.1\n", 2},
      {COSIGNER "group g 2 1.1 1.1\n", 2},
      {COSIGNER "group 1.1 any 1.1\n", 2},
      {COSIGNER "group 7.7 any 1.1\n", 2},
      {COSIGNER "group g any 1.1\ngroup g any 1.1\n", 3},
      {COSIGNER "require-cosigners\n", 2},
      {COSIGNER "require-cosigners all\n", 2},
      {COSIGNER "require-cosigners all 1.2\n", 2},
      {COSIGNER "require-cosigners any 1.1\n", 2},
      {COSIGNER "require-cosigners all 1.1 1.1\n", 2},
      {"revoke-range 1.1 5\n", 1},
      {"revoke-range 1.1 5 4\n", 1},
      {"revoke-range 1.1 5 x\n", 1},
      {"revoke-range 1.1 0 18446744073709551616\n", 1},
      {"revoke-range 1.1 0 65536:0\n", 1},
      {"revoke-range 1.1 0 1:281474976710656\n", 1},
      {"revoke-range 1.1 0 1:\n", 1},
      {"revoke-range 1.1 0 1 2\n", 1},
      {"trusted-subtree 1.1 1 0 32\n", 1},
      {"trusted-subtree 1.1 0 0 32 " HASH "\n", 1},
      {"trusted-subtree 1.1 65536 0 32 " HASH "\n", 1},
      {"trusted-subtree 1.1 1 1 3 " HASH "\n", 1},
      {"trusted-subtree 1.1 1 3 1 " HASH "\n", 1},
      {"trusted-subtree 1.1 1 0 281474976710656 " HASH "\n", 1},
      {"trusted-subtree 1.1 1 0 32 AAAA\n", 1},
      {"trusted-subtree 1.1 1 0 32 " HASH " x\n", 1},
      {"trusted-subtree 1.1 1 0 32 " HASH "\ntrusted-subtree 1.1 1 0 32 " OTHER_HASH "\n", 2},
      {"group g\x01 any 1.1\n", 1},
      {"group \xC3\xA8 any 1.1\n", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_verifier *verifier = open_verifier();
    char where[32];
    error.text[0] = 0;
    if (mtc_verifier_add_policy(verifier, "rp.txt", mtc_span_of_text(cases[i].policy), &error) !=
        MTC_INPUT) {
      fail_msg("accepted: %s", cases[i].policy);
    }
    (void)snprintf(where, sizeof where, "rp.txt:%u: ", cases[i].line);
    if (strncmp(error.text, where, strlen(where)) != 0) {
      fail_msg("%s: not \"%s\": %s", cases[i].policy, where, error.text);
    }
    mtc_verifier_close(verifier);
  }
}

static void append_cosigners(struct mtc_bytes *out, unsigned num) {
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_append_format(out, "cosigner 1.%u ecdsa_p256_sha256 " KEY "\n", i);
}

static void append_chained_groups(struct mtc_bytes *out, unsigned num) {
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_append_format(out, i ? "group g%u any g%u\n" : "group g0 any 32473.1\n", i, i - 1);
}

static void append_large_groups(struct mtc_bytes *out, unsigned num) {
  append_cosigners(out, 4095);
  for (unsigned i = 0; i < num; i++) {
    mtc_bytes_append_format(out, "group g%u any 32473.1", i);
    for (unsigned k = 0; k < 4095; k++)
      mtc_bytes_append_format(out, " 1.%u", k);
    mtc_bytes_append_text(out, "\n");
  }
}

static void append_requirements(struct mtc_bytes *out, unsigned num) {
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_append_format(out, "require-cosigners 1.%u 32473.1\n", i);
}

static void append_revocations(struct mtc_bytes *out, unsigned num) {
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_append_format(out, "revoke-range 1.2 %u 70000\n", i);
}

static void append_subtrees(struct mtc_bytes *out, unsigned num) {
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_append_format(out, "trusted-subtree 1.2 1 %u %u " HASH "\n", i, i + 1);
}

/* Every list has its limit; just within it a file is read in a moment. */
static void lists_are_bounded(void **state) {
  (void)state;
  static const struct {
    void (*append)(struct mtc_bytes *out, unsigned num);
    unsigned max;
    const char *problem;
  } cases[] = {
      /* One cosigner is the CA. */
      {append_cosigners, 4095, "rp.txt:4096: cosigner: there are more than 4096"},
      {append_chained_groups, 4096, "rp.txt:4097: group: there are more than 4096"},
      {append_large_groups, 16, "rp.txt:4112: group: the groups have more than 65536 members"},
      {append_requirements, 4096, "rp.txt:4097: require-cosigners: there are more than 4096"},
      {append_revocations, 65536, "rp.txt:65537: revoke-range: there are more than 65536"},
      {append_subtrees, 16384, "rp.txt:16385: trusted-subtree: there are more than 16384"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (unsigned more = 0; more < 2; more++) {
      struct mtc_verifier *verifier = open_verifier();
      struct mtc_bytes text = {0};
      error.text[0] = 0;
      cases[i].append(&text, cases[i].max + more);
      mtc_status status =
          mtc_verifier_add_policy(verifier, "rp.txt", mtc_span_of_bytes(&text), &error);
      assert_int_equal(status, more ? MTC_INPUT : MTC_OK);
      if (more && !strstr(error.text, cases[i].problem)) fail_msg("%s", error.text);
      mtc_bytes_free(&text);
      mtc_verifier_close(verifier);
    }
  }
}

static void repeated_facts_are_harmless(void **state) {
  (void)state;
  expect("trusted-subtree 32473.1 1 0 32 " HASH "\ntrusted-subtree 32473.1 1 0 32 " HASH "\n",
         &landmark_relative, MTC_VERDICT_OK_TRUSTED_SUBTREE);
  struct mtc_verifier *verifier = open_verifier();
  struct mtc_span der = mtc_span_of_bytes(&ca_certificate);
  assert_int_equal(mtc_verifier_add_ca(verifier, der, &error), MTC_INPUT);
  mtc_verifier_close(verifier);
}

static void subtrees_can_be_added_by_call(void **state) {
  (void)state;
  struct mtc_verifier *verifier = open_verifier();
  struct mtc_tai ca_id, other;
  struct mtc_bytes bytes = {0};
  struct mtc_hash hash;
  struct mtc_subtree subtree = {0, 32}, invalid = {1, 3};
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.2"), &other, NULL), MTC_OK);
  assert_int_equal(mtc_bytes_append_decoded_base64(&bytes, mtc_span_of_text(HASH)), MTC_OK);
  memcpy(hash.bytes, bytes.data, sizeof hash.bytes);
  mtc_bytes_free(&bytes);
  assert_int_equal(mtc_verifier_add_trusted_subtree(verifier, &other, 1, subtree, &hash, &error),
                   MTC_INPUT);
  assert_int_equal(mtc_verifier_add_trusted_subtree(verifier, &ca_id, 0, subtree, &hash, &error),
                   MTC_INPUT);
  assert_int_equal(mtc_verifier_add_trusted_subtree(verifier, &ca_id, 1, invalid, &hash, &error),
                   MTC_INPUT);
  assert_int_equal(mtc_verifier_add_trusted_subtree(verifier, &ca_id, 1, subtree, &hash, &error),
                   MTC_OK);
  assert_int_equal(
      mtc_verifier_check(verifier, mtc_span_of_bytes(&landmark_relative), NOW, &result), MTC_OK);
  assert_int_equal(result.verdict, MTC_VERDICT_OK_TRUSTED_SUBTREE);
  hash.bytes[0] ^= 1;
  assert_int_equal(mtc_verifier_add_trusted_subtree(verifier, &ca_id, 1, subtree, &hash, &error),
                   MTC_INPUT);
  mtc_verifier_close(verifier);
}

static void running_out_of_memory_leaks_nothing(void **state) {
  (void)state;
  static const char policy[] = COSIGNERS
      "group g any 1.1 1.2\ngroup h all g 1.1\nrequire-cosigners all h\n"
      "revoke-range 1.1 0 5\ntrusted-subtree 1.1 1 0 32 " HASH "\n";
  for (long i = 0;; i++) {
    struct mtc_verifier *verifier = open_verifier();
    mtc_alloc_fail_after(i);
    mtc_status status =
        mtc_verifier_add_policy(verifier, "policy", mtc_span_of_text(policy), &error);
    mtc_alloc_fail_after(-1);
    mtc_verifier_close(verifier);
    if (status == MTC_OK) {
      assert_true(i >= 10);
      break;
    }
    assert_int_equal(status, MTC_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_demand_their_members),
      cmocka_unit_test(the_ca_is_always_required),
      cmocka_unit_test(other_cas_do_not_matter),
      cmocka_unit_test(ranges_revoke),
      cmocka_unit_test(trusted_subtrees_decide_alone),
      cmocka_unit_test(layout_is_free),
      cmocka_unit_test(errors_name_file_and_line),
      cmocka_unit_test(lists_are_bounded),
      cmocka_unit_test(repeated_facts_are_harmless),
      cmocka_unit_test(subtrees_can_be_added_by_call),
      cmocka_unit_test(running_out_of_memory_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
