/* Trust anchor IDs: text, binary form and distinguished name, each written back as it was read. */
#include "fuzz/fuzz.h"

static void check_id(const struct mtc_tai *tai) {
  char text[MTC_TAI_MAX_TEXT];
  struct mtc_tai again;
  struct mtc_error error = {0};
  assert(tai->len >= 1 && tai->len <= MTC_TAI_MAX_LEN);
  mtc_tai_format(tai, text);
  assert(strlen(text) < MTC_TAI_MAX_TEXT - 1);
  assert(mtc_tai_parse(mtc_span_of_text(text), &again, &error) == MTC_OK);
  assert(mtc_tai_compare(tai, &again) == 0);
  assert(mtc_tai_decode(mtc_span_of(tai->bytes, tai->len), &again, &error) == MTC_OK);
  assert(mtc_tai_compare(tai, &again) == 0);
  for (int i = 0; i < NUM_WIRES; i++) {
    struct mtc_bytes name = {0};
    mtc_tai_append_name(wire_number(i), tai, &name);
    assert(mtc_tai_of_name(wire_number(i), mtc_span_of_bytes(&name), &again, &error) == MTC_OK);
    assert(mtc_tai_compare(tai, &again) == 0);
    mtc_bytes_free(&name);
  }
  /* A log ID is its CA ID and more, or the CA ID is too long for one. */
  mtc_status status = mtc_tai_log_id(tai, 1, &again);
  assert(status == (tai->len + 2 > MTC_TAI_MAX_LEN ? MTC_INPUT : MTC_OK));
  if (!status) {
    assert(mtc_tai_compare(tai, &again) < 0 && memcmp(tai->bytes, again.bytes, tai->len) == 0);
  }
  again = *tai;
  uint64_t component = tai->bytes[0] * UINT64_C(0x0123456789abcdef);
  if (mtc_tai_append(&again, component)) {
    assert(mtc_tai_compare(tai, &again) == 0);
  } else {
    assert(mtc_tai_compare(tai, &again) < 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_tai tai;
  struct mtc_error error = {0};
  char text[MTC_TAI_MAX_TEXT];
  mtc_status status = mtc_tai_parse(input, &tai, &error);
  if (status) {
    assert_refused(status, &error);
  } else {
    mtc_tai_format(&tai, text);
    assert_same(mtc_span_of_text(text), input);
    check_id(&tai);
  }
  status = mtc_tai_decode(input, &tai, &error);
  if (status) {
    assert_refused(status, &error);
  } else {
    assert_same(mtc_span_of(tai.bytes, tai.len), input);
    check_id(&tai);
  }
  return 0;
}
