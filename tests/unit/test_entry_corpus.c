/* Entries, certificates and CA certificates of the corpora of -05, -06, -07, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mtc/entry.h"
#include "support/files.h"

static const char *const versions[] = {"05", "06", "07"};
static const char *const certificates[] = {
    "10_0",   "10_1",   "10_2",   "10_3",   "10_4",   "10_5",   "10_6",   "10_7",   "10_8",
    "10_9",   "10_10",  "10_11",  "10_12",  "32_0",   "32_1",   "33_0",   "33_1",   "2034_0",
    "2034_1", "2035_0", "2035_1", "2035_2", "2078_0", "2078_1", "2121_0", "2121_1",
};

static void path_of(const char *version, const char *file, char out[512]) {
  (void)snprintf(out, 512, MTC_VECTORS "/corpus-plants-%s/%s", version, file);
}

static const struct mtc_wire *wire_of(const char *version) {
  char name[16];
  (void)snprintf(name, sizeof name, "plants-%s", version);
  return mtc_wire_find(name);
}

/* The entry `index` of the log, out of its published bundle. */
static void load_entry(const char *version, uint64_t index, struct mtc_bytes *out) {
  char path[512], file[96];
  struct mtc_tile tile = {.index = index / 256, .width = index / 256 == 8 ? 74 : 256};
  mtc_tile_path(&tile, true, file);
  path_of(version, file, path);
  struct mtc_bytes bundle = {0};
  load_file(path, &bundle);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&bundle));
  struct mtc_span entry = {0};
  for (uint64_t i = 0; i <= index % 256; i++)
    assert_true(mtc_read_prefixed(&reader, 2, &entry));
  mtc_bytes_append_span(out, entry);
  mtc_bytes_free(&bundle);
}

static void certificates_are_their_entries(void **state) {
  (void)state;
  for (size_t v = 0; v < 3; v++) {
    const struct mtc_wire *wire = wire_of(versions[v]);
    for (size_t c = 0; c < sizeof certificates / sizeof *certificates; c++) {
      char path[512], file[64];
      struct mtc_bytes der = {0}, entry = {0}, again = {0};
      struct mtc_certificate parsed;
      struct mtc_error error;
      (void)snprintf(file, sizeof file, "cert_%s.pem", certificates[c]);
      path_of(versions[v], file, path);
      load_pem(path, &der);
      uint64_t index = strtoull(certificates[c], NULL, 10);
      load_entry(versions[v], index, &entry);
      if (mtc_certificate_parse(mtc_span_of_bytes(&der), &parsed, &error)) {
        /* One certificate of the corpus has unused bits set in its BIT STRING: no DER. */
        if (strcmp(certificates[c], "10_1") != 0) fail_msg("%s: %s", path, error.text);
        assert_non_null(strstr(error.text, "BIT STRING"));
        mtc_bytes_free(&der);
        mtc_bytes_free(&entry);
        continue;
      }
      struct mtc_hash by_certificate, by_entry;
      mtc_certificate_entry_hash(&parsed, mtc_span_of(NULL, 0), &by_certificate);
      mtc_hash_leaf(mtc_span_of_bytes(&entry), &by_entry);
      assert_true(mtc_hash_equal(&by_certificate, &by_entry));
      assert_int_equal(mtc_certificate_assemble(wire, mtc_span_of_bytes(&entry), parsed.public_key,
                                                1, index, parsed.signature, &again, &error),
                       MTC_OK);
      if (parsed.unused_bits == 0) {
        assert_int_equal(again.len, der.len);
        assert_memory_equal(again.data, der.data, der.len);
      }
      /* The same entry again from the TBSCertificate. */
      struct mtc_tai ca_id;
      struct mtc_bytes from_tbs = {0}, key = {0};
      uint64_t serial;
      assert_int_equal(mtc_tai_parse(mtc_span_of_text("32473.1"), &ca_id, NULL), MTC_OK);
      assert_int_equal(mtc_entry_from_tbs(wire, &ca_id, parsed.tbs, parsed.not_before,
                                          parsed.not_after, &from_tbs, &key, &serial, &error),
                       MTC_OK);
      assert_int_equal(serial, UINT64_C(1) << 48 | index);
      assert_true(mtc_span_equal(mtc_span_of_bytes(&from_tbs), mtc_span_of_bytes(&entry)));
      assert_true(mtc_span_equal(mtc_span_of_bytes(&key), parsed.public_key));
      /* Every other version refuses it. */
      for (size_t other = 0; other < 3; other++) {
        const struct mtc_wire *foreign = wire_of(versions[other]);
        if (other == v) continue;
        mtc_bytes_clear(&from_tbs);
        assert_int_equal(mtc_entry_from_tbs(foreign, &ca_id, parsed.tbs, parsed.not_before,
                                            parsed.not_after, &from_tbs, &key, &serial, &error),
                         MTC_INPUT);
        assert_int_equal(from_tbs.len, 0);
      }
      mtc_bytes_free(&from_tbs);
      mtc_bytes_free(&key);
      mtc_bytes_free(&der);
      mtc_bytes_free(&entry);
      mtc_bytes_free(&again);
    }
  }
}

