/* The landmarks file: what parses is written back byte for byte, whatever the time. */
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

#define MAX_LANDMARKS 64

static void check(const struct mtc_wire *wire, struct mtc_span input, int64_t now_s) {
  struct mtc_landmark landmarks[MAX_LANDMARKS];
  struct mtc_error error = {0};
  struct mtc_bytes again = {0};
  size_t num;
  mtc_status status =
      mtc_landmarks_parse(wire, input, now_s, landmarks, MAX_LANDMARKS, &num, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  assert(num >= 1 && num <= MAX_LANDMARKS);
  for (size_t i = 1; i < num; i++) {
    assert(landmarks[i].number + 1 == landmarks[i - 1].number);
    assert(landmarks[i].tree_size < landmarks[i - 1].tree_size);
  }
  assert(mtc_landmarks_append(wire, landmarks, num, now_s, &again, &error) == MTC_OK);
  assert_built(&again, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  for (int i = 0; i < NUM_WIRES; i++) {
    check(wire_number(i), mtc_span_of(data, len), FUZZ_NOW);
    check(wire_number(i), mtc_span_of(data, len), INT64_MAX);
    check(wire_number(i), mtc_span_of(data, len), 0);
  }
  return 0;
}
