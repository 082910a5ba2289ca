/* The landmarks file. */
#include <string.h>

#include "mtc/proof.h"

/*
 * -06, -07:                              -05:
 *   <latest landmark>\n                    <latest landmark> <number of active landmarks>\n
 *   {<tree size> <expiry>\n}               {<tree size>\n}   one more than active ones
 *
 * Landmarks stand newest first. With expiry the last line is what tells a reader that no active
 * landmark was left out, so it must be expired.
 */
#define MAX_NUMBER ((UINT64_C(1) << 48) - 1)

/* A reader that stands at a line, for messages. */
struct file {
  struct mtc_reader reader;
  size_t line_number;
  struct mtc_error *error;
};

static mtc_status fail_line(const struct file *file, const char *problem) {
  return mtc_fail(file->error, MTC_INPUT, "landmarks line %zu: %s", file->line_number, problem);
}

/* Splits "first second" at its single space; without one, `out_second` is empty. */
static void split(struct mtc_span line, struct mtc_span *out_first, struct mtc_span *out_second) {
  const uint8_t *space = line.len ? memchr(line.data, ' ', line.len) : NULL;
  *out_first = mtc_span_of(line.data, space ? (size_t)(space - line.data) : line.len);
  *out_second =
      space ? mtc_span_of(space + 1, line.len - out_first->len - 1) : mtc_span_of(NULL, 0);
}

/* What must hold of a landmark and the newer one before it; NULL when it does. */
static const char *check_landmark(const struct mtc_wire *wire, const struct mtc_landmark *landmark,
                                  const struct mtc_landmark *newer) {
  if (landmark->number > MAX_NUMBER) return "the landmark number is above 2^48-1";
  if (landmark->tree_size > MAX_NUMBER) return "the tree size is above 2^48-1";
  if (landmark->expiry_s < 0) return "the expiry is negative";
  if (!wire->landmarks_have_expiry && landmark->expiry_s) return "this version has no expiry";
  if (landmark->number == 0 && (landmark->tree_size || landmark->expiry_s)) {
    return "landmark 0 must have size and expiry 0";
  }
  if (landmark->number && landmark->tree_size == 0) return "only landmark 0 has size 0";
  if (!newer) return NULL;
  if (landmark->number + 1 != newer->number) return "the landmark numbers are not consecutive";
  if (landmark->tree_size >= newer->tree_size) return "the tree sizes do not decrease";
  if (landmark->expiry_s > newer->expiry_s) return "the expiry is later than the line before";
  return NULL;
}

static bool ends_file(const struct mtc_landmark *landmark, int64_t now_s) {
  return landmark->number == 0 || landmark->expiry_s < now_s;
}

mtc_status mtc_landmarks_append(const struct mtc_wire *wire, const struct mtc_landmark *landmarks,
                                size_t num, int64_t now_s, struct mtc_bytes *out,
                                struct mtc_error *error) {
  if (num == 0) return mtc_fail(error, MTC_INPUT, "landmarks: there is none");
  for (size_t i = 0; i < num; i++) {
    const char *problem = check_landmark(wire, &landmarks[i], i ? &landmarks[i - 1] : NULL);
    if (problem) {
      return mtc_fail(error, MTC_INPUT, "landmark %llu: %s",
                      (unsigned long long)landmarks[i].number, problem);
    }
  }
  if (wire->landmarks_have_expiry && !ends_file(&landmarks[num - 1], now_s)) {
    return mtc_fail(error, MTC_INPUT, "landmarks: the last one, %llu, has not expired",
                    (unsigned long long)landmarks[num - 1].number);
  }
  mtc_bytes_append_format(out, "%llu", (unsigned long long)landmarks[0].number);
  if (!wire->landmarks_have_expiry) mtc_bytes_append_format(out, " %zu", num - 1);
  mtc_bytes_append_text(out, "\n");
  for (size_t i = 0; i < num; i++) {
    mtc_bytes_append_format(out, "%llu", (unsigned long long)landmarks[i].tree_size);
    if (wire->landmarks_have_expiry) {
      mtc_bytes_append_format(out, " %lld", (long long)landmarks[i].expiry_s);
    }
    mtc_bytes_append_text(out, "\n");
  }
  return mtc_bytes_status(out);
}

/* Reads a line of one number, or of two when `out_second` is given. */
static mtc_status read_numbers(struct file *file, uint64_t *out_first, uint64_t max_second,
                               uint64_t *out_second) {
  struct mtc_span line, first, second;
  file->line_number++;
  if (!mtc_read_line(&file->reader, &line)) return fail_line(file, "missing, or no LF at its end");
  if (out_second) {
    split(line, &first, &second);
    if (!mtc_parse_decimal(first, MAX_NUMBER, out_first) ||
        !mtc_parse_decimal(second, max_second, out_second)) {
      return fail_line(file, "not two decimal numbers with one space between, or one is too large");
    }
  } else if (!mtc_parse_decimal(line, MAX_NUMBER, out_first)) {
    return fail_line(file, "not one decimal number of at most 2^48-1");
  }
  return MTC_OK;
}

mtc_status mtc_landmarks_parse(const struct mtc_wire *wire, struct mtc_span text, int64_t now_s,
                               struct mtc_landmark *out, size_t max, size_t *out_num,
                               struct mtc_error *error) {
  struct file file = {mtc_reader_of(text), 0, error};
  bool has_expiry = wire->landmarks_have_expiry;
  uint64_t latest, num_active = 0;
  mtc_status status = read_numbers(&file, &latest, MAX_NUMBER, has_expiry ? NULL : &num_active);
  if (status) return status;
  if (num_active > latest) return fail_line(&file, "more active landmarks than landmarks");
  size_t num = 0;
  while (has_expiry ? file.reader.len != 0 : num <= num_active) {
    uint64_t tree_size, expiry_s = 0;
    status = read_numbers(&file, &tree_size, INT64_MAX, has_expiry ? &expiry_s : NULL);
    if (status) return status;
    if (num > latest) return fail_line(&file, "more landmarks than the first line allows");
    if (num == max) return fail_line(&file, "more landmarks than can be taken in");
    out[num] = (struct mtc_landmark){latest - num, tree_size, (int64_t)expiry_s};
    const char *problem = check_landmark(wire, &out[num], num ? &out[num - 1] : NULL);
    if (problem) return fail_line(&file, problem);
    num++;
  }
  if (file.reader.len) {
    file.line_number++;
    return fail_line(&file, "text after the last landmark");
  }
  if (has_expiry && (num == 0 || !ends_file(&out[num - 1], now_s))) {
    return fail_line(&file, "the file ends without an expired landmark");
  }
  *out_num = num;
  return MTC_OK;
}
