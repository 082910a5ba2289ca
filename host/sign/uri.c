#include "sign/uri.h"

#include <openssl/crypto.h>
#include <p11-kit/uri.h>
#include <string.h>
#include <strings.h>

#include "mtc/sign.h"

/*
 * p11-kit ignores unknown attributes and query parts. In a CA's configuration that would turn a
 * mistyped `serial=` into "any token of that label", so names are checked here first.
 */
static const char *const path_names[] = {"token",  "manufacturer", "model", "serial",
                                         "object", "id",           "type"};
static const char *const query_names[] = {"pin-source", "pin-value", "module-path"};
static const char *const slot_names[] = {"slot-id", "slot-description", "slot-manufacturer"};
static const char *const module_names[] = {"module-name", "library-description",
                                           "library-manufacturer", "library-version"};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int find_name(const char *const *names, size_t num_names, struct mtc_span name) {
  for (size_t i = 0; i < num_names; i++) {
    if (mtc_span_equal(name, mtc_span_of_text(names[i]))) return (int)i;
  }
  return -1;
}

static mtc_status check_names(struct mtc_span part, const char *separators,
                              const char *const *names, size_t num_names, struct mtc_error *error) {
  unsigned seen = 0;
  while (part.len) {
    size_t len = 0, name_len = 0;
    while (len < part.len && !strchr(separators, part.data[len]))
      len++;
    while (name_len < len && part.data[name_len] != '=')
      name_len++;
    struct mtc_span name = mtc_span_of(part.data, name_len);
    int found = find_name(names, num_names, name);
    if (find_name(slot_names, COUNT(slot_names), name) >= 0) {
      return mtc_fail(error, MTC_INPUT,
                      "PKCS#11 URI: %.*s: slots move; name the token (token=, serial=)",
                      (int)name.len, (const char *)name.data);
    }
    if (find_name(module_names, COUNT(module_names), name) >= 0) {
      return mtc_fail(error, MTC_INPUT,
                      "PKCS#11 URI: %.*s: a module is named by its path (module-path=)",
                      (int)name.len, (const char *)name.data);
    }
    if (found < 0) {
      return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: unknown attribute \"%.*s\"",
                      (int)(name.len < 40 ? name.len : 40), (const char *)name.data);
    }
    if (seen & (1u << found)) {
      return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: %s is given twice", names[found]);
    }
    seen |= 1u << found;
    if (len < part.len) len++;
    part.data += len;
    part.len -= len;
  }
  return MTC_OK;
}

static mtc_status check_all_names(const char *text, struct mtc_error *error) {
  const char *path = text + P11_KIT_URI_SCHEME_LEN + 1;
  const char *query = strchr(path, '?');
  size_t path_len = query ? (size_t)(query - path) : strlen(path);
  mtc_status status =
      check_names(mtc_span_of(path, path_len), ";", path_names, COUNT(path_names), error);
  if (status || !query) return status;
  return check_names(mtc_span_of_text(query + 1), "&", query_names, COUNT(query_names), error);
}

/* Copies a value, without the spaces that pad CK_TOKEN_INFO. */
static mtc_status copy_text(const char *name, const void *value, size_t len, char *out, size_t size,
                            struct mtc_error *error) {
  const char *text = value;
  while (len && (text[len - 1] == ' ' || text[len - 1] == 0))
    len--;
  if (len >= size) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: %s is longer than %zu bytes", name, size - 1);
  }
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
      return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: %s contains a control byte", name);
    }
  }
  memcpy(out, text, len);
  out[len] = 0;
  return MTC_OK;
}

static mtc_status copy_token(P11KitUri *uri, struct mtc_key_uri *out, struct mtc_error *error) {
  CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
  mtc_status status =
      copy_text("token", info->label, sizeof info->label, out->token, sizeof out->token, error);
  if (!status) {
    status = copy_text("manufacturer", info->manufacturerID, sizeof info->manufacturerID,
                       out->manufacturer, sizeof out->manufacturer, error);
  }
  if (!status) {
    status =
        copy_text("model", info->model, sizeof info->model, out->model, sizeof out->model, error);
  }
  if (!status) {
    status = copy_text("serial", info->serialNumber, sizeof info->serialNumber, out->serial,
                       sizeof out->serial, error);
  }
  return status;
}

static mtc_status copy_object(P11KitUri *uri, struct mtc_key_uri *out, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
  const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
  const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
  if (label) {
    status = copy_text("object", label->pValue, label->ulValueLen, out->object, sizeof out->object,
                       error);
    if (status) return status;
  }
  if (id) {
    if (id->ulValueLen > sizeof out->id) {
      return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: id is longer than %zu bytes", sizeof out->id);
    }
    if (id->ulValueLen) memcpy(out->id, id->pValue, id->ulValueLen);
    out->id_len = id->ulValueLen;
  }
  CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  if (class && (class->ulValueLen != sizeof private_key ||
                memcmp(class->pValue, &private_key, sizeof private_key) != 0)) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: type must be private, or absent");
  }
  return MTC_OK;
}

static mtc_status copy_pin(P11KitUri *uri, struct mtc_key_uri *out, struct mtc_error *error) {
  const char *source = p11_kit_uri_get_pin_source(uri);
  const char *value = p11_kit_uri_get_pin_value(uri);
  if (source && value) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: both pin-source and pin-value are given");
  }
  if (source && strlen(source) >= sizeof out->pin_source) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: pin-source is too long");
  }
  if (value && (!*value || strlen(value) >= sizeof out->pin_value)) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: pin-value is empty or too long");
  }
  if (source) memcpy(out->pin_source, source, strlen(source) + 1);
  if (value) memcpy(out->pin_value, value, strlen(value) + 1);
  return MTC_OK;
}

