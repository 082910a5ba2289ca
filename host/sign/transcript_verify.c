/* A transcript read again: the chain line by line, then what its lines say of each other. */
#include <stdio.h>
#include <string.h>

#include "mtc/entry.h"
#include "mtc/runtime.h"
#include "sign/transcript.h"

#define MAX_LINES 10000u
static const char digest_mark[] = ",\"digest\":\"";
static const char signature_mark[] = ",\"signature\":\"";

struct reading {
  struct mtc_transcript_report *report;
  struct mtc_hash previous;
  bool is_closed;
  bool has_test_signature;
  bool has_good_key; /* attributes of a key that stays on its token */
};

/* Where the last `mark` of a line begins; line.len when there is none. No string inside the line
 * can hold one, since its quotes would be escaped. */
static size_t find_last(struct mtc_span line, const char *mark) {
  size_t len = strlen(mark);
  for (size_t at = line.len; at-- > 0;) {
    if (line.len - at >= len && memcmp(line.data + at, mark, len) == 0) return at;
  }
  return line.len;
}

static bool is_hash(const char *hex, const struct mtc_hash *hash) {
  struct mtc_bytes text = {0};
  mtc_bytes_append_hex(&text, mtc_span_of(hash->bytes, MTC_HASH_LEN));
  bool same =
      hex && !text.failed && mtc_span_equal(mtc_span_of_text(hex), mtc_span_of_bytes(&text));
  mtc_bytes_free(&text);
  return same;
}

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static mtc_status decode(const json_t *fields, const char *key, struct mtc_bytes *out,
                         struct mtc_error *error) {
  const char *text = text_of(fields, key);
  if (!text || !*text) return mtc_fail(error, MTC_INPUT, "\"%s\" is missing", key);
  mtc_status status = mtc_bytes_append_decoded_base64(out, mtc_span_of_text(text));
  return status ? mtc_fail(error, status, "\"%s\" is not base64", key) : MTC_OK;
}

/* The SHA-256 that a line gives of something it also gives. */
static mtc_status check_digest(const json_t *fields, struct mtc_span content,
                               struct mtc_error *error) {
  struct mtc_hash hash;
  mtc_hash_message(content, &hash);
  if (is_hash(text_of(fields, "sha256"), &hash)) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "\"sha256\" is not that of the content");
}

/* Each line binds itself: number, digest; and the one before. */
static mtc_status check_chain(struct mtc_span line, const json_t *object,
                              const struct reading *reading, struct mtc_error *error) {
  struct mtc_hash hash;
  size_t end = find_last(line, digest_mark);
  mtc_hash_message(mtc_span_of(line.data, end), &hash);
  if (end == line.len || !is_hash(text_of(object, "digest"), &hash))
    return mtc_fail(error, MTC_INPUT, "it was changed: its digest is another");
  if (json_integer_value(json_object_get(object, "line")) !=
      (json_int_t)reading->report->num_lines + 1)
    return mtc_fail(error, MTC_INPUT, "it was line %lld: a line was removed, put in or moved",
                    (long long)json_integer_value(json_object_get(object, "line")));
  if (!is_hash(text_of(object, "previous"), &reading->previous))
    return mtc_fail(error, MTC_INPUT, "it does not follow the line before, which is another");
  return MTC_OK;
}

/* Line and digest are followed by nothing but the signature that the event has. */
static mtc_status check_form(struct mtc_span line, const json_t *object, const char *event,
                             struct mtc_error *error) {
  const char *digest = text_of(object, "digest"), *signature = text_of(object, "signature");
  bool is_finished = strcmp(event, MTC_EVENT_FINISHED) == 0;
  struct mtc_bytes tail = {0};
  mtc_bytes_append_format(&tail, "%s%s\"", digest_mark, digest ? digest : "");
  if (is_finished) {
    mtc_bytes_append_text(&tail, signature_mark);
    mtc_bytes_append_text(&tail, signature ? signature : "");
    mtc_bytes_append_text(&tail, "\"");
  }
  mtc_bytes_append_text(&tail, "}");
  mtc_status status = mtc_bytes_status(&tail);
  size_t end = find_last(line, digest_mark);
  if (!status &&
      !mtc_span_equal(mtc_span_of(line.data + end, line.len - end), mtc_span_of_bytes(&tail)))
    status = mtc_fail(error, MTC_INPUT, "something follows its digest");
  mtc_bytes_free(&tail);
  return status;
}

static mtc_status read_begin(const json_t *fields, struct mtc_error *error) {
  const json_t *file = json_object_get(fields, "file");
  const char *text = text_of(file, "text");
  if (!text) return mtc_fail(error, MTC_INPUT, "the ceremony file's text is missing");
  return check_digest(file, mtc_span_of_text(text), error);
}

