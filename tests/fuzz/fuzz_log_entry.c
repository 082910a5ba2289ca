/* MTCLogEntry and TBSCertificateLogEntry: the parts put together are the input again. */
#include "fuzz/fuzz.h"
#include "mtc/entry.h"

static void check_tbs(const struct mtc_wire *wire, struct mtc_span contents) {
  struct mtc_tbs_entry tbs;
  struct mtc_error error = {0};
  mtc_status status = mtc_tbs_entry_parse(wire, NULL, contents, &tbs, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  struct mtc_bytes again = {0};
  const struct mtc_span parts[] = {tbs.version, tbs.issuer, tbs.validity, tbs.subject,
                                   tbs.public_key_algorithm};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    mtc_bytes_append_span(&again, parts[i]);
  assert(tbs.public_key_hash.len == MTC_HASH_LEN);
  mtc_bytes_append(&again, "\x04\x20", 2);
  mtc_bytes_append_span(&again, tbs.public_key_hash);
  mtc_bytes_append_span(&again, tbs.rest);
  assert_built(&again, contents);
  /* It is the entry of exactly one CA. */
  struct mtc_tai issuer, other = {1, {1}};
  assert(mtc_tai_of_name(wire, tbs.issuer, &issuer, &error) == MTC_OK);
  assert(mtc_tbs_entry_parse(wire, &issuer, contents, &tbs, &error) == MTC_OK);
  if (mtc_tai_compare(&issuer, &other) == 0) other.bytes[0] = 2;
  assert(mtc_tbs_entry_parse(wire, &other, contents, &tbs, &error) == MTC_INPUT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_log_entry entry;
  struct mtc_error error = {0};
  mtc_status status = mtc_log_entry_parse(input, &entry, &error);
  if (status) {
    assert_refused(status, &error);
    return 0;
  }
  struct mtc_bytes again = {0};
  mtc_bytes_append_prefixed(&again, entry.extensions, 2);
  mtc_bytes_append_uint(&again, entry.type, 2);
  mtc_bytes_append_span(&again, entry.tbs);
  assert_built(&again, input);
  if (entry.type == MTC_ENTRY_NULL) assert(entry.tbs.len == 0);
  for (int i = 0; i < NUM_WIRES; i++)
    check_tbs(wire_number(i), entry.tbs);
  return 0;
}