static mtc_status copy_module(P11KitUri *uri, struct mtc_key_uri *out, struct mtc_error *error) {
  const char *path = p11_kit_uri_get_module_path(uri);
  if (!path) return MTC_OK;
  if (path[0] != '/') {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: module-path must be an absolute path");
  }
  return copy_text("module-path", path, strlen(path), out->module_path, sizeof out->module_path,
                   error);
}

bool mtc_key_is_uri(const char *key) {
  return strncasecmp(key, P11_KIT_URI_SCHEME ":", P11_KIT_URI_SCHEME_LEN + 1) == 0;
}

mtc_status mtc_key_check(const char *key, const char *module, const char *pin_source,
                         struct mtc_error *error) {
  if (mtc_key_is_uri(key)) {
    struct mtc_key_uri uri;
    const char *found;
    mtc_status status = mtc_key_uri_parse(key, &uri, error);
    if (!status) status = mtc_key_uri_module(&uri, module, &found, error);
    mtc_key_uri_wipe(&uri);
    return status;
  }
  if (strncasecmp(key, P11_KIT_URI_SCHEME, P11_KIT_URI_SCHEME_LEN) == 0 ||
      strstr(key, "pin-value=")) {
    return mtc_fail(error, MTC_INPUT,
                    "the key looks like a PKCS#11 URI, but does not begin with \"pkcs11:\"");
  }
  if ((module && *module) || (pin_source && *pin_source)) {
    return mtc_fail(error, MTC_INPUT,
                    "a module or PIN source is given, but the key is a path, not a PKCS#11 URI");
  }
  return MTC_OK;
}

static mtc_status parse(const char *text, bool needs_key, struct mtc_key_uri *out,
                        struct mtc_error *error) {
  *out = (struct mtc_key_uri){0};
  if (!mtc_key_is_uri(text)) {
    return mtc_fail(error, MTC_INPUT, "a PKCS#11 URI begins with \"pkcs11:\"");
  }
  if (strlen(text) > 4096) return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: over 4096 bytes");
  mtc_status status = check_all_names(text, error);
  if (status) return status;
  P11KitUri *uri = p11_kit_uri_new();
  if (!uri) return mtc_fail(error, MTC_NOMEM, "PKCS#11 URI: out of memory");
  int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
  if (result != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri)) {
    status = mtc_fail(error, MTC_INPUT, "PKCS#11 URI: %s",
                      result ? p11_kit_uri_message(result) : "an attribute was not understood");
    goto out;
  }
  status = copy_token(uri, out, error);
  if (!status) status = copy_object(uri, out, error);
  if (!status) status = copy_module(uri, out, error);
  if (!status) status = copy_pin(uri, out, error);
  if (!status && !out->token[0]) {
    status = mtc_fail(error, MTC_INPUT, "PKCS#11 URI: no token= (the token's label)");
  }
  if (!status && needs_key && !out->object[0] && !out->id_len) {
    status = mtc_fail(error, MTC_INPUT, "PKCS#11 URI: no object= and no id= (which key?)");
  }
out:
  p11_kit_uri_free(uri);
  if (status) mtc_key_uri_wipe(out);
  return status;
}

mtc_status mtc_key_uri_parse(const char *text, struct mtc_key_uri *out, struct mtc_error *error) {
  return parse(text, true, out, error);
}

mtc_status mtc_token_uri_parse(const char *text, struct mtc_key_uri *out, struct mtc_error *error) {
  return parse(text, false, out, error);
}

mtc_status mtc_key_uri_module(const struct mtc_key_uri *uri, const char *module, const char **out,
                              struct mtc_error *error) {
  bool is_given = module && *module;
  if (!is_given && !uri->module_path[0]) {
    return mtc_fail(error, MTC_INPUT,
                    "a PKCS#11 key needs its module: give the path with --module (in mtc.yaml "
                    "signer.module), or ?module-path=/PATH at the end of the URI");
  }
  *out = is_given ? module : uri->module_path;
  return MTC_OK;
}

static void append_value(const char *name, const void *value, size_t len, struct mtc_bytes *out) {
  const uint8_t *bytes = value;
  if (!len) return;
  mtc_bytes_append_format(out, "%s%s=", strcmp(name, "token") == 0 ? "" : ";", name);
  for (size_t i = 0; i < len; i++) {
    bool is_plain = (bytes[i] >= 'a' && bytes[i] <= 'z') || (bytes[i] >= 'A' && bytes[i] <= 'Z') ||
                    (bytes[i] >= '0' && bytes[i] <= '9') || (bytes[i] && strchr("-._", bytes[i]));
    if (is_plain)
      mtc_bytes_append(out, &bytes[i], 1);
    else
      mtc_bytes_append_format(out, "%%%02X", bytes[i]);
  }
}

void mtc_key_uri_append(const struct mtc_key_uri *uri, struct mtc_bytes *out) {
  mtc_bytes_append_text(out, P11_KIT_URI_SCHEME ":");
  append_value("token", uri->token, strlen(uri->token), out);
  append_value("manufacturer", uri->manufacturer, strlen(uri->manufacturer), out);
  append_value("model", uri->model, strlen(uri->model), out);
  append_value("serial", uri->serial, strlen(uri->serial), out);
  append_value("object", uri->object, strlen(uri->object), out);
  append_value("id", uri->id, uri->id_len, out);
}

void mtc_key_uri_wipe(struct mtc_key_uri *uri) {
  OPENSSL_cleanse(uri, sizeof *uri);
}
