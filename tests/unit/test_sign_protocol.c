/* The packets between daemon and signer: whole, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sign/protocol.h"

/* A copy of exactly `len` bytes, so that the sanitizer sees a read past the end. */
static bool parses(const uint8_t *data, size_t len, struct mtc_signer_packet *out) {
  uint8_t *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  if (len) memcpy(copy, data, len);
  bool ok = mtc_signer_packet_parse(mtc_span_of(copy, len), out);
  free(copy);
  return ok;
}

static void a_packet_is_read_whole_or_not_at_all(void **state) {
  (void)state;
  struct mtc_signer_packet packet = {
      .request = MTC_SIGNER_SIGN,
      .outcome = MTC_SIGNER_PIN,
      .sequence = 0x01020304,
      .payload = mtc_span_of_text("payload"),
      .text = mtc_span_of_text("text"),
  };
  struct mtc_bytes bytes = {0};
  struct mtc_signer_packet read;
  mtc_signer_packet_append(&packet, &bytes);
  assert_int_equal(mtc_bytes_status(&bytes), MTC_OK);
  assert_true(mtc_signer_packet_parse(mtc_span_of_bytes(&bytes), &read));
  assert_int_equal(read.request, MTC_SIGNER_SIGN);
  assert_int_equal(read.outcome, MTC_SIGNER_PIN);
  assert_int_equal(read.sequence, 0x01020304);
  assert_true(mtc_span_equal(read.payload, packet.payload));
  assert_true(mtc_span_equal(read.text, packet.text));
  for (size_t len = 0; len < bytes.len; len++)
    assert_false(parses(bytes.data, len, &read));
  static const struct {
    size_t at;
    uint8_t value;
  } changes[] = {{0, 0}, {0, 2}, {1, 0}, {1, 4}, {2, 5}, {2, 255}, {7, 1}, {8, 8}, {8, 6}};
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    uint8_t saved = bytes.data[changes[i].at];
    bytes.data[changes[i].at] = changes[i].value;
    if (parses(bytes.data, bytes.len, &read)) fail_msg("accepted change %zu", i);
    bytes.data[changes[i].at] = saved;
  }
  mtc_bytes_append_uint(&bytes, 0, 1);
  assert_false(parses(bytes.data, bytes.len, &read));
  mtc_bytes_free(&bytes);
}

static void configured_strings_end_where_they_say(void **state) {
  (void)state;
  struct mtc_signer_config config = {
      .algorithm = MTC_ALGORITHM_MLDSA44,
      .key = "key",
      .module = "/m.so",
      .module_args = "",
      .pin_source = "file:/p",
      .latch = "/l",
      .sign_mechanism = 0x80001234,
      .confinement = MTC_SIGNER_STRICT,
  };
  struct mtc_bytes bytes = {0};
  struct mtc_signer_config read;
  mtc_signer_config_append(&config, &bytes);
  assert_true(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  assert_int_equal(read.algorithm, MTC_ALGORITHM_MLDSA44);
  assert_string_equal(read.key, "key");
  assert_string_equal(read.module, "/m.so");
  assert_string_equal(read.module_args, "");
  assert_string_equal(read.pin_source, "file:/p");
  assert_string_equal(read.latch, "/l");
  assert_int_equal(read.sign_mechanism, 0x80001234);
  assert_int_equal(read.confinement, MTC_SIGNER_STRICT);
  for (size_t len = 0; len < bytes.len; len++) {
    assert_false(mtc_signer_config_parse(mtc_span_of(bytes.data, len), &read));
  }
  /* algorithm, then 00 04 'k' 'e' 'y' 00 */
  bytes.data[6] = 'x'; /* no zero at the end */
  assert_false(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  bytes.data[6] = 0;
  bytes.data[4] = 0; /* a zero in the middle: would name another key */
  assert_false(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  bytes.data[4] = 'e';
  bytes.data[bytes.len - 1] = MTC_SIGNER_UNCONFINED + 1;
  assert_false(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  bytes.data[bytes.len - 1] = MTC_SIGNER_UNCONFINED;
  assert_true(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  bytes.data[0] = MTC_ALGORITHM_ED25519 + 1;
  assert_false(mtc_signer_config_parse(mtc_span_of_bytes(&bytes), &read));
  mtc_bytes_free(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_packet_is_read_whole_or_not_at_all),
      cmocka_unit_test(configured_strings_end_where_they_say),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
