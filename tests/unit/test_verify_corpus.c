/* The corpora of three wire versions under the relying party, and what must never be accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "entry/der.h"
#include "mtc/verify.h"
#include "support/vector_file.h"

#define NOW 1790000000 /* within 2020 to 2030, the validity of all certificates of the corpora */
#define NUM_VERSIONS 3
#define MAX_CERTIFICATES 32

/* One corpus: its relying party, its certificates and what they must get. */
struct corpus {
  const struct mtc_wire *wire;
  struct mtc_verifier *verifier;
  struct mtc_bytes ca_certificate;
  size_t num_certificates;
  char names[MAX_CERTIFICATES][32];
  struct mtc_bytes certificates[MAX_CERTIFICATES];
  bool is_ok[MAX_CERTIFICATES];
};

static struct corpus corpora[NUM_VERSIONS];
static struct mtc_verification result;
static struct mtc_error error;

static struct mtc_bytes read_certificate(const char *folder, const char *name) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  struct mtc_bytes pem = read_vector(path), der = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  if (mtc_pem_next(&reader, "CERTIFICATE", &der, &error)) fail_msg("%s: %s", path, error.text);
  mtc_bytes_free(&pem);
  return der;
}

static struct mtc_verifier *open_verifier(const struct corpus *corpus) {
  struct mtc_verifier *verifier;
  assert_int_equal(mtc_verifier_open(corpus->wire, &verifier), MTC_OK);
  if (mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&corpus->ca_certificate), &error)) {
    fail_msg("%s", error.text);
  }
  return verifier;
}

static void load(struct corpus *corpus, enum mtc_wire_version version) {
  char folder[64], path[128];
  corpus->wire = mtc_wire_get(version);
  (void)snprintf(folder, sizeof folder, "corpus-%s", corpus->wire->name);
  corpus->ca_certificate = read_certificate(folder, "ca_cert.pem");
  corpus->verifier = open_verifier(corpus);
  (void)snprintf(path, sizeof path, "%s/policy.txt", folder);
  struct mtc_bytes policy = read_vector(path);
  if (mtc_verifier_add_policy(corpus->verifier, path, mtc_span_of_bytes(&policy), &error)) {
    fail_msg("%s", error.text);
  }
  (void)snprintf(path, sizeof path, "%s/verdicts.txt", folder);
  struct mtc_bytes verdicts = read_vector(path);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&verdicts));
  struct mtc_span line;
  while (next_vector(&reader, &line)) {
    size_t i = corpus->num_certificates++;
    assert_true(i < MAX_CERTIFICATES);
    struct mtc_span name = take_field(&line, ' ');
    (void)snprintf(corpus->names[i], sizeof corpus->names[i], "%.*s", (int)name.len,
                   (const char *)name.data);
    corpus->certificates[i] = read_certificate(folder, corpus->names[i]);
    corpus->is_ok[i] = is_text(line, "OK");
    assert_true(corpus->is_ok[i] || is_text(line, "FAIL"));
  }
  mtc_bytes_free(&policy);
  mtc_bytes_free(&verdicts);
}

static int load_corpora(void **state) {
  (void)state;
  for (int i = 0; i < NUM_VERSIONS; i++)
    load(&corpora[i], (enum mtc_wire_version)i);
  return 0;
}

static int free_corpora(void **state) {
  (void)state;
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    mtc_verifier_close(corpus->verifier);
    mtc_bytes_free(&corpus->ca_certificate);
    for (size_t i = 0; i < corpus->num_certificates; i++)
      mtc_bytes_free(&corpus->certificates[i]);
  }
  return 0;
}

static enum mtc_verdict check(const struct mtc_verifier *verifier, struct mtc_span certificate,
                              int64_t now_s) {
  assert_int_equal(mtc_verifier_check(verifier, certificate, now_s, &result), MTC_OK);
  return result.verdict;
}

static struct mtc_span find(const struct corpus *corpus, const char *name) {
  for (size_t i = 0; i < corpus->num_certificates; i++) {
    if (strcmp(corpus->names[i], name) == 0) return mtc_span_of_bytes(&corpus->certificates[i]);
  }
  fail_msg("%s is missing", name);
  return mtc_span_of(NULL, 0);
}