static void ca_certificates_are_made_alike(void **state) {
  (void)state;
  for (size_t v = 0; v < 3; v++) {
    char path[512];
    struct mtc_bytes der = {0}, again = {0};
    struct mtc_ca_params params;
    struct mtc_error error;
    const struct mtc_wire *wire = wire_of(versions[v]);
    path_of(versions[v], "ca_cert.pem", path);
    load_pem(path, &der);
    assert_ptr_equal(mtc_ca_certificate_detect(mtc_span_of_bytes(&der)), wire);
    assert_int_equal(mtc_ca_certificate_parse(wire, mtc_span_of_bytes(&der), &params, &error),
                     MTC_OK);
    assert_int_equal(params.min_serial, UINT64_C(1) << 48);
    assert_int_equal(params.max_serial, (UINT64_C(6) << 48) - 1);
    assert_int_equal(params.algorithm, MTC_ALGORITHM_MLDSA44);
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&params.ca_id, text);
    assert_string_equal(text, "32473.1");
    assert_int_equal(mtc_ca_certificate_make(&params, &again, &error), MTC_OK);
    assert_int_equal(again.len, der.len);
    assert_memory_equal(again.data, der.data, der.len);
    for (size_t other = 0; other < 3; other++) {
      if (other == v) continue;
      assert_int_equal(mtc_ca_certificate_parse(wire_of(versions[other]), mtc_span_of_bytes(&der),
                                                &params, &error),
                       MTC_INPUT);
    }
    /* No byte can be dropped, none may follow, and no cut input is taken. */
    for (size_t len = 0; len < der.len; len++) {
      struct mtc_bytes cut = {0};
      mtc_bytes_append(&cut, der.data, len);
      assert_int_equal(mtc_ca_certificate_parse(wire, mtc_span_of_bytes(&cut), &params, NULL),
                       MTC_INPUT);
      mtc_bytes_free(&cut);
    }
    mtc_bytes_append_uint(&der, 0, 1);
    assert_int_equal(mtc_ca_certificate_parse(wire, mtc_span_of_bytes(&der), &params, NULL),
                     MTC_INPUT);
    mtc_bytes_free(&der);
    mtc_bytes_free(&again);
  }
}

static void prefix_url_goes_into_the_ca_certificate(void **state) {
  (void)state;
  char path[512];
  struct mtc_bytes der = {0}, made = {0};
  struct mtc_ca_params params, again;
  path_of("07", "ca_cert.pem", path);
  load_pem(path, &der);
  assert_int_equal(mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&der), &params, NULL),
                   MTC_OK);
  params.prefix_url = mtc_span_of_text("https://ca.example/mtc");
  assert_int_equal(mtc_ca_certificate_make(&params, &made, NULL), MTC_OK);
  assert_int_equal(mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&made), &again, NULL),
                   MTC_OK);
  assert_true(mtc_span_equal(again.prefix_url, params.prefix_url));
  struct mtc_error error;
  params.prefix_url = mtc_span_of_text("https://ca.example/\nmtc");
  assert_int_equal(mtc_ca_certificate_make(&params, &made, &error), MTC_INPUT);
  params.prefix_url = mtc_span_of(NULL, 0);
  params.min_serial = 1;
  assert_int_equal(mtc_ca_certificate_make(&params, &made, &error), MTC_INPUT);
  mtc_bytes_free(&der);
  mtc_bytes_free(&made);
}

