/* PKCS#11 URIs: what one names, written as a URI and read again, is the same; errors are silent
 * about a PIN. */
#include "fuzz/fuzz.h"
#include "mtc/sign.h"
#include "sign/uri.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  mtc_log_init("fuzz", MTC_LOG_ERROR);
  return 0;
}

static void append(struct mtc_bytes *out, const char *name, const void *value, size_t len) {
  if (len == 0) return;
  mtc_bytes_append_text(out, name);
  for (size_t i = 0; i < len; i++)
    mtc_bytes_append_format(out, "%%%02X", ((const uint8_t *)value)[i]);
}

static void check(const struct mtc_key_uri *uri) {
  struct mtc_key_uri again;
  struct mtc_error error = {0};
  struct mtc_bytes text = {0};
  assert(uri->token[0] && (uri->object[0] || uri->id_len) && uri->id_len <= sizeof uri->id);
  assert(!uri->pin_source[0] || !uri->pin_value[0]);
  append(&text, "pkcs11:token=", uri->token, strlen(uri->token));
  append(&text, ";manufacturer=", uri->manufacturer, strlen(uri->manufacturer));
  append(&text, ";model=", uri->model, strlen(uri->model));
  append(&text, ";serial=", uri->serial, strlen(uri->serial));
  append(&text, ";object=", uri->object, strlen(uri->object));
  append(&text, ";id=", uri->id, uri->id_len);
  append(&text, "?pin-source=", uri->pin_source, strlen(uri->pin_source));
  append(&text, "?pin-value=", uri->pin_value, strlen(uri->pin_value));
  const char *separator =
      uri->pin_source[0] || uri->pin_value[0] ? "&module-path=" : "?module-path=";
  append(&text, separator, uri->module_path, strlen(uri->module_path));
  mtc_bytes_append(&text, "", 1);
  if (text.len <= 4097) {
    if (mtc_key_uri_parse((const char *)text.data, &again, &error)) {
      (void)fprintf(stderr, "%s: %s\n", (const char *)text.data, error.text);
      assert(false);
    }
    assert(memcmp(uri, &again, sizeof again) == 0);
  }
  mtc_bytes_free(&text);
}

/* What names the key, written by the library, names the same key. */
static void check_written(const struct mtc_key_uri *uri) {
  struct mtc_key_uri again, names = *uri;
  struct mtc_error error = {0};
  struct mtc_bytes text = {0};
  memset(names.pin_source, 0, sizeof names.pin_source);
  memset(names.pin_value, 0, sizeof names.pin_value);
  memset(names.module_path, 0, sizeof names.module_path);
  mtc_key_uri_append(uri, &text);
  mtc_bytes_append(&text, "", 1);
  assert(mtc_bytes_status(&text) == MTC_OK);
  assert(mtc_key_uri_parse((const char *)text.data, &again, &error) == MTC_OK);
  assert(memcmp(&names, &again, sizeof again) == 0);
  mtc_bytes_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_key_uri uri, empty;
  struct mtc_error error = {0};
  char *text = text_of(data, len);
  mtc_status status = mtc_key_uri_parse(text, &uri, &error);
  if (status) {
    assert_refused(status, &error);
    memset(&empty, 0, sizeof empty);
    assert(memcmp(&uri, &empty, sizeof uri) == 0);
  } else {
    assert(mtc_key_is_uri(text));
    check(&uri);
    check_written(&uri);
  }
  mtc_free(text);
  return 0;
}