static mtc_status read_private_key(const json_t *fields, struct reading *reading,
                                   struct mtc_error *error) {
  const json_t *attributes = json_object_get(fields, "attributes");
  reading->has_good_key = json_is_true(json_object_get(attributes, "CKA_SENSITIVE")) &&
                          json_is_false(json_object_get(attributes, "CKA_EXTRACTABLE"));
  return json_is_object(attributes) ? MTC_OK
                                    : mtc_fail(error, MTC_INPUT, "\"attributes\" are missing");
}

static mtc_status read_public_key(const json_t *fields, struct reading *reading,
                                  struct mtc_error *error) {
  struct mtc_transcript_report *report = reading->report;
  const char *algorithm = text_of(fields, "algorithm");
  if (report->public_key.len) return mtc_fail(error, MTC_INPUT, "there are two public keys");
  mtc_status status = decode(fields, "spki", &report->public_key, error);
  if (!status) status = check_digest(fields, mtc_span_of_bytes(&report->public_key), error);
  if (status) return status;
  report->algorithm = mtc_algorithm_find(algorithm ? algorithm : "");
  if (report->algorithm != MTC_ALGORITHM_NONE &&
      mtc_algorithm_of_public_key(mtc_span_of_bytes(&report->public_key)) == report->algorithm)
    return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "the public key is not one for its algorithm");
}

static mtc_status check_signature(const struct mtc_transcript_report *report,
                                  struct mtc_span message, const json_t *fields, const char *what,
                                  struct mtc_error *error) {
  struct mtc_bytes signature = {0};
  mtc_status status = decode(fields, "signature", &signature, error);
  if (!status)
    status = mtc_signature_verify(report->algorithm, mtc_span_of_bytes(&report->public_key),
                                  message, mtc_span_of_bytes(&signature));
  if (status == MTC_INPUT && !error->text[0])
    status = mtc_fail(error, status, "the %s does not verify under the transcript's key", what);
  mtc_bytes_free(&signature);
  return status;
}

static mtc_status read_test_signature(const json_t *fields, struct reading *reading,
                                      struct mtc_error *error) {
  struct mtc_bytes message = {0};
  mtc_status status = decode(fields, "message", &message, error);
  if (!status)
    status = check_signature(reading->report, mtc_span_of_bytes(&message), fields, "test signature",
                             error);
  reading->has_test_signature = status == MTC_OK;
  mtc_bytes_free(&message);
  return status;
}

static mtc_status read_ca_certificate(const json_t *fields, struct reading *reading,
                                      struct mtc_error *error) {
  struct mtc_bytes *der = &reading->report->ca_certificate;
  struct mtc_ca_params params;
  if (der->len) return mtc_fail(error, MTC_INPUT, "there are two CA certificates");
  mtc_status status = decode(fields, "der", der, error);
  if (!status) status = check_digest(fields, mtc_span_of_bytes(der), error);
  if (status) return status;
  const struct mtc_wire *wire = mtc_ca_certificate_detect(mtc_span_of_bytes(der));
  if (!wire) return mtc_fail(error, MTC_INPUT, "\"der\" is no CA certificate");
  status = mtc_ca_certificate_parse(wire, mtc_span_of_bytes(der), &params, error);
  if (!status &&
      !mtc_span_equal(params.public_key, mtc_span_of_bytes(&reading->report->public_key)))
    status = mtc_fail(error, MTC_INPUT, "the CA certificate is for another key");
  return status;
}

static mtc_status read_finished(struct mtc_span line, const json_t *fields, struct reading *reading,
                                struct mtc_error *error) {
  struct mtc_transcript_report *report = reading->report;
  const char *missing = NULL;
  if (!reading->has_good_key) missing = "a key that is sensitive and not extractable";
  if (!reading->has_test_signature) missing = "a test signature";
  if (!report->ca_certificate.len) missing = "a CA certificate";
  if (missing)
    return mtc_fail(error, MTC_INPUT, "it says finished, but nothing tells of %s", missing);
  struct mtc_bytes message = {0};
  mtc_bytes_append_text(&message, MTC_TRANSCRIPT_CONTEXT);
  mtc_bytes_append(&message, line.data, find_last(line, signature_mark));
  mtc_status status = mtc_bytes_status(&message);
  if (!status)
    status =
        check_signature(report, mtc_span_of_bytes(&message), fields, "closing signature", error);
  mtc_bytes_free(&message);
  report->state = MTC_TRANSCRIPT_FINISHED;
  return status;
}

