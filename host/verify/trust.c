/* Landmarks and subtree files: what a relying party predistributes. */
#include <string.h>

#include "mtc/runtime.h"
#include "mtc/verify.h"

#define MAX_LANDMARKS 4096

/* The active subtrees of one log. */
struct active_log {
  struct mtc_tai ca_id;
  uint64_t log_number;
  size_t num_subtrees;
  struct mtc_subtree subtrees[2 * MAX_LANDMARKS];
};

static void activate(struct active_log *log, const struct mtc_wire *wire,
                     const struct mtc_landmark *landmarks, size_t num, int64_t now_s) {
  for (size_t i = 0; i + 1 < num; i++) {
    struct mtc_subtree cover[2];
    if (wire->landmarks_have_expiry && landmarks[i].expiry_s < now_s) break;
    mtc_subtree_cover((struct mtc_subtree){landmarks[i + 1].tree_size, landmarks[i].tree_size},
                      cover);
    for (size_t j = 0; j < 2; j++) {
      if (cover[j].start < cover[j].end) log->subtrees[log->num_subtrees++] = cover[j];
    }
  }
}

/* CA-ID:LOG:FILE */
static mtc_status load_landmarks(struct active_log *log, const struct mtc_wire *wire,
                                 const char *argument, int64_t now_s, struct mtc_error *error) {
  const char *first = strchr(argument, ':'), *second = first ? strchr(first + 1, ':') : NULL;
  struct mtc_bytes file = {0};
  size_t num = 0;
  if (!second || !mtc_parse_decimal(mtc_span_of(first + 1, (size_t)(second - first - 1)), 65535,
                                    &log->log_number))
    return mtc_fail(error, MTC_INPUT, "landmarks \"%s\" is not CA-ID:LOG:FILE", argument);
  if (log->log_number == 0)
    return mtc_fail(error, MTC_INPUT, "landmarks \"%s\": there is no log 0", argument);
  mtc_status status =
      mtc_tai_parse(mtc_span_of(argument, (size_t)(first - argument)), &log->ca_id, error);
  if (!status) status = mtc_file_read(second + 1, 1 << 20, &file, error);
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LANDMARKS, sizeof *landmarks);
  if (!status && !landmarks) status = MTC_NOMEM;
  if (!status) {
    status = mtc_landmarks_parse(wire, mtc_span_of_bytes(&file), now_s, landmarks, MAX_LANDMARKS,
                                 &num, error);
    if (status) status = mtc_fail_within(error, status, "%s", second + 1);
  }
  if (!status) activate(log, wire, landmarks, num, now_s);
  mtc_free(landmarks);
  mtc_bytes_free(&file);
  return status;
}

static bool is_active(const struct active_log *logs, size_t num_logs, const struct mtc_tai *ca_id,
                      uint64_t log_number, struct mtc_subtree subtree) {
  for (size_t i = 0; i < num_logs; i++) {
    if (logs[i].log_number != log_number || mtc_tai_compare(&logs[i].ca_id, ca_id) != 0) continue;
    for (size_t j = 0; j < logs[i].num_subtrees; j++) {
      if (logs[i].subtrees[j].start == subtree.start && logs[i].subtrees[j].end == subtree.end)
        return true;
    }
  }
  return false;
}

static bool next_field(struct mtc_span *line, struct mtc_span *out) {
  size_t len = 0;
  while (len < line->len && line->data[len] != ' ')
    len++;
  *out = mtc_span_of(line->data, len);
  size_t used = len < line->len ? len + 1 : len;
  *line = mtc_span_of(line->data + used, line->len - used);
  return len > 0;
}

static mtc_status load_line(struct mtc_verifier *verifier, const struct active_log *logs,
                            size_t num_logs, struct mtc_span line, struct mtc_error *error) {
  struct mtc_span ca, log, start, end, base64;
  struct mtc_tai ca_id;
  struct mtc_subtree subtree;
  struct mtc_bytes hash = {0};
  uint64_t log_number;
  if (!next_field(&line, &ca) || !next_field(&line, &log) || !next_field(&line, &start) ||
      !next_field(&line, &end) || !next_field(&line, &base64) || line.len ||
      !mtc_parse_decimal(log, 65535, &log_number) ||
      !mtc_parse_decimal(start, UINT64_MAX, &subtree.start) ||
      !mtc_parse_decimal(end, UINT64_MAX, &subtree.end))
    return mtc_fail(error, MTC_INPUT, "not \"CA-ID LOG START END HASH\"");
  /* Also for logs that nobody asked about: a file that is wrong there is not to be relied on. */
  if (log_number == 0) return mtc_fail(error, MTC_INPUT, "there is no log 0");
  if (!mtc_subtree_is_valid(subtree) || subtree.start == subtree.end ||
      subtree.end > MTC_MAX_INDEX + 1)
    return mtc_fail(error, MTC_INPUT, "[%llu, %llu) is not a subtree",
                    (unsigned long long)subtree.start, (unsigned long long)subtree.end);
  mtc_status status = mtc_tai_parse(ca, &ca_id, error);
  if (!status) {
    status = mtc_bytes_append_decoded_base64(&hash, base64);
    if (status || hash.len != MTC_HASH_LEN)
      status = mtc_fail(error, MTC_INPUT, "the hash is not base64 of 32 bytes");
  }
  if (!status && is_active(logs, num_logs, &ca_id, log_number, subtree)) {
    struct mtc_hash value;
    memcpy(value.bytes, hash.data, MTC_HASH_LEN);
    status = mtc_verifier_add_trusted_subtree(verifier, &ca_id, log_number, subtree, &value, error);
  }
  mtc_bytes_free(&hash);
  return status;
}

mtc_status mtc_verifier_load_subtrees(struct mtc_verifier *verifier, const struct mtc_wire *wire,
                                      const char *const *landmarks, size_t num_landmarks,
                                      const char *subtrees, int64_t now_s,
                                      struct mtc_error *error) {
  struct mtc_bytes file = {0};
  struct mtc_span line;
  mtc_status status = MTC_OK;
  struct active_log *logs = mtc_alloc(num_landmarks, sizeof *logs);
  if (!logs) return MTC_NOMEM;
  for (size_t i = 0; !status && i < num_landmarks; i++)
    status = load_landmarks(&logs[i], wire, landmarks[i], now_s, error);
  if (!status) status = mtc_file_read(subtrees, 1 << 24, &file, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  for (size_t number = 1; !status && reader.len; number++) {
    if (!mtc_read_line(&reader, &line))
      status = mtc_fail(error, MTC_INPUT, "the last line has no end");
    else if (line.len)
      status = load_line(verifier, logs, num_landmarks, line, error);
    if (status) status = mtc_fail_within(error, status, "%s:%zu", subtrees, number);
  }
  mtc_bytes_free(&file);
  mtc_free(logs);
  return status;
}
