/* MTCProof: what parses is written back byte for byte, in each wire version. */
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

static void check(const struct mtc_wire *wire, struct mtc_span input) {
  /* 4096 bytes of input hold fewer than this. */
  static struct mtc_cosignature cosignatures[4096];
  struct mtc_mtcproof proof;
  struct mtc_error error = {0};
  mtc_status status = mtc_mtcproof_parse(wire, input, &proof, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  assert_inside(input, proof.extensions);
  assert_inside(input, proof.hashes);
  assert_inside(input, proof.cosignatures);
  assert(proof.hashes.len % MTC_HASH_LEN == 0);
  assert(proof.subtree.start >> 48 == 0 && proof.subtree.end >> 48 == 0);
  struct mtc_reader list = mtc_reader_of(proof.cosignatures);
  size_t num = 0;
  for (; num < 4096 && mtc_cosignature_next(&list, &cosignatures[num]); num++) {
    assert_inside(input, cosignatures[num].cosigner_id);
    assert_inside(input, cosignatures[num].signature);
    assert(cosignatures[num].cosigner_id.len);
  }
  if (list.len) return;
  assert(num == proof.num_cosignatures);
  struct mtc_bytes again = {0};
  assert(mtc_mtcproof_append(wire, &proof, cosignatures, num, &again, &error) == MTC_OK);
  assert_built(&again, input);
  /* The writer sorts: the order in which cosignatures come in does not matter. */
  for (size_t i = 0; i < num / 2; i++) {
    struct mtc_cosignature swap = cosignatures[num - 1 - i];
    cosignatures[num - 1 - i] = cosignatures[i];
    cosignatures[i] = swap;
  }
  assert(mtc_mtcproof_append(wire, &proof, cosignatures, num, &again, &error) == MTC_OK);
  assert_built(&again, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  for (int i = 0; i < NUM_WIRES; i++)
    check(wire_number(i), mtc_span_of(data, len));
  return 0;
}
