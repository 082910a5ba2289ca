/* Certificate property lists and trust anchor ID patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "support/vector_file.h"

static struct mtc_error error;

static void pattern_vectors_match(void **state) {
  (void)state;
  struct mtc_bytes file = read_vector("tai06/patterns.txt");
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  struct mtc_span line;
  unsigned num = 0;
  while (next_vector(&reader, &line)) {
    struct mtc_bytes pattern = unhex(take_field(&line, ' ')), id = unhex(take_field(&line, ' '));
    bool matches = mtc_pattern_matches(mtc_span_of_bytes(&pattern), mtc_span_of_bytes(&id));
    if (matches != is_text(line, "match")) fail_msg("vector %u", num);
    mtc_bytes_free(&pattern);
    mtc_bytes_free(&id);
    num++;
  }
  assert_int_equal(num, 22);
  mtc_bytes_free(&file);
}

static bool matches(const char *pattern_hex, const char *id_hex) {
  struct mtc_bytes pattern = unhex(mtc_span_of_text(pattern_hex));
  struct mtc_bytes id = unhex(mtc_span_of_text(id_hex));
  bool result = mtc_pattern_matches(mtc_span_of_bytes(&pattern), mtc_span_of_bytes(&id));
  mtc_bytes_free(&pattern);
  mtc_bytes_free(&id);
  return result;
}

static void malformed_input_matches_nothing(void **state) {
  (void)state;
  assert_true(matches("0080", "00"));
  assert_false(matches("", ""));
  assert_false(matches("0080", ""));
  assert_false(matches("", "00"));
  assert_false(matches("00800080", "00"));
  assert_false(matches("008000", "00"));
  assert_false(matches("8080", "00"));
  assert_false(matches("0502", "03"));
  /* 32 bytes is the longest ID, 33 are none. */
  static const char ones[] = "8181818181818181818181818181818181818181818181818181818181818181";
  char id[67];
  (void)snprintf(id, sizeof id, "%.62s01", ones);
  assert_true(matches("0080", id));
  (void)snprintf(id, sizeof id, "%.64s01", ones);
  assert_false(matches("0080", id));
}

static void describe(struct mtc_span list, struct mtc_bytes *out) {
  mtc_bytes_clear(out);
  if (mtc_properties_describe(NULL, list, out, &error)) fail_msg("%s", error.text);
}

static void property_vectors_are_described(void **state) {
  (void)state;
  static const char *const meanings[] = {
      "trust_anchor_id 32473.1\n"
      "trust_anchor_groups 2187.2.{100-200}, 32473.3.{42-}.{100-200}\n"
      "trust_anchor_negotiation\n",
      "",
      "trust_anchor_id 32473.1\ntrust_anchor_groups 32473.1.2.{0-}.{0-}\n",
      ("trust_anchor_id 32473.1.1.1.1\ntrust_anchor_groups 32473.1.2.1.{1-}\n"
       "trust_anchor_negotiation\n"),
  };
  struct mtc_bytes file = read_vector("tai06/properties.txt"), text = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  struct mtc_span line;
  size_t num = 0;
  for (; next_vector(&reader, &line); num++) {
    struct mtc_bytes list = {0};
    assert_true(num < 4);
    assert_int_equal(mtc_bytes_append_decoded_base64(&list, take_field(&line, '\t')), MTC_OK);
    describe(mtc_span_of_bytes(&list), &text);
    assert_span_equal(mtc_span_of_bytes(&text), mtc_span_of_text(meanings[num]));
    mtc_bytes_free(&list);
  }
  assert_int_equal(num, 4);
  mtc_bytes_free(&file);
  mtc_bytes_free(&text);
}

static void expect_base64(struct mtc_bytes *list, const char *base64) {
  struct mtc_bytes text = {0};
  mtc_bytes_append_base64(&text, mtc_span_of_bytes(list));
  assert_span_equal(mtc_span_of_bytes(&text), mtc_span_of_text(base64));
  mtc_bytes_free(&text);
  mtc_bytes_free(list);
}

static void lists_are_built(void **state) {
  (void)state;
  const struct mtc_wire *patterns = mtc_wire_get(MTC_WIRE_PLANTS_07);
  struct mtc_tai ca_id;
  struct mtc_bytes list = {0}, text = {0};
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
  assert_int_equal(mtc_properties_append_standalone(patterns, &ca_id, 1, &list), MTC_OK);
  expect_base64(&list, "AB0AAAAEgf1ZAQABABEADw6B/VmB/VkBAQICAIAAgA==");
  assert_int_equal(mtc_properties_append_landmark(patterns, &ca_id, 1, 1, 169, &list), MTC_OK);
  expect_base64(&list, "ACQAAAAHgf1ZAQEBAQABABEADw6B/VmB/VkBAQICAQEBgAACAAA=");
  assert_int_equal(mtc_properties_append_landmark(patterns, &ca_id, 65535, 300, 169, &list),
                   MTC_OK);
  describe(mtc_span_of_bytes(&list), &text);
  assert_span_equal(mtc_span_of_bytes(&text),
                    mtc_span_of_text("trust_anchor_id 32473.1.1.65535.300\n"
                                     "trust_anchor_groups 32473.1.2.65535.{300-}\n"
                                     "trust_anchor_negotiation\n"));
  mtc_bytes_free(&list);
  mtc_bytes_free(&text);
}

