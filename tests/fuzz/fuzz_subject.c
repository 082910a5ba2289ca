/* Subjects as a client sends them, and as a command line has them: what is accepted is a Name that
 * is accepted again, and whatever it is can be shown on one line of printable ASCII. */
#include "fuzz/fuzz.h"

#include "mtc/entry.h"

static void show(struct mtc_span name) {
  char text[MTC_SUBJECT_TEXT];
  assert(mtc_subject_format(name, text) == text);
  assert(text[0] && strlen(text) < sizeof text);
  for (const char *at = text; *at; at++)
    assert(*at >= 0x20 && *at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_error error = {0};
  struct mtc_bytes name = {0};
  char *text = text_of(data, len);
  mtc_status status = mtc_subject_check(input, &error);
  if (status) assert_refused(status, &error);
  show(input);
  error.text[0] = 0;
  status = mtc_subject_parse(text, &name, &error);
  if (status) {
    assert_refused(status, &error);
    assert(name.len == 0);
  } else {
    assert(mtc_subject_check(mtc_span_of_bytes(&name), &error) == MTC_OK);
    show(mtc_span_of_bytes(&name));
  }
  mtc_bytes_free(&name);
  mtc_free(text);
  return 0;
}
