/* CA certificates: what one says, made into a certificate and read again, is the same. */
#include "fuzz/fuzz.h"
#include "mtc/entry.h"

static void check(const struct mtc_wire *wire, struct mtc_span input) {
  struct mtc_ca_params params, again;
  struct mtc_error error = {0};
  mtc_status status = mtc_ca_certificate_parse(wire, input, &params, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  struct mtc_bytes made = {0};
  assert(params.wire == wire);
  assert(mtc_ca_certificate_make(&params, &made, &error) == MTC_OK);
  assert(mtc_ca_certificate_detect(mtc_span_of_bytes(&made)) == wire);
  assert(mtc_ca_certificate_parse(wire, mtc_span_of_bytes(&made), &again, &error) == MTC_OK);
  assert(mtc_tai_compare(&params.ca_id, &again.ca_id) == 0);
  assert(params.algorithm == again.algorithm);
  assert_same(params.public_key, again.public_key);
  assert(params.min_serial == again.min_serial && params.max_serial == again.max_serial);
  assert(params.not_before == again.not_before && params.not_after == again.not_after);
  assert_same(params.prefix_url, again.prefix_url);
  mtc_bytes_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  (void)mtc_ca_certificate_detect(input);
  for (int i = 0; i < NUM_WIRES; i++)
    check(wire_number(i), input);
  return 0;
}
