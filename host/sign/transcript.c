#include "sign/transcript.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mtc/runtime.h"

void mtc_transcript_start(struct mtc_transcript *transcript,
                          const struct mtc_transcript_sink *sink) {
  *transcript = (struct mtc_transcript){.sink = *sink};
}

static void format_time(char out[32]) {
  time_t now_s = (time_t)(mtc_clock_now_ms() / 1000);
  struct tm utc;
  if (!gmtime_r(&now_s, &utc) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc)) out[0] = 0;
}

/* Appends the object's text up to its closing brace, then the digest of that. */
static mtc_status append_object(json_t *object, struct mtc_bytes *line) {
  struct mtc_hash digest;
  char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
  if (!text) return MTC_NOMEM;
  mtc_bytes_append(line, text, strlen(text) - 1);
  free(text);
  if (mtc_bytes_status(line)) return MTC_NOMEM;
  mtc_hash_message(mtc_span_of_bytes(line), &digest);
  mtc_bytes_append_text(line, ",\"digest\":\"");
  mtc_bytes_append_hex(line, mtc_span_of(digest.bytes, sizeof digest.bytes));
  mtc_bytes_append_text(line, "\"");
  return mtc_bytes_status(line);
}

/* The line up to what may follow its digest. */
static mtc_status make_line(const struct mtc_transcript *transcript, const char *event,
                            json_t *fields, struct mtc_bytes *line) {
  char time[32];
  struct mtc_bytes previous = {0};
  mtc_status status = MTC_NOMEM;
  format_time(time);
  mtc_bytes_append_hex(&previous, mtc_span_of(transcript->previous.bytes, MTC_HASH_LEN));
  mtc_bytes_append(&previous, "", 1);
  json_t *object =
      json_pack("{sIssssss}", "line", (json_int_t)transcript->num_lines + 1, "previous",
                previous.failed ? "" : (char *)previous.data, "time", time, "event", event);
  if (object && !previous.failed && json_object_update_missing(object, fields) == 0)
    status = append_object(object, line);
  json_decref(object);
  mtc_bytes_free(&previous);
  return status;
}

static mtc_status write_line(struct mtc_transcript *transcript, struct mtc_bytes *line,
                             struct mtc_error *error) {
  struct mtc_hash digest;
  if (line->len > MTC_TRANSCRIPT_MAX_LINE ||
      line->len > MTC_TRANSCRIPT_MAX_LEN - 1 - transcript->len)
    return mtc_fail(error, MTC_INPUT, "the transcript would grow too large");
  mtc_hash_message(mtc_span_of_bytes(line), &digest);
  mtc_bytes_append_text(line, "\n");
  mtc_status status = mtc_bytes_status(line);
  if (status) return mtc_fail(error, status, "writing the transcript: out of memory");
  const struct mtc_transcript_sink *sink = &transcript->sink;
  status = sink->append(sink->context, mtc_span_of_bytes(line), error);
  if (!status) {
    transcript->previous = digest;
    transcript->num_lines++;
    transcript->len += line->len;
    return MTC_OK;
  }
  /* Whether the line is there is not known: it is taken back, so that what follows fits. */
  struct mtc_error ignored;
  if (sink->cut(sink->context, transcript->len, &ignored) == MTC_OK)
    return mtc_fail_within(error, status, "the transcript's line %llu",
                           (unsigned long long)transcript->num_lines + 1);
  transcript->is_broken = true;
  return mtc_fail_within(error, MTC_FATAL, "the transcript's line %llu may be there or not",
                         (unsigned long long)transcript->num_lines + 1);
}

static mtc_status check_open(const struct mtc_transcript *transcript, const json_t *fields,
                             struct mtc_error *error) {
  if (transcript->is_closed || transcript->is_broken)
    return mtc_fail(error, MTC_FATAL, "the transcript takes no further line");
  return fields ? MTC_OK : mtc_fail(error, MTC_NOMEM, "writing the transcript: out of memory");
}

static mtc_status append_signature(const struct mtc_transcript_signer *signer,
                                   struct mtc_bytes *line, struct mtc_error *error) {
  struct mtc_bytes message = {0}, signature = {0};
  mtc_bytes_append_text(&message, MTC_TRANSCRIPT_CONTEXT);
  mtc_bytes_append_span(&message, mtc_span_of_bytes(line));
  mtc_status status = mtc_bytes_status(&message);
  if (!status)
    status = signer->sign(signer->context, mtc_span_of_bytes(&message), &signature, error);
  if (!status) {
    mtc_bytes_append_text(line, ",\"signature\":\"");
    mtc_bytes_append_base64(line, mtc_span_of_bytes(&signature));
    mtc_bytes_append_text(line, "\"");
  }
  mtc_bytes_free(&message);
  mtc_bytes_free(&signature);
  return status ? mtc_fail_within(error, status, "signing the transcript") : MTC_OK;
}

static mtc_status add(struct mtc_transcript *transcript, const char *event,
                      const struct mtc_transcript_signer *signer, json_t *fields,
                      struct mtc_error *error) {
  struct mtc_bytes line = {0};
  mtc_status status = check_open(transcript, fields, error);
  if (status) goto out;
  status = make_line(transcript, event, fields, &line);
  if (status) {
    status = mtc_fail(error, status, "writing the transcript: out of memory");
    goto out;
  }
  if (signer) status = append_signature(signer, &line, error);
  if (status) goto out;
  mtc_bytes_append_text(&line, "}");
  status = mtc_bytes_status(&line);
  if (!status) status = write_line(transcript, &line, error);
out:
  json_decref(fields);
  mtc_bytes_free(&line);
  return status;
}

mtc_status mtc_transcript_append(struct mtc_transcript *transcript, const char *event,
                                 json_t *fields, struct mtc_error *error) {
  return add(transcript, event, NULL, fields, error);
}

mtc_status mtc_transcript_finish(struct mtc_transcript *transcript,
                                 const struct mtc_transcript_signer *signer, json_t *fields,
                                 struct mtc_error *error) {
  mtc_status status = add(transcript, MTC_EVENT_FINISHED, signer, fields, error);
  if (!status) transcript->is_closed = true;
  return status;
}

mtc_status mtc_transcript_fail(struct mtc_transcript *transcript, json_t *fields,
                               struct mtc_error *error) {
  mtc_status status = add(transcript, MTC_EVENT_FAILED, NULL, fields, error);
  if (!status) transcript->is_closed = true;
  return status;
}
