/* Trust anchor IDs, names, algorithms, log entry bytes of the encode vectors, DER rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "entry/der.h"
#include "mtc/entry.h"
#include "support/files.h"

static void trust_anchor_ids(void **state) {
  (void)state;
  const char *const good[] = {"32473.1", "0", "1.0.65535", "9223372036854775807",
                              "127.128.16383.16384"};
  const char *const bad[] = {"",
                             ".",
                             "1.",
                             ".1",
                             "1..2",
                             "01",
                             "1.00",
                             "-1",
                             "1 ",
                             " 1",
                             "a",
                             "9223372036854775808",
                             "18446744073709551616",
                             "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"};
  struct mtc_tai tai, again;
  struct mtc_error error;
  char text[MTC_TAI_MAX_TEXT];
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_int_equal(mtc_tai_parse(mtc_span_of_text(good[i]), &tai, &error), MTC_OK);
    mtc_tai_format(&tai, text);
    assert_string_equal(text, good[i]);
    assert_int_equal(mtc_tai_decode(mtc_span_of(tai.bytes, tai.len), &again, &error), MTC_OK);
    assert_int_equal(mtc_tai_compare(&tai, &again), 0);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    error.text[0] = 0;
    assert_int_equal(mtc_tai_parse(mtc_span_of_text(bad[i]), &tai, &error), MTC_INPUT);
    assert_true(error.text[0] != 0);
  }
  const uint8_t bad_binary[][11] = {{0x80, 0x01},
                                    {0x81},
                                    {1, 0x81},
                                    {0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}};
  const size_t bad_len[] = {2, 1, 2, 10};
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(mtc_tai_decode(mtc_span_of(bad_binary[i], bad_len[i]), &tai, &error),
                     MTC_INPUT);
  assert_int_equal(mtc_tai_decode(mtc_span_of(NULL, 0), &tai, &error), MTC_INPUT);
}

static void longest_trust_anchor_id_fits_its_text(void **state) {
  (void)state;
  struct mtc_tai tai = {.len = MTC_TAI_MAX_LEN};
  char text[MTC_TAI_MAX_TEXT];
  memset(tai.bytes, 0x7f, sizeof tai.bytes);
  mtc_tai_format(&tai, text);
  assert_int_equal(strlen(text), 32 * 4 - 1);
  struct mtc_tai again;
  assert_int_equal(mtc_tai_parse(mtc_span_of_text(text), &again, NULL), MTC_OK);
  assert_int_equal(mtc_tai_append(&again, 1), MTC_INPUT);
  assert_int_equal(again.len, MTC_TAI_MAX_LEN);
}

static void log_ids_and_origins(void **state) {
  (void)state;
  struct mtc_tai ca_id, log_id;
  struct mtc_bytes text = {0};
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
  assert_int_equal(mtc_tai_log_id(&ca_id, 0, &log_id), MTC_INPUT);
  assert_int_equal(mtc_tai_log_id(&ca_id, 65536, &log_id), MTC_INPUT);
  assert_int_equal(mtc_tai_log_id(&ca_id, 8, &log_id), MTC_OK);
  mtc_tai_append_origin(&log_id, &text);
  assert_true(
      mtc_span_equal(mtc_span_of_bytes(&text), mtc_span_of_text("oid/1.3.6.1.4.1.32473.1.0.8")));
  mtc_bytes_free(&text);
}

static void names_are_of_one_version(void **state) {
  (void)state;
  static const char *const expected[] = {
      "301931173015060a2b0601040182da4b2f010c0733323437332e31",
      "301631143012060a2b0601040182da4b2f030d0481fd5901",
      "30143112301006082b060105050719030d0481fd5901",
  };
  struct mtc_tai ca_id, again;
  assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
  for (int v = MTC_WIRE_PLANTS_05; v <= MTC_WIRE_PLANTS_07; v++) {
    struct mtc_bytes name = {0}, hex = {0};
    mtc_tai_append_name(mtc_wire_get((enum mtc_wire_version)v), &ca_id, &name);
    mtc_bytes_append_hex(&hex, mtc_span_of_bytes(&name));
    assert_true(mtc_span_equal(mtc_span_of_bytes(&hex), mtc_span_of_text(expected[v])));
    for (int w = MTC_WIRE_PLANTS_05; w <= MTC_WIRE_PLANTS_07; w++) {
      mtc_status status = mtc_tai_of_name(mtc_wire_get((enum mtc_wire_version)w),
                                          mtc_span_of_bytes(&name), &again, NULL);
      assert_int_equal(status, v == w ? MTC_OK : MTC_INPUT);
      if (v == w) assert_int_equal(mtc_tai_compare(&ca_id, &again), 0);
    }
    mtc_bytes_free(&name);
    mtc_bytes_free(&hex);
  }
}

/* Each case of the vectors: the certificate's single-pass hash is that of the entry's bytes. */
static void encode_vectors(void **state) {
  (void)state;
  FILE *file = fopen(MTC_VECTORS "/encode/tbs-log-entry.txt", "r");
  assert_non_null(file);
  static char line[8192], version[16], name[16], tbs_hex[4096], entry_hex[4096];
  unsigned num_cases = 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%15s %15s %4095s %4095s", version, name, tbs_hex, entry_hex) != 4 ||
        version[0] == '#' || strcmp(version, "plants-02") == 0)
      continue;
    const struct mtc_wire *wire = strcmp(version, "plants-04") == 0
                                      ? mtc_wire_get(MTC_WIRE_PLANTS_05)
                                      : mtc_wire_find(version);
    assert_non_null(wire);
    struct mtc_bytes tbs = {0}, entry = {0};
    struct mtc_log_entry parsed;
    struct mtc_error error;
    assert_int_equal(mtc_bytes_append_decoded_hex(&entry, mtc_span_of_text(entry_hex)), MTC_OK);
    assert_int_equal(mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, &error), MTC_OK);
    num_cases++;
    if (strcmp(name, "null") == 0) {
      struct mtc_bytes null_entry = {0};
      mtc_entry_append_null(&null_entry);
      assert_true(mtc_span_equal(mtc_span_of_bytes(&null_entry), mtc_span_of_bytes(&entry)));
      assert_int_equal(parsed.type, MTC_ENTRY_NULL);
      mtc_bytes_free(&null_entry);
    } else {
      struct mtc_tai ca_id;
      struct mtc_tbs_entry fields;
      struct mtc_certificate certificate;
      struct mtc_hash by_certificate, by_entry;
      assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
      assert_int_equal(mtc_bytes_append_decoded_hex(&tbs, mtc_span_of_text(tbs_hex)), MTC_OK);
      assert_int_equal(mtc_tbs_entry_parse(wire, &ca_id, parsed.tbs, &fields, &error), MTC_OK);
      assert_int_equal(fields.not_before, 1577836800);
      assert_int_equal(fields.not_after, 1609459199);
      assert_int_equal(mtc_certificate_parse_tbs(mtc_span_of_bytes(&tbs), &certificate, &error),
                       MTC_OK);
      mtc_certificate_entry_hash(&certificate, mtc_span_of(NULL, 0), &by_certificate);
      mtc_hash_leaf(mtc_span_of_bytes(&entry), &by_entry);
      assert_true(mtc_hash_equal(&by_certificate, &by_entry));
      /* Serial number 1234 means log number 0: it may be read, never issued. */
      struct mtc_bytes out = {0}, key = {0};
      uint64_t serial;
      assert_int_equal(mtc_entry_from_tbs(wire, &ca_id, mtc_span_of_bytes(&tbs), 1577836800,
                                          1609459199, &out, &key, &serial, &error),
                       MTC_INPUT);
      assert_non_null(strstr(error.text, "log number 0"));
      for (size_t len = 0; len < parsed.tbs.len; len++)
        assert_int_equal(mtc_tbs_entry_parse(wire, &ca_id, mtc_span_of(parsed.tbs.data, len),
                                             &fields, NULL) == MTC_OK &&
                             fields.rest.len + 1 > len,
                         0);
    }
    mtc_bytes_free(&tbs);
    mtc_bytes_free(&entry);
  }
  assert_int_equal(num_cases, 4);
  (void)fclose(file);
}

