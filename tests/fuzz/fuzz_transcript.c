/* Transcripts: lines as they come, and the same as fields of lines that are chained rightly, so
 * that what they say of each other is reached. Nobody has a key here: none is ever finished. */
#include "fuzz/fuzz.h"
#include "sign/transcript.h"

static mtc_status append(void *context, struct mtc_span line, struct mtc_error *error) {
  (void)error;
  mtc_bytes_append_span(context, line);
  return mtc_bytes_status(context);
}

static mtc_status cut(void *context, size_t len, struct mtc_error *error) {
  (void)context, (void)len, (void)error;
  return MTC_IO;
}

static void check(struct mtc_span file, size_t num_lines) {
  struct mtc_transcript_report report;
  struct mtc_error error = {0};
  mtc_status status = mtc_transcript_verify(file, &report, &error);
  if (status) {
    assert_refused(status, &error);
    return;
  }
  assert(report.state != MTC_TRANSCRIPT_FINISHED && report.num_lines <= num_lines);
  assert(report.num_lines > 0 && report.last_event[0]);
  assert(report.state != MTC_TRANSCRIPT_FAILED || report.failure);
  mtc_transcript_report_free(&report);
}

/* Each line of the input is the fields of a line, its event among them. */
static size_t chain(struct mtc_span input, struct mtc_bytes *out) {
  struct mtc_transcript_sink sink = {out, append, cut};
  struct mtc_transcript transcript;
  struct mtc_reader reader = mtc_reader_of(input);
  struct mtc_span line;
  struct mtc_error error;
  mtc_transcript_start(&transcript, &sink);
  while (mtc_read_line(&reader, &line)) {
    json_t *fields = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(fields, "event"));
    char name[128];
    (void)snprintf(name, sizeof name, "%s", event ? event : "begin");
    if (!json_is_object(fields)) {
      json_decref(fields);
      fields = json_object();
    }
    if (mtc_transcript_append(&transcript, name, fields, &error)) break;
  }
  return (size_t)transcript.num_lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_bytes file = {0};
  check(mtc_span_of(data, len), len);
  size_t num_lines = chain(mtc_span_of(data, len), &file);
  check(mtc_span_of_bytes(&file), num_lines);
  mtc_bytes_free(&file);
  return 0;
}
