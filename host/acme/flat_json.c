#include "acme/flat_json.h"

static void skip_space(struct mtc_span *rest) {
  while (rest->len && (rest->data[0] == ' ' || rest->data[0] == '\t' || rest->data[0] == '\n' ||
                       rest->data[0] == '\r'))
    *rest = mtc_span_of(rest->data + 1, rest->len - 1);
}

/* Skips `c` and the space before it. */
static bool skip(struct mtc_span *rest, uint8_t c) {
  skip_space(rest);
  if (!rest->len || rest->data[0] != c) return false;
  *rest = mtc_span_of(rest->data + 1, rest->len - 1);
  return true;
}

static bool read_string(struct mtc_span *rest, struct mtc_span *out) {
  if (!skip(rest, '"')) return false;
  size_t len = 0;
  while (len < rest->len && rest->data[len] >= ' ' && rest->data[len] <= '~' &&
         rest->data[len] != '"' && rest->data[len] != '\\')
    len++;
  if (len == rest->len || rest->data[len] != '"') return false;
  *out = mtc_span_of(rest->data, len);
  *rest = mtc_span_of(rest->data + len + 1, rest->len - len - 1);
  return true;
}

/* Adds "name": "value". */
static bool read_member(struct mtc_span *rest, json_t *object) {
  struct mtc_span name, value;
  size_t size = json_object_size(object);
  if (!read_string(rest, &name) || !skip(rest, ':') || !read_string(rest, &value)) return false;
  json_t *string = json_stringn_nocheck((const char *)value.data, value.len);
  return json_object_setn_new_nocheck(object, (const char *)name.data, name.len, string) == 0 &&
         json_object_size(object) == size + 1;
}

json_t *acme_flat_json_load(struct mtc_span text) {
  if (!skip(&text, '{')) return NULL;
  json_t *object = json_object();
  bool is_good = object && read_member(&text, object);
  while (is_good && skip(&text, ','))
    is_good = read_member(&text, object);
  is_good = is_good && skip(&text, '}');
  skip_space(&text);
  if (is_good && text.len == 0) return object;
  json_decref(object);
  return NULL;
}
