#include <stdio.h>
#include <string.h>

#include "provider/store.h"

static mtc_status parse_serial(struct mtc_span text, uint64_t *out, struct mtc_error *error) {
  const uint8_t *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
  uint64_t log_number, index;
  if (text.len > 2 && text.len <= 18 && memcmp(text.data, "0x", 2) == 0) {
    char digits[17] = "0000000000000000";
    struct mtc_bytes bytes = {0};
    size_t num_digits = text.len - 2;
    memcpy(digits + 16 - num_digits, text.data + 2, num_digits);
    mtc_status status = mtc_bytes_append_decoded_hex(&bytes, mtc_span_of_text(digits));
    struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&bytes));
    bool is_read = !status && mtc_read_uint(&reader, 8, out);
    mtc_bytes_free(&bytes);
    if (is_read) return MTC_OK;
  } else if (colon) {
    size_t len = (size_t)(colon - text.data);
    if (mtc_parse_decimal(mtc_span_of(text.data, len), UINT16_MAX, &log_number) &&
        mtc_parse_decimal(mtc_span_of(colon + 1, text.len - len - 1), MTC_MAX_INDEX, &index)) {
      *out = log_number << 48 | index;
      return MTC_OK;
    }
  } else if (mtc_parse_decimal(text, UINT64_MAX, out)) {
    return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT, "serial=%.*s is neither a number nor 0xHEX nor LOG:INDEX",
                  (int)(text.len > 64 ? 64 : text.len), (const char *)text.data);
}

static mtc_status parse_query(const char *query, struct store_uri *out, struct mtc_error *error) {
  bool has_serial = false, has_kind = false;
  mtc_status status = MTC_OK;
  for (int i = 0; i < 2; i++) {
    const char *name = i ? "landmarks" : "checkpoint";
    size_t len = strlen(name);
    if (strncmp(query, name, len) != 0 || (query[len] && query[len] != '#')) continue;
    out->object = query[len] ? STORE_NOTHING : i ? STORE_LANDMARKS : STORE_CHECKPOINT;
    return MTC_OK;
  }
  while (!status && *query) {
    size_t len = strcspn(query, "&");
    if (strncmp(query, "serial=", 7) == 0 && !has_serial) {
      has_serial = true;
      status = parse_serial(mtc_span_of(query + 7, len - 7), &out->serial, error);
      if (!has_kind) out->object = STORE_STANDALONE;
    } else if (strncmp(query, "kind=landmark", len) == 0 && len == 13 && !has_kind) {
      has_kind = true;
      out->object = STORE_LANDMARK;
    } else if (strncmp(query, "kind=standalone", len) == 0 && len == 15 && !has_kind) {
      has_kind = true;
      out->object = STORE_STANDALONE;
    } else {
      status = mtc_fail(
          error, MTC_INPUT,
          "\"%.*s\" is not serial=N, kind=standalone, kind=landmark, checkpoint, landmarks",
          (int)(len > 64 ? 64 : len), query);
    }
    query += len + (query[len] == '&');
  }
  if (!status && has_kind && !has_serial)
    status = mtc_fail(error, MTC_INPUT, "kind= without serial=");
  return status;
}

static mtc_status take(const char *text, size_t len, char *out, size_t size,
                       struct mtc_error *error) {
  if (len >= size) return mtc_fail(error, MTC_INPUT, "%zu characters are too many", len);
  memcpy(out, text, len);
  out[len] = 0;
  return MTC_OK;
}

mtc_status store_parse_uri(const char *uri, struct store_uri *out, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  *out = (struct store_uri){.object = STORE_CA};
  if (OPENSSL_strncasecmp(uri, "mtc:", 4) != 0)
    return mtc_fail(error, MTC_INPUT, "it does not begin with mtc:");
  uri += 4;
  if (strncmp(uri, "//", 2) == 0) uri += 2;
  size_t len = strcspn(uri, "?");
  if (len && uri[0] == '/')
    status = take(uri, len, out->socket, sizeof out->socket, error);
  else if (len)
    status = take(uri, len, out->ca_id, sizeof out->ca_id, error);
  if (!status && uri[len] == '?') status = parse_query(uri + len + 1, out, error);
  return status;
}