/* Copies `der` with the bytes `from` (hexadecimal) replaced; lengths around them are not mended. */
static void replace(const struct mtc_bytes *der, const char *from, const char *to,
                    struct mtc_bytes *out) {
  struct mtc_bytes old = {0}, new_bytes = {0};
  assert_int_equal(mtc_bytes_append_decoded_hex(&old, mtc_span_of_text(from)), MTC_OK);
  assert_int_equal(mtc_bytes_append_decoded_hex(&new_bytes, mtc_span_of_text(to)), MTC_OK);
  uint8_t *at = memmem(der->data, der->len, old.data, old.len);
  assert_non_null(at);
  mtc_bytes_clear(out);
  mtc_bytes_append(out, der->data, (size_t)(at - der->data));
  mtc_bytes_append_span(out, mtc_span_of_bytes(&new_bytes));
  mtc_bytes_append(out, at + old.len, (size_t)(der->data + der->len - at) - old.len);
  mtc_bytes_free(&old);
  mtc_bytes_free(&new_bytes);
}

static void key_usage_of_a_ca(void **state) {
  (void)state;
  char path[512];
  struct mtc_bytes der = {0}, made = {0}, other = {0};
  struct mtc_ca_params params, again;
  struct mtc_error error;
  path_of("07", "ca_cert.pem", path);
  load_pem(path, &der);
  assert_int_equal(mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&der), &params, NULL),
                   MTC_OK);
  assert_false(params.crl_sign);
  params.crl_sign = true;
  assert_int_equal(mtc_ca_certificate_make(&params, &made, NULL), MTC_OK);
  assert_int_equal(mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&made), &again, NULL),
                   MTC_OK);
  assert_true(again.crl_sign);
  replace(&made,
          "0404"
          "03020106",
          "0404"
          "03020102",
          &other); /* cRLSign alone */
  assert_int_equal(
      mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&other), &again, &error),
      MTC_INPUT);
  assert_non_null(strstr(error.text, "keyCertSign"));
  replace(&made,
          "0404"
          "03020106",
          "0404"
          "03020006",
          &other); /* a zero bit at the end */
  assert_int_equal(
      mtc_ca_certificate_parse(wire_of("07"), mtc_span_of_bytes(&other), &again, &error),
      MTC_INPUT);
  mtc_bytes_free(&der);
  mtc_bytes_free(&made);
  mtc_bytes_free(&other);
}

/* The logHash of -05 with NULL for its parameters is read; it is written without. */
static void log_hash_with_null(void **state) {
  (void)state;
  static const char *const steps[][2] = {
      {"a3643062", "a3663064"}, /* extensions */
      {"303f060a", "3041060a"}, /* the CA extension */
      {"042e302c", "0430302e"}, /* its value, MTCCertificationAuthority */
      {"300b0609608648016503040201", "300d06096086480165030402010500"},
  };
  char path[512];
  struct mtc_bytes der = {0}, with_null = {0}, again = {0};
  struct mtc_ca_params params;
  struct mtc_error error = {""};
  path_of("05", "ca_cert.pem", path);
  load_pem(path, &der);
  mtc_bytes_append_span(&with_null, mtc_span_of_bytes(&der));
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    struct mtc_bytes next = {0};
    replace(&with_null, steps[i][0], steps[i][1], &next);
    mtc_bytes_free(&with_null);
    with_null = next;
  }
  with_null.data[3] += 2; /* Certificate */
  with_null.data[7] += 2; /* TBSCertificate */
  if (mtc_ca_certificate_parse(wire_of("05"), mtc_span_of_bytes(&with_null), &params, &error))
    fail_msg("%s", error.text);
  assert_int_equal(mtc_ca_certificate_make(&params, &again, &error), MTC_OK);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&again), mtc_span_of_bytes(&der)));
  uint8_t *sha256 = memmem(with_null.data, with_null.len, "\x03\x04\x02\x01\x05", 5);
  assert_non_null(sha256);
  sha256[3] = 2; /* SHA-384 */
  assert_int_equal(
      mtc_ca_certificate_parse(wire_of("05"), mtc_span_of_bytes(&with_null), &params, &error),
      MTC_INPUT);
  assert_non_null(strstr(error.text, "logHash is not SHA-256"));
  mtc_bytes_free(&der);
  mtc_bytes_free(&with_null);
  mtc_bytes_free(&again);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificates_are_their_entries),
      cmocka_unit_test(ca_certificates_are_made_alike),
      cmocka_unit_test(prefix_url_goes_into_the_ca_certificate),
      cmocka_unit_test(key_usage_of_a_ca),
      cmocka_unit_test(log_hash_with_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