static mtc_status read_event(struct mtc_span line, json_t *object, const char *event,
                             struct reading *reading, struct mtc_error *error) {
  struct mtc_transcript_report *report = reading->report;
  bool is_first = report->num_lines == 0, begins = strcmp(event, MTC_EVENT_BEGIN) == 0;
  bool has_failed = strcmp(event, MTC_EVENT_FAILED) == 0;
  /* Where the first line could not be written, the last may be the only one. */
  if (is_first != begins && !(is_first && has_failed))
    return mtc_fail(
        error, MTC_INPUT,
        is_first ? "it is not the beginning of a ceremony" : "a second ceremony begins here");
  if (begins) return read_begin(object, error);
  if (strcmp(event, MTC_EVENT_GENERATE) == 0 && !report->generate)
    report->generate = json_incref(object);
  if (strcmp(event, MTC_EVENT_PRIVATE_KEY) == 0) return read_private_key(object, reading, error);
  if (strcmp(event, MTC_EVENT_PUBLIC_KEY) == 0) return read_public_key(object, reading, error);
  if (strcmp(event, MTC_EVENT_TEST_SIGNATURE) == 0)
    return read_test_signature(object, reading, error);
  if (strcmp(event, MTC_EVENT_CA_CERTIFICATE) == 0)
    return read_ca_certificate(object, reading, error);
  reading->is_closed = has_failed || strcmp(event, MTC_EVENT_FINISHED) == 0;
  if (strcmp(event, MTC_EVENT_FINISHED) == 0) return read_finished(line, object, reading, error);
  if (has_failed) {
    report->state = MTC_TRANSCRIPT_FAILED;
    report->failure = json_incref(object);
  }
  return MTC_OK;
}

static mtc_status read_line(struct mtc_span line, struct reading *reading,
                            struct mtc_error *error) {
  struct mtc_transcript_report *report = reading->report;
  if (reading->is_closed)
    return mtc_fail(error, MTC_INPUT, "it follows the last line of the ceremony");
  if (line.len > MTC_TRANSCRIPT_MAX_LINE || report->num_lines >= MAX_LINES)
    return mtc_fail(error, MTC_INPUT, "no ceremony writes so much");
  json_t *object = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
  const char *event = text_of(object, "event"), *time = text_of(object, "time");
  mtc_status status = MTC_OK;
  if (!json_is_object(object) || !event || !*event || !time ||
      strlen(event) >= sizeof report->last_event || strlen(time) >= sizeof report->time)
    status = mtc_fail(error, MTC_INPUT, "it was changed: it is no line of a transcript");
  if (!status) status = check_chain(line, object, reading, error);
  if (!status) status = check_form(line, object, event, error);
  if (!status) status = read_event(line, object, event, reading, error);
  if (!status) {
    (void)snprintf(report->last_event, sizeof report->last_event, "%s", event);
    (void)snprintf(report->time, sizeof report->time, "%s", time);
    report->num_lines++;
    mtc_hash_message(line, &reading->previous);
  }
  json_decref(object);
  return status;
}

mtc_status mtc_transcript_verify(struct mtc_span file, struct mtc_transcript_report *out,
                                 struct mtc_error *error) {
  struct reading reading = {.report = out};
  struct mtc_reader reader = mtc_reader_of(file);
  struct mtc_span line;
  mtc_status status = MTC_OK;
  struct mtc_error ignored = {0};
  if (!error) error = &ignored;
  error->text[0] = 0;
  *out = (struct mtc_transcript_report){0};
  if (file.len > MTC_TRANSCRIPT_MAX_LEN)
    return mtc_fail(error, MTC_INPUT, "no ceremony writes so much");
  while (!status && mtc_read_line(&reader, &line)) {
    status = read_line(line, &reading, error);
    if (status)
      status = mtc_fail_within(error, status, "line %llu", (unsigned long long)out->num_lines + 1);
  }
  if (!status && reader.len && reading.is_closed)
    status = mtc_fail(error, MTC_INPUT, "line %llu: it follows the last line of the ceremony",
                      (unsigned long long)out->num_lines + 1);
  out->has_partial_line = reader.len > 0;
  if (!status && out->num_lines == 0)
    status = mtc_fail(error, MTC_INPUT, "line 1: there is no whole line");
  if (status) mtc_transcript_report_free(out);
  return status;
}

void mtc_transcript_report_free(struct mtc_transcript_report *report) {
  json_decref(report->generate);
  json_decref(report->failure);
  mtc_bytes_free(&report->public_key);
  mtc_bytes_free(&report->ca_certificate);
  *report = (struct mtc_transcript_report){0};
}
