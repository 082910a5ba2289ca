/* Policy files: one that is taken whole is taken line by line, with the same verdict; and none
 * makes a relying party accept a certificate that only lacks the CA's signature. */
#include "fuzz/corpus.h"

static const struct mtc_wire *wire;
static struct mtc_bytes ca, signed_one, unsigned_one;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
  ca = load_certificate(wire, "ca_cert.pem");
  signed_one = load_certificate(wire, "cert_10_3.pem");    /* by the CA alone */
  unsigned_one = load_certificate(wire, "cert_10_10.pem"); /* by nobody */
  return 0;
}

static enum mtc_verdict verdict_on(const struct mtc_verifier *verifier,
                                   const struct mtc_bytes *certificate) {
  static struct mtc_verification result;
  assert(mtc_verifier_check(verifier, mtc_span_of_bytes(certificate), FUZZ_NOW, &result) == MTC_OK);
  return result.verdict;
}

static struct mtc_verifier *open_empty(void) {
  struct mtc_verifier *verifier;
  struct mtc_error error = {0};
  assert(mtc_verifier_open(wire, &verifier) == MTC_OK);
  assert(mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&ca), &error) == MTC_OK);
  return verifier;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len), line;
  struct mtc_verifier *whole = open_empty(), *by_line = open_empty();
  struct mtc_error error = {0};
  mtc_status status = mtc_verifier_add_policy(whole, "policy", input, &error);
  if (status) {
    assert_refused(status, &error);
    assert(strncmp(error.text, "policy:", 7) == 0);
  } else {
    struct mtc_reader reader = mtc_reader_of(input);
    while (mtc_read_line(&reader, &line) || mtc_read_span(&reader, reader.len, &line)) {
      assert(mtc_verifier_add_policy(by_line, "line", line, &error) == MTC_OK);
      if (reader.len == 0) break;
    }
    assert(verdict_on(whole, &signed_one) == verdict_on(by_line, &signed_one));
  }
  /* The subtree's right hash would be needed, and nobody guesses that. */
  if (!memmem(data, len, "trusted-subtree", 15)) {
    assert(!mtc_verdict_is_ok(verdict_on(whole, &unsigned_one)));
  }
  mtc_verifier_close(whole);
  mtc_verifier_close(by_line);
  return 0;
}