static void every_certificate_gets_its_verdict(void **state) {
  (void)state;
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    size_t num_ok = 0;
    assert_int_equal(corpus->num_certificates, 26);
    for (size_t i = 0; i < corpus->num_certificates; i++) {
      enum mtc_verdict verdict =
          check(corpus->verifier, mtc_span_of_bytes(&corpus->certificates[i]), NOW);
      if (mtc_verdict_is_ok(verdict) != corpus->is_ok[i]) {
        fail_msg("%s %s: %s: %s", corpus->wire->name, corpus->names[i], mtc_verdict_text(verdict),
                 result.detail);
      }
      num_ok += mtc_verdict_is_ok(verdict);
    }
    assert_int_equal(num_ok, 21);
  }
}

static void failures_have_their_reason(void **state) {
  (void)state;
  static const struct {
    const char *name;
    enum mtc_verdict verdict;
    size_t num_valid;
  } cases[] = {
      {"cert_10_0.pem", MTC_VERDICT_OK_COSIGNATURES, 3},
      {"cert_10_1.pem", MTC_VERDICT_UNUSED_BITS, 0},
      {"cert_10_2.pem", MTC_VERDICT_COSIGNERS, 0},
      {"cert_10_8.pem", MTC_VERDICT_COSIGNERS, 7},
      {"cert_10_9.pem", MTC_VERDICT_OK_COSIGNATURES, 8},
      {"cert_10_10.pem", MTC_VERDICT_COSIGNERS, 0},
      {"cert_10_12.pem", MTC_VERDICT_OK_TRUSTED_SUBTREE, 0},
      {"cert_32_0.pem", MTC_VERDICT_OK_TRUSTED_SUBTREE, 0},
      {"cert_2035_2.pem", MTC_VERDICT_SUBTREE_MISMATCH, 0},
  };
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
      enum mtc_verdict verdict = check(corpus->verifier, find(corpus, cases[i].name), NOW);
      assert_string_equal(mtc_verdict_text(verdict), mtc_verdict_text(cases[i].verdict));
      assert_int_equal(result.num_valid_cosignatures, cases[i].num_valid);
      if (!mtc_verdict_is_ok(verdict)) assert_true(result.detail[0] != 0);
    }
    (void)check(corpus->verifier, find(corpus, "cert_10_12.pem"), NOW);
    assert_int_equal(result.log_number, 1);
    assert_int_equal(result.index, 10);
    assert_int_equal(result.serial, (UINT64_C(1) << 48) + 10);
    assert_int_equal(result.subtree.start, 0);
    assert_int_equal(result.subtree.end, 32);
  }
}

/* Without trusted subtrees what has no signature fails, and with only the CA what has one passes.
 */
static void a_ca_certificate_alone_is_a_policy(void **state) {
  (void)state;
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    struct mtc_verifier *verifier = open_verifier(corpus);
    assert_int_equal(check(verifier, find(corpus, "cert_10_9.pem"), NOW),
                     MTC_VERDICT_OK_COSIGNATURES);
    assert_int_equal(result.num_valid_cosignatures, 1); /* the others are unknown here */
    assert_int_equal(check(verifier, find(corpus, "cert_32_0.pem"), NOW),
                     MTC_VERDICT_OK_COSIGNATURES);
    assert_int_equal(check(verifier, find(corpus, "cert_32_1.pem"), NOW), MTC_VERDICT_COSIGNERS);
    assert_int_equal(check(verifier, find(corpus, "cert_10_8.pem"), NOW), MTC_VERDICT_COSIGNERS);
    mtc_verifier_close(verifier);
    assert_int_equal(mtc_verifier_open(corpus->wire, &verifier), MTC_OK);
    assert_int_equal(check(verifier, find(corpus, "cert_10_9.pem"), NOW),
                     MTC_VERDICT_UNKNOWN_ISSUER);
    mtc_verifier_close(verifier);
  }
}

static void other_versions_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < NUM_VERSIONS; i++) {
    for (size_t k = 0; k < NUM_VERSIONS; k++) {
      if (i == k) continue;
      struct mtc_span ca = mtc_span_of_bytes(&corpora[k].ca_certificate);
      assert_int_equal(mtc_verifier_add_ca(corpora[i].verifier, ca, &error), MTC_INPUT);
      for (size_t n = 0; n < corpora[k].num_certificates; n++) {
        enum mtc_verdict verdict =
            check(corpora[i].verifier, mtc_span_of_bytes(&corpora[k].certificates[n]), NOW);
        assert_false(mtc_verdict_is_ok(verdict));
      }
    }
  }
  struct mtc_span from_05 = find(&corpora[0], "cert_10_0.pem");
  assert_int_equal(check(corpora[2].verifier, from_05, NOW), MTC_VERDICT_WRONG_ALGORITHM);
}

