/* PEM blocks. */
#include <string.h>

#include "mtc/proof.h"

/* Source: RFC 7468. Written strictly; read with any line length, either line end, and text between
 * blocks, but no header lines inside one. */
#define LINE_LEN 64
#define MAX_LABEL_LEN 63

static const char begin_text[] = "-----BEGIN ";
static const char end_text[] = "-----END ";
static const char dashes[] = "-----";

void mtc_pem_append(const char *label, struct mtc_span der, struct mtc_bytes *out) {
  mtc_bytes_append_format(out, "%s%s%s\n", begin_text, label, dashes);
  while (der.len) {
    size_t len = der.len < LINE_LEN / 4 * 3 ? der.len : LINE_LEN / 4 * 3;
    mtc_bytes_append_base64(out, mtc_span_of(der.data, len));
    mtc_bytes_append(out, "\n", 1);
    der = mtc_span_of(der.data + len, der.len - len);
  }
  mtc_bytes_append_format(out, "%s%s%s\n", end_text, label, dashes);
}

/* Takes a line off the front, also a last one without LF, and drops white space at its end. */
static bool read_line(struct mtc_reader *reader, struct mtc_span *out) {
  if (reader->len == 0) return false;
  if (!mtc_read_line(reader, out) && !mtc_read_span(reader, reader->len, out)) return false;
  while (out->len && strchr(" \t\r", out->data[out->len - 1]) && out->data[out->len - 1])
    out->len--;
  return true;
}

/* Takes the label out of "-----BEGIN label-----" (or END). */
static bool read_boundary(struct mtc_span line, const char *prefix, struct mtc_span *out_label) {
  size_t prefix_len = strlen(prefix), suffix_len = strlen(dashes);
  if (line.len < prefix_len + suffix_len) return false;
  if (memcmp(line.data, prefix, prefix_len) != 0) return false;
  if (memcmp(line.data + line.len - suffix_len, dashes, suffix_len) != 0) return false;
  *out_label = mtc_span_of(line.data + prefix_len, line.len - prefix_len - suffix_len);
  for (size_t i = 0; i < out_label->len; i++) {
    if (out_label->data[i] < 0x20 || out_label->data[i] > 0x7E) return false;
  }
  return true;
}

/* Collects the base64 text of the block that `label` began, up to and with its END line. */
static mtc_status read_block(struct mtc_reader *reader, struct mtc_span label,
                             struct mtc_bytes *out_base64, struct mtc_error *error) {
  struct mtc_span line, end_label;
  int name_len = label.len > MAX_LABEL_LEN ? MAX_LABEL_LEN : (int)label.len;
  const char *name = (const char *)label.data;
  while (read_line(reader, &line)) {
    if (!read_boundary(line, end_text, &end_label)) {
      mtc_bytes_append_span(out_base64, line);
      continue;
    }
    if (!mtc_span_equal(label, end_label)) {
      return mtc_fail(error, MTC_INPUT, "PEM: the block \"%.*s\" ends with another label", name_len,
                      name);
    }
    return mtc_bytes_status(out_base64);
  }
  return mtc_fail(error, MTC_INPUT, "PEM: the block \"%.*s\" has no end", name_len, name);
}

bool mtc_pem_next_label(struct mtc_reader *reader, struct mtc_span *out_label) {
  struct mtc_span line;
  while (read_line(reader, &line)) {
    if (read_boundary(line, begin_text, out_label)) return true;
  }
  return false;
}

mtc_status mtc_pem_next(struct mtc_reader *reader, const char *label, struct mtc_bytes *out_der,
                        struct mtc_error *error) {
  struct mtc_bytes base64 = {0};
  struct mtc_span found;
  mtc_status status = MTC_OK;
  while (mtc_pem_next_label(reader, &found)) {
    mtc_bytes_clear(&base64);
    status = read_block(reader, found, &base64, error);
    if (status) goto out;
    if (label && !mtc_span_equal(found, mtc_span_of_text(label))) continue;
    status = mtc_bytes_append_decoded_base64(out_der, mtc_span_of_bytes(&base64));
    if (status == MTC_INPUT) (void)mtc_fail(error, status, "PEM: the block is not base64");
    goto out;
  }
  status = label ? mtc_fail(error, MTC_INPUT, "PEM: there is no further \"%s\" block", label)
                 : mtc_fail(error, MTC_INPUT, "PEM: there is no further block");
out:
  mtc_bytes_free(&base64);
  return status;
}