static void log_entries_are_strict(void **state) {
  (void)state;
  const struct {
    const char *hex;
    const char *problem;
  } cases[] = {
      {"", "within its extensions"},
      {"0000", "before its type"},
      {"00000002", "unknown"},
      {"0000000000", "after a null_entry"},
      {"0003000100"
       "0000",
       "cut off"},
      {"00080002000000010000"
       "0000",
       "not ascending"},
      {"00080001000000010000"
       "0000",
       "not ascending"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_bytes entry = {0};
    struct mtc_log_entry parsed;
    struct mtc_error error;
    assert_int_equal(mtc_bytes_append_decoded_hex(&entry, mtc_span_of_text(cases[i].hex)), MTC_OK);
    assert_int_equal(mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, &error), MTC_INPUT);
    if (!strstr(error.text, cases[i].problem)) fail_msg("case %zu: %s", i, error.text);
    mtc_bytes_free(&entry);
  }
  uint8_t *large = calloc(1, 65536);
  struct mtc_log_entry parsed;
  assert_int_equal(mtc_log_entry_parse(mtc_span_of(large, 65536), &parsed, NULL), MTC_INPUT);
  free(large);
}

static void der_is_strict(void **state) {
  (void)state;
  const char *const bad[] = {
      "0200",
      "02020001",
      "0202ff80",
      "01010a",
      "010200ff",
      "03020801",
      "03020101",
      "0300",
      "0500"
      "05",
      "050100",
      "0600",
      "06028001",
      "060181",
      "308100",
      "30810100",
      "3080"
      "0000",
      "1f0100",
      "3003020100"
      "ff",
      "31060201020201"
      "01",
      "a003020200",
      "24020400",
      "10020500",
      "0c0180",
      "0c02c080",
      "0c03eda080",
      "0c04f4908080",
      "1e0100",
      "1c020041",
  };
  const char *const good[] = {"020100",
                              "02020080",
                              "0101ff",
                              "03020780",
                              "030100",
                              "0500",
                              "31060201010201"
                              "02",
                              "a0030201"
                              "05",
                              "8100",
                              "0c00",
                              "0c02c3a4",
                              "0c04f48fbfbf",
                              "1e020041",
                              "1c0400000041"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct mtc_bytes der = {0};
    assert_int_equal(mtc_bytes_append_decoded_hex(&der, mtc_span_of_text(bad[i])), MTC_OK);
    if (mtc_der_check(mtc_span_of_bytes(&der))) fail_msg("%s was taken for DER", bad[i]);
    mtc_bytes_free(&der);
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct mtc_bytes der = {0};
    assert_int_equal(mtc_bytes_append_decoded_hex(&der, mtc_span_of_text(good[i])), MTC_OK);
    if (!mtc_der_check(mtc_span_of_bytes(&der))) fail_msg("%s was not taken for DER", good[i]);
    mtc_bytes_free(&der);
  }
}