/* What relying parties of -05 select by. */
static void lists_with_ranges(void **state) {
  (void)state;
  const struct mtc_wire *ranges = mtc_wire_get(MTC_WIRE_PLANTS_05);
  struct mtc_tai ca_id;
  struct mtc_bytes list = {0}, text = {0};
  static const char standalone[] =
      "00250000000481fd590100010019"
      "0017"
      "0681fd59010201"
      "0000000000000000"
      "ffffffffffffffff";
  static const char landmark[] =
      "002c0000000781fd590101012a00010019"
      "0017"
      "0681fd59010201"
      "000000000000002a"
      "00000000000000d2"
      "00020000";
  struct mtc_bytes expected_standalone = unhex(mtc_span_of_text(standalone));
  struct mtc_bytes expected_landmark = unhex(mtc_span_of_text(landmark));
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
  assert_int_equal(mtc_properties_append_standalone(ranges, &ca_id, 1, &list), MTC_OK);
  assert_span_equal(mtc_span_of_bytes(&list), mtc_span_of_bytes(&expected_standalone));
  describe(mtc_span_of_bytes(&list), &text);
  assert_span_equal(mtc_span_of_bytes(&text),
                    mtc_span_of_text("trust_anchor_id 32473.1\n"
                                     "trust_anchor_group_inclusions 32473.1.2.1.{0-}\n"));
  mtc_bytes_clear(&list);
  assert_int_equal(mtc_properties_append_landmark(ranges, &ca_id, 1, 42, 169, &list), MTC_OK);
  assert_span_equal(mtc_span_of_bytes(&list), mtc_span_of_bytes(&expected_landmark));
  describe(mtc_span_of_bytes(&list), &text);
  assert_span_equal(mtc_span_of_bytes(&text),
                    mtc_span_of_text("trust_anchor_id 32473.1.1.1.42\n"
                                     "trust_anchor_group_inclusions 32473.1.2.1.{42-210}\n"
                                     "trust_anchor_negotiation\n"));
  /* The wire version decides where it is known. */
  struct mtc_span span = mtc_span_of_bytes(&list);
  assert_int_equal(mtc_properties_describe(ranges, span, &text, &error), MTC_OK);
  assert_int_equal(mtc_properties_describe(mtc_wire_get(MTC_WIRE_PLANTS_07), span, &text, &error),
                   MTC_INPUT);
  mtc_bytes_clear(&list);
  assert_int_equal(mtc_properties_append_landmark(ranges, &ca_id, 1, 2, UINT64_MAX, &list), MTC_OK);
  describe(mtc_span_of_bytes(&list), &text);
  assert_non_null(memmem(text.data, text.len, "{2-}", 4));
  assert_int_equal(mtc_properties_append_landmark(ranges, &ca_id, 1, 2, 0, &list), MTC_INPUT);
  mtc_bytes_free(&list);
  /* The example of the draft. */
  assert_int_equal(mtc_bytes_append_decoded_base64(
                       &list, mtc_span_of_text("ADsAAAAEgf1ZAQABACsAKQORCwIAAAAAAAAAZAAAAAAAAADIBIH"
                                               "9WQMAAAAAAAAAKv//////////AAIAAA==")),
                   MTC_OK);
  describe(mtc_span_of_bytes(&list), &text);
  assert_span_equal(
      mtc_span_of_bytes(&text),
      mtc_span_of_text("trust_anchor_id 32473.1\n"
                       "trust_anchor_group_inclusions 2187.2.{100-200}, 32473.3.{42-}\n"
                       "trust_anchor_negotiation\n"));
  mtc_bytes_free(&expected_standalone);
  mtc_bytes_free(&expected_landmark);
  mtc_bytes_free(&list);
  mtc_bytes_free(&text);
}

