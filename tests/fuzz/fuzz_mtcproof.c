/* MTCProof: what parses is written back byte for byte, in each wire version. */
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

static void check(const struct mtc_wire *wire, struct mtc_span input) {
  static struct mtc_mtcproof proof;
  struct mtc_error error = {0};
  mtc_status status = mtc_mtcproof_parse(wire, input, &proof, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  assert_inside(input, proof.extensions);
  assert_inside(input, proof.hashes);
  assert(proof.hashes.len % MTC_HASH_LEN == 0);
  assert(proof.subtree.start >> 48 == 0 && proof.subtree.end >> 48 == 0);
  assert(proof.num_cosignatures <= MTC_MAX_COSIGNATURES);
  for (size_t i = 0; i < proof.num_cosignatures; i++) {
    assert_inside(input, proof.cosignatures[i].cosigner_id);
    assert_inside(input, proof.cosignatures[i].signature);
    assert(proof.cosignatures[i].cosigner_id.len);
  }
  struct mtc_bytes again = {0};
  assert(mtc_mtcproof_append(wire, &proof, &again, &error) == MTC_OK);
  assert_built(&again, input);
  /* The writer sorts: the order in which cosignatures come in does not matter. */
  for (size_t i = 0; i < proof.num_cosignatures / 2; i++) {
    struct mtc_cosignature *last = &proof.cosignatures[proof.num_cosignatures - 1 - i];
    struct mtc_cosignature swap = *last;
    *last = proof.cosignatures[i];
    proof.cosignatures[i] = swap;
  }
  assert(mtc_mtcproof_append(wire, &proof, &again, &error) == MTC_OK);
  assert_built(&again, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  for (int i = 0; i < NUM_WIRES; i++)
    check(wire_number(i), mtc_span_of(data, len));
  return 0;
}
