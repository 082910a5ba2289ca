#include "app/mtc/json.h"

/* Takes the text that was built. */
static json_t *take(struct mtc_bytes *text) {
  json_t *string = NULL;
  if (!text->failed) string = json_stringn(text->len ? (char *)text->data : "", text->len);
  mtc_bytes_free(text);
  return string;
}

json_t *cli_json_hex(struct mtc_span bytes) {
  struct mtc_bytes text = {0};
  mtc_bytes_append_hex(&text, bytes);
  return take(&text);
}

json_t *cli_json_base64(struct mtc_span bytes) {
  struct mtc_bytes text = {0};
  mtc_bytes_append_base64(&text, bytes);
  return take(&text);
}

json_t *cli_json_sha256(struct mtc_span bytes) {
  struct mtc_hash hash;
  mtc_hash_message(bytes, &hash);
  return cli_json_hex(mtc_span_of(hash.bytes, sizeof hash.bytes));
}