/* The same certificate with another serial number (contents octets) and another proof. */
static struct mtc_bytes rebuild(struct mtc_span der, struct mtc_span serial,
                                struct mtc_span proof) {
  struct mtc_certificate certificate;
  struct mtc_bytes out = {0};
  assert_int_equal(mtc_certificate_parse(der, &certificate, &error), MTC_OK);
  const uint8_t *after_serial = certificate.signature_algorithm.data;
  size_t whole = mtc_der_open(&out, MTC_DER_SEQUENCE), tbs = mtc_der_open(&out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(&out, certificate.version);
  mtc_der_append(&out, MTC_DER_INTEGER, serial.len ? serial : certificate.serial_number);
  mtc_bytes_append(&out, after_serial,
                   (size_t)(certificate.tbs.data + certificate.tbs.len - after_serial));
  mtc_der_close(&out, tbs);
  mtc_bytes_append_span(&out, certificate.outer_algorithm);
  size_t signature = mtc_der_open(&out, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(&out, 0, 1);
  mtc_bytes_append_span(&out, proof.len ? proof : certificate.signature);
  mtc_der_close(&out, signature);
  mtc_der_close(&out, whole);
  assert_int_equal(mtc_bytes_status(&out), MTC_OK);
  return out;
}

/* A CA of plants-05 may begin at serial number 0: there the log number 0 itself is refused. */
static void serial_numbers_are_bounded(void **state) {
  (void)state;
  static const struct {
    const char *serial;
    enum mtc_verdict verdict;
  } cases[] = {
      {"0100000000000a", MTC_VERDICT_OK_COSIGNATURES},
      {"81000000000000", MTC_VERDICT_SERIAL_RANGE},
      {"010000000000000000", MTC_VERDICT_SERIAL_RANGE},
      {"00ffffffffffffffffff", MTC_VERDICT_SERIAL_RANGE},
      {"00ffffffffffffffff", MTC_VERDICT_REVOKED},
      {"06000000000000", MTC_VERDICT_REVOKED},
      {"00", MTC_VERDICT_LOG_NUMBER_ZERO},
      {"0a", MTC_VERDICT_LOG_NUMBER_ZERO},
      {"00ffffffffffff", MTC_VERDICT_LOG_NUMBER_ZERO},
      {"0100000000000b", MTC_VERDICT_PROOF_EVALUATION},
      {"01000000000007", MTC_VERDICT_PROOF_EVALUATION},
      {"01000000000009", MTC_VERDICT_PROOF_EVALUATION}, /* needs a longer proof than 10 */
      {"0200000000000a", MTC_VERDICT_COSIGNERS},        /* nobody signed for log 2 */
      {"000a", MTC_VERDICT_MALFORMED_CERTIFICATE},
  };
  const struct corpus *corpus = &corpora[0];
  struct mtc_ca_params params;
  struct mtc_bytes ca = {0};
  struct mtc_verifier *verifier;
  assert_int_equal(mtc_ca_certificate_parse(
                       corpus->wire, mtc_span_of_bytes(&corpus->ca_certificate), &params, &error),
                   MTC_OK);
  params.min_serial = 0;
  assert_int_equal(mtc_ca_certificate_make(&params, &ca, &error), MTC_OK);
  assert_int_equal(mtc_verifier_open(corpus->wire, &verifier), MTC_OK);
  assert_int_equal(mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&ca), &error), MTC_OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_bytes serial = unhex(mtc_span_of_text(cases[i].serial));
    struct mtc_bytes changed =
        rebuild(find(corpus, "cert_10_0.pem"), mtc_span_of_bytes(&serial), mtc_span_of(NULL, 0));
    enum mtc_verdict verdict = check(verifier, mtc_span_of_bytes(&changed), NOW);
    if (verdict != cases[i].verdict) {
      fail_msg("%s: %s (%s)", cases[i].serial, mtc_verdict_text(verdict), result.detail);
    }
    mtc_bytes_free(&serial);
    mtc_bytes_free(&changed);
  }
  mtc_verifier_close(verifier);
  mtc_bytes_free(&ca);
}