static void malformed_ranges_are_refused(void **state) {
  (void)state;
  static const char *const cases[] = {
      "000600010002"
      "0000",
      "00150001"
      "0011"
      "000f"
      "0381fd00"
      "0000000000000000"
      "000000",
      "001a0001"
      "0016"
      "0014"
      "0381fd59"
      "0000000000000002"
      "0000000000000001",
      "001a0001"
      "0016"
      "0014"
      "0381fdd9"
      "0000000000000001"
      "0000000000000002",
      "00170001"
      "0013"
      "0011"
      "00"
      "0000000000000001"
      "0000000000000002",
  };
  struct mtc_bytes text = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes list = unhex(mtc_span_of_text(cases[i]));
    assert_int_equal(mtc_properties_describe(mtc_wire_get(MTC_WIRE_PLANTS_05),
                                             mtc_span_of_bytes(&list), &text, &error),
                     MTC_INPUT);
    if (!strstr(error.text, "trust_anchor_group_inclusions")) fail_msg("%s", error.text);
    mtc_bytes_free(&list);
  }
}

static void ids_that_grow_too_long_are_refused(void **state) {
  (void)state;
  const struct mtc_wire *patterns = mtc_wire_get(MTC_WIRE_PLANTS_07);
  struct mtc_tai ca_id = {0}, unset = {0};
  struct mtc_bytes list = {0};
  for (unsigned i = 0; i < 29; i++)
    assert_int_equal(mtc_tai_append(&ca_id, 1), MTC_OK);
  assert_int_equal(mtc_properties_append_landmark(patterns, &ca_id, 1, 128, 169, &list), MTC_INPUT);
  assert_int_equal(mtc_properties_append_landmark(patterns, &unset, 1, 1, 169, &list), MTC_INPUT);
  assert_int_equal(mtc_properties_append_standalone(patterns, &unset, 1, &list), MTC_INPUT);
  assert_int_equal(list.len, 0);
  assert_int_equal(mtc_properties_append_landmark(patterns, &ca_id, 1, 127, 169, &list), MTC_OK);
  mtc_bytes_free(&list);
}

static void malformed_lists_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *hex, *problem;
  } cases[] = {
      {"", "list: truncated"},
      {"00", "list: truncated"},
      {"0001", "list: truncated"},
      {"000000", "1 bytes follow"},
      {"0004000500", "list: truncated"},
      {"0003000500", "property 0 is truncated"},
      {"000500050002ff", "property 0 is truncated"},
      {"00080005000000050000", "type 5 does not ascend from 5"},
      {"00080006000000050000", "type 5 does not ascend from 6"},
      {"000400000000", "trust_anchor_id: "},
      {"00060000000281fd", "trust_anchor_id: "},
      {"00050002000100", "must be empty"},
      {"000400010000", "not one non-empty list"},
      {"0006000100020000", "not one non-empty list"},
      {"000a0001000600030200800000", "follow"},
      {"000a00010006000302008000", "not one non-empty list"},
      {"00080001000400020200", "pattern 0 is truncated"},
      {"0009000100050003018100", "pattern 0 is malformed"}, /* cut off */
      {"0009000100050003028042", "pattern 0 is malformed"}, /* infinity as minimum */
      {"0009000100050003020502", "pattern 0 is malformed"}, /* maximum below minimum */
      {"00080001000400020100", "pattern 0 is malformed"},   /* no maximum */
  };
  struct mtc_bytes text = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mtc_bytes list = unhex(mtc_span_of_text(cases[i].hex));
    error.text[0] = 0;
    if (mtc_properties_describe(NULL, mtc_span_of_bytes(&list), &text, &error) != MTC_INPUT) {
      fail_msg("accepted: %s", cases[i].hex);
    }
    if (!strstr(error.text, cases[i].problem)) fail_msg("%s: %s", cases[i].hex, error.text);
    assert_int_equal(text.len, 0);
    mtc_bytes_free(&list);
  }
  mtc_bytes_free(&text);
}

static void the_unknown_and_the_huge_are_described(void **state) {
  (void)state;
  /* Component 2^71-1 to infinity; property 5 of two bytes. */
  struct mtc_bytes list =
      unhex(mtc_span_of_text("001b0001"
                             "00110"
                             "00f0e"
                             "81ffffffffffffffffff7f"
                             "80"
                             "0580"
                             "00050002abcd"));
  struct mtc_bytes text = {0};
  describe(mtc_span_of_bytes(&list), &text);
  assert_span_equal(mtc_span_of_bytes(&text),
                    mtc_span_of_text("trust_anchor_groups {2361183241434822606847-}.{5-}\n"
                                     "property 5, 2 bytes\n"));
  mtc_bytes_free(&list);
  mtc_bytes_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pattern_vectors_match),
      cmocka_unit_test(malformed_input_matches_nothing),
      cmocka_unit_test(property_vectors_are_described),
      cmocka_unit_test(lists_are_built),
      cmocka_unit_test(lists_with_ranges),
      cmocka_unit_test(malformed_ranges_are_refused),
      cmocka_unit_test(ids_that_grow_too_long_are_refused),
      cmocka_unit_test(malformed_lists_are_refused),
      cmocka_unit_test(the_unknown_and_the_huge_are_described),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
