/* PEM: every block that is read, written and read again, holds the same bytes. */
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

static void check_block(struct mtc_span der) {
  struct mtc_bytes pem = {0}, again = {0};
  struct mtc_error error = {0};
  mtc_pem_append("FUZZ", der, &pem);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  assert(mtc_pem_next(&reader, "FUZZ", &again, &error) == MTC_OK);
  assert(reader.len == 0);
  assert_built(&again, der);
  mtc_bytes_free(&pem);
}

static size_t read_all(struct mtc_span input, const char *label) {
  struct mtc_reader reader = mtc_reader_of(input);
  struct mtc_bytes der = {0};
  struct mtc_error error = {0};
  size_t num_blocks = 0;
  for (;;) {
    size_t left = reader.len;
    mtc_bytes_clear(&der);
    mtc_status status = mtc_pem_next(&reader, label, &der, &error);
    if (status) {
      assert_refused(status, &error);
      assert(der.len == 0);
      break;
    }
    assert(reader.len < left);
    check_block(mtc_span_of_bytes(&der));
    num_blocks++;
  }
  mtc_bytes_free(&der);
  return num_blocks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  (void)read_all(input, NULL);
  (void)read_all(input, "CERTIFICATE");
  return 0;
}