/* Anybody may add cosignatures under IDs that nobody knows, well-formed or not, in any number. */
static void unknown_cosigners_are_ignored(void **state) {
  (void)state;
  static const char *const names[] = {"cert_10_0.pem", "cert_10_12.pem"};
  static uint8_t ids[1000][2];
  static struct mtc_cosignature cosignatures[1010];
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    for (size_t n = 0; n < 2; n++) {
      struct mtc_certificate certificate;
      struct mtc_mtcproof proof;
      struct mtc_bytes encoded = {0};
      struct mtc_span der = find(corpus, names[n]);
      enum mtc_verdict expected = check(corpus->verifier, der, NOW);
      assert_int_equal(mtc_certificate_parse(der, &certificate, &error), MTC_OK);
      assert_int_equal(mtc_mtcproof_parse(corpus->wire, certificate.signature, &proof, &error),
                       MTC_OK);
      struct mtc_reader list = mtc_reader_of(proof.cosignatures);
      size_t num = 0;
      while (mtc_cosignature_next(&list, &cosignatures[num]))
        num++;
      cosignatures[num++] =
          (struct mtc_cosignature){mtc_span_of("\x80", 1), mtc_span_of_text("not an ID")};
      cosignatures[num++] =
          (struct mtc_cosignature){mtc_span_of("\x81\xfd\x59\x63", 4), mtc_span_of(NULL, 0)};
      for (unsigned i = 0; i < 1000; i++) {
        ids[i][0] = (uint8_t)(i >> 8);
        ids[i][1] = (uint8_t)i;
        cosignatures[num++] = (struct mtc_cosignature){mtc_span_of(ids[i], 2), mtc_span_of("x", 1)};
      }
      assert_int_equal(
          mtc_mtcproof_append(corpus->wire, &proof, cosignatures, num, &encoded, &error), MTC_OK);
      struct mtc_bytes changed = rebuild(der, mtc_span_of(NULL, 0), mtc_span_of_bytes(&encoded));
      assert_true(mtc_verdict_is_ok(expected));
      assert_int_equal(check(corpus->verifier, mtc_span_of_bytes(&changed), NOW), expected);
      mtc_bytes_free(&encoded);
      mtc_bytes_free(&changed);
    }
  }
}

/* No byte of an accepted certificate can change: nothing in it is decoration. */
static void every_flipped_bit_is_refused(void **state) {
  (void)state;
  static const char *const names[] = {"cert_10_3.pem", "cert_32_1.pem"};
  for (struct corpus *corpus = corpora; corpus < corpora + NUM_VERSIONS; corpus++) {
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
      struct mtc_span original = find(corpus, names[n]);
      struct mtc_bytes changed = {0};
      mtc_bytes_append_span(&changed, original);
      assert_true(mtc_verdict_is_ok(check(corpus->verifier, mtc_span_of_bytes(&changed), NOW)));
      for (size_t i = 0; i < changed.len; i++) {
        changed.data[i] ^= (uint8_t)(1u << (i % 8));
        if (mtc_verdict_is_ok(check(corpus->verifier, mtc_span_of_bytes(&changed), NOW))) {
          fail_msg("%s %s: byte %zu changes nothing", corpus->wire->name, names[n], i);
        }
        changed.data[i] = original.data[i];
      }
      /* Nor can it be cut short or go on. */
      for (size_t len = 0; len < changed.len; len += 7) {
        assert_int_equal(check(corpus->verifier, mtc_span_of(changed.data, len), NOW),
                         MTC_VERDICT_MALFORMED_CERTIFICATE);
      }
      mtc_bytes_append_uint(&changed, 0, 1);
      assert_int_equal(check(corpus->verifier, mtc_span_of_bytes(&changed), NOW),
                       MTC_VERDICT_MALFORMED_CERTIFICATE);
      mtc_bytes_free(&changed);
    }
  }
}

static void validity_is_checked_last(void **state) {
  (void)state;
  const struct corpus *corpus = &corpora[2];
  struct mtc_span good = find(corpus, "cert_10_0.pem"), bad = find(corpus, "cert_2035_2.pem");
  const int64_t not_before = 1577836800, not_after = 1924991999; /* 2020-01-01, 2030-12-31 */
  assert_int_equal(check(corpus->verifier, good, not_before - 1), MTC_VERDICT_NOT_YET_VALID);
  assert_int_equal(check(corpus->verifier, good, not_before), MTC_VERDICT_OK_COSIGNATURES);
  assert_int_equal(check(corpus->verifier, good, not_after), MTC_VERDICT_OK_COSIGNATURES);
  assert_int_equal(check(corpus->verifier, good, not_after + 1), MTC_VERDICT_EXPIRED);
  assert_int_equal(check(corpus->verifier, bad, not_after + 1), MTC_VERDICT_SUBTREE_MISMATCH);
  struct mtc_span trusted = find(corpus, "cert_32_1.pem");
  assert_int_equal(check(corpus->verifier, trusted, not_after), MTC_VERDICT_OK_TRUSTED_SUBTREE);
  assert_int_equal(check(corpus->verifier, trusted, not_after + 1), MTC_VERDICT_EXPIRED);
}