static void times(void **state) {
  (void)state;
  const struct {
    uint8_t tag;
    const char *text;
    int64_t posix_s; /* -1: refused */
  } cases[] = {
      {0x17, "700101000000Z", 0},
      {0x17, "200229235959Z", 1583020799},
      {0x17, "491231235959Z", 2524607999},
      {0x18, "20500101000000Z", 2524608000},
      {0x18, "99991231235959Z", 253402300799},
      {0x17, "190229000000Z", -1},
      {0x18, "20491231235959Z", -1},
      {0x17, "200101000000", -1},
      {0x17, "20010100000Z", -1},
      {0x17, "200101240000Z", -1},
      {0x17, "2001010000+0Z", -1},
      {0x18, "20500101000000.5Z", -1},
      {0x17, "201301000000Z", -1},
      {0x17, "200132000000Z", -1},
      {0x04, "200101000000Z", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mtc_der element = {.tag = cases[i].tag, .contents = mtc_span_of_text(cases[i].text)};
    int64_t posix_s = -2;
    bool ok = mtc_der_time(&element, &posix_s);
    assert_int_equal(ok, cases[i].posix_s >= 0);
    if (!ok) continue;
    assert_int_equal(posix_s, cases[i].posix_s);
    struct mtc_bytes der = {0};
    struct mtc_der again;
    mtc_der_append_time(&der, posix_s);
    assert_true(mtc_der_whole(mtc_span_of_bytes(&der), cases[i].tag, &again));
    assert_true(mtc_span_equal(again.contents, element.contents));
    mtc_bytes_free(&der);
  }
}

static void oids_and_long_lengths(void **state) {
  (void)state;
  struct mtc_bytes out = {0}, hex = {0};
  assert_int_equal(mtc_der_append_oid(&out, "2.23.140.1.2.1"), MTC_OK);
  mtc_bytes_append_hex(&hex, mtc_span_of_bytes(&out));
  assert_true(mtc_span_equal(mtc_span_of_bytes(&hex), mtc_span_of_text("060667810c010201")));
  const char *const bad[] = {"", "1", "3.1", "1.40", "1..2", "1.2.x", "1.2."};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(mtc_der_append_oid(&out, bad[i]), MTC_INPUT);
  for (size_t len = 0; len < 70000; len = len * 2 + 63) {
    struct mtc_bytes built = {0};
    struct mtc_der outer, inner;
    uint8_t *data = calloc(1, len + 1);
    size_t sequence = mtc_der_open(&built, MTC_DER_SEQUENCE);
    mtc_der_append(&built, MTC_DER_OCTET_STRING, mtc_span_of(data, len));
    mtc_der_close(&built, sequence);
    assert_true(mtc_der_whole(mtc_span_of_bytes(&built), MTC_DER_SEQUENCE, &outer));
    assert_true(mtc_der_whole(outer.contents, MTC_DER_OCTET_STRING, &inner));
    assert_int_equal(inner.contents.len, len);
    free(data);
    mtc_bytes_free(&built);
  }
  mtc_bytes_free(&out);
  mtc_bytes_free(&hex);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trust_anchor_ids),
      cmocka_unit_test(longest_trust_anchor_id_fits_its_text),
      cmocka_unit_test(log_ids_and_origins),
      cmocka_unit_test(names_are_of_one_version),
      cmocka_unit_test(encode_vectors),
      cmocka_unit_test(log_entries_are_strict),
      cmocka_unit_test(der_is_strict),
      cmocka_unit_test(times),
      cmocka_unit_test(oids_and_long_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
