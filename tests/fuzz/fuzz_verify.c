/* The relying party of the corpora: no certificate is accepted whose TBSCertificate is not one that
 * the CA of the corpus issued, and a verdict depends on nothing but certificate and time. */
#include "fuzz/issued.h"

static struct mtc_verifier *verifiers[NUM_WIRES];
static struct mtc_bytes certificates[NUM_WIRES][NUM_ISSUED];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  for (int i = 0; i < NUM_WIRES; i++) {
    verifiers[i] = open_verifier(wire_number(i), "policy.txt");
    for (size_t k = 0; k < NUM_ISSUED; k++)
      certificates[i][k] = load_certificate(wire_number(i), issued[k]);
  }
  return 0;
}

static void check(int wire, struct mtc_span input) {
  static struct mtc_verification result, again;
  assert(mtc_verifier_check(verifiers[wire], input, FUZZ_NOW, &result) == MTC_OK);
  assert(mtc_verifier_check(verifiers[wire], input, FUZZ_NOW, &again) == MTC_OK);
  assert(result.verdict == again.verdict && strcmp(result.detail, again.detail) == 0);
  assert(memchr(result.detail, 0, sizeof result.detail));
  if (!mtc_verdict_is_ok(result.verdict)) {
    assert(result.detail[0]);
    return;
  }
  struct mtc_certificate certificate;
  struct mtc_error error;
  assert(mtc_certificate_parse(input, &certificate, &error) == MTC_OK);
  assert(is_issued(certificates[wire], certificate.tbs));
  assert(mtc_verifier_check(verifiers[wire], input, certificate.not_after + 1, &again) == MTC_OK);
  assert(again.verdict == MTC_VERDICT_EXPIRED);
  assert(mtc_verifier_check(verifiers[wire], input, certificate.not_before - 1, &again) == MTC_OK);
  assert(again.verdict == MTC_VERDICT_NOT_YET_VALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  for (int i = 0; i < NUM_WIRES; i++)
    check(i, mtc_span_of(data, len));
  return 0;
}
