/* Accept headers: one format comes out, and the same with empty elements around it. */
#include "acme/delivery.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  mtc_log_init("fuzz", MTC_LOG_ERROR);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_bytes more = {0};
  char *text = text_of(data, len);
  enum acme_chain_format format = acme_choose_chain(text);
  assert(format <= ACME_CHAIN_NONE);
  /* Empty elements say nothing, white space neither. */
  mtc_bytes_append_format(&more, " ,\t%s ,, ", text);
  mtc_bytes_append(&more, "", 1);
  assert(mtc_bytes_status(&more) == MTC_OK);
  if (more.len <= 4096) assert(acme_choose_chain((const char *)more.data) == format);
  mtc_bytes_free(&more);
  mtc_free(text);
  return 0;
}
