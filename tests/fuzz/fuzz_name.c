/* Distinguished names of CAs: only the one form of the wire version is read. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  for (int i = 0; i < NUM_WIRES; i++) {
    struct mtc_tai tai;
    struct mtc_error error = {0};
    struct mtc_bytes again = {0};
    mtc_status status = mtc_tai_of_name(wire_number(i), input, &tai, &error);
    if (status) {
      assert_refused(status, &error);
      continue;
    }
    mtc_tai_append_name(wire_number(i), &tai, &again);
    assert_built(&again, input);
  }
  return 0;
}
