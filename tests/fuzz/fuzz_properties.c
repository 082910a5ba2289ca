/* Property lists and patterns: a list (first input), and a pattern against an ID (second). */
#include "entry/pattern.h"
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

static void check_list(const struct mtc_wire *wire, struct mtc_span list) {
  struct mtc_error error = {0};
  struct mtc_bytes text = {0};
  mtc_status status = mtc_properties_describe(wire, list, &text, &error);
  if (status) {
    assert_refused(status, &error);
    assert(text.len == 0);
  } else {
    assert(text.len == 0 || text.data[text.len - 1] == '\n');
  }
  mtc_bytes_free(&text);
}

/* Our own lists for a CA are read, and the exact pattern of an ID matches that ID alone. */
static void check_id(const struct mtc_tai *tai) {
  struct mtc_error error = {0};
  struct mtc_bytes list = {0}, pattern = {0}, text = {0};
  for (int i = 0; i < NUM_WIRES; i++) {
    const struct mtc_wire *wire = wire_number(i);
    mtc_bytes_clear(&list);
    if (mtc_properties_append_standalone(wire, tai, 7, &list) == MTC_OK) {
      assert(mtc_properties_describe(wire, mtc_span_of_bytes(&list), &text, &error) == MTC_OK);
    }
    mtc_bytes_clear(&list);
    if (mtc_properties_append_landmark(wire, tai, 7, tai->bytes[0], 169, &list) == MTC_OK) {
      assert(mtc_properties_describe(wire, mtc_span_of_bytes(&list), &text, &error) == MTC_OK);
      assert(mtc_properties_describe(NULL, mtc_span_of_bytes(&list), &text, &error) == MTC_OK);
    }
  }
  for (size_t begin = 0, end = 0; begin < tai->len; begin = end) {
    while (tai->bytes[end++] & 0x80)
      continue;
    mtc_bytes_append(&pattern, tai->bytes + begin, end - begin);
    mtc_bytes_append(&pattern, tai->bytes + begin, end - begin);
  }
  struct mtc_tai longer = *tai;
  assert(mtc_pattern_matches(mtc_span_of_bytes(&pattern), mtc_span_of(tai->bytes, tai->len)));
  if (mtc_tai_append(&longer, 0) == MTC_OK) {
    assert(
        !mtc_pattern_matches(mtc_span_of_bytes(&pattern), mtc_span_of(longer.bytes, longer.len)));
  }
  mtc_bytes_clear(&text);
  char expected[MTC_TAI_MAX_TEXT];
  mtc_tai_format(tai, expected);
  assert(mtc_pattern_append_text(mtc_span_of_bytes(&pattern), &text) == MTC_OK);
  assert_same(mtc_span_of_bytes(&text), mtc_span_of_text(expected));
  mtc_bytes_free(&list);
  mtc_bytes_free(&pattern);
  mtc_bytes_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of(data, len));
  check_list(NULL, mtc_span_of(data, len));
  for (int i = 0; i < NUM_WIRES; i++)
    check_list(wire_number(i), mtc_span_of(data, len));
  struct mtc_span pattern = take_bytes(&reader), id = mtc_span_of(reader.data, reader.len);
  struct mtc_bytes text = {0};
  bool matches = mtc_pattern_matches(pattern, id);
  mtc_status status = mtc_pattern_append_text(pattern, &text);
  assert(status == MTC_OK || status == MTC_INPUT);
  /* What something matches is no malformed pattern. */
  if (matches && pattern.len <= UINT8_MAX) assert(status == MTC_OK && id.len);
  mtc_bytes_free(&text);
  struct mtc_tai tai;
  if (mtc_tai_decode(id, &tai, NULL) == MTC_OK) check_id(&tai);
  return 0;
}