/* The same relying party from the files that OpenSSL reads: cosigner certificates, subtrees. */
static void openssl_files_give_the_same_verdicts(void **state) {
  (void)state;
  const struct corpus *corpus = &corpora[2];
  struct mtc_verifier *verifier = open_verifier(corpus);
  struct mtc_bytes pem = read_vector("openssl-from-corpus-07/cosigners.pem"), policy = {0};
  struct mtc_bytes subtrees = read_vector("openssl-from-corpus-07/subtrees-1.txt"), der = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  size_t num_cosigners = 0;
  while (mtc_pem_next(&reader, "CERTIFICATE", &der, &error) == MTC_OK) {
    struct mtc_certificate certificate;
    struct mtc_tai cosigner_id;
    char text[MTC_TAI_MAX_TEXT];
    assert_int_equal(mtc_certificate_parse(mtc_span_of_bytes(&der), &certificate, &error), MTC_OK);
    assert_int_equal(mtc_tai_of_name(corpus->wire, certificate.subject, &cosigner_id, &error),
                     MTC_OK);
    mtc_tai_format(&cosigner_id, text);
    mtc_bytes_append_format(
        &policy, "cosigner %s %s ", text,
        mtc_algorithm_name(mtc_algorithm_of_public_key(certificate.public_key)));
    mtc_bytes_append_base64(&policy, certificate.public_key);
    mtc_bytes_append_text(&policy, "\n");
    mtc_bytes_clear(&der);
    num_cosigners++;
  }
  assert_int_equal(num_cosigners, 7);
  reader = mtc_reader_of(mtc_span_of_bytes(&subtrees));
  struct mtc_span line;
  while (next_vector(&reader, &line)) {
    mtc_bytes_append_text(&policy, "trusted-subtree ");
    mtc_bytes_append_span(&policy, line);
    mtc_bytes_append_text(&policy, "\n");
  }
  if (mtc_verifier_add_policy(verifier, "files", mtc_span_of_bytes(&policy), &error)) {
    fail_msg("%s", error.text);
  }
  for (size_t i = 0; i < corpus->num_certificates; i++) {
    struct mtc_span certificate = mtc_span_of_bytes(&corpus->certificates[i]);
    enum mtc_verdict expected = check(corpus->verifier, certificate, NOW);
    size_t num_valid = result.num_valid_cosignatures;
    assert_int_equal(check(verifier, certificate, NOW), expected);
    assert_int_equal(result.num_valid_cosignatures, num_valid);
  }
  mtc_verifier_close(verifier);
  mtc_bytes_free(&pem);
  mtc_bytes_free(&policy);
  mtc_bytes_free(&subtrees);
  mtc_bytes_free(&der);
}

static void running_out_of_memory_accepts_nothing(void **state) {
  (void)state;
  const struct corpus *corpus = &corpora[2];
  struct mtc_span certificate = find(corpus, "cert_10_0.pem");
  for (long i = 0;; i++) {
    mtc_alloc_fail_after(i);
    mtc_status status = mtc_verifier_check(corpus->verifier, certificate, NOW, &result);
    mtc_alloc_fail_after(-1);
    if (status == MTC_OK) {
      assert_true(i >= 2);
      break;
    }
    assert_int_equal(status, MTC_NOMEM);
    assert_false(mtc_verdict_is_ok(result.verdict));
  }
  assert_int_equal(result.verdict, MTC_VERDICT_OK_COSIGNATURES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_certificate_gets_its_verdict),
      cmocka_unit_test(failures_have_their_reason),
      cmocka_unit_test(a_ca_certificate_alone_is_a_policy),
      cmocka_unit_test(other_versions_are_refused),
      cmocka_unit_test(serial_numbers_are_bounded),
      cmocka_unit_test(unknown_cosigners_are_ignored),
      cmocka_unit_test(every_flipped_bit_is_refused),
      cmocka_unit_test(validity_is_checked_last),
      cmocka_unit_test(openssl_files_give_the_same_verdicts),
      cmocka_unit_test(running_out_of_memory_accepts_nothing),
  };
  return cmocka_run_group_tests(tests, load_corpora, free_corpora);
}
