#include "sign/attribute.h"

#include <stdio.h>
#include <string.h>

#include "entry/utf8.h"
#include "sign/pkcs11_constants.h"
#include "sign/raw_attribute.h"

/* How an attribute is protected against overrides. */
enum protection {
  FREE,
  FIXED,       /* it names the key or says what it is */
  ALWAYS_SET,  /* on a private key: true */
  NEVER_SET,   /* on a private key: false */
  NEVER_GIVEN, /* on a private key: false, or left to the token */
};

struct known {
  CK_ATTRIBUTE_TYPE type;
  enum mtc_attribute_kind kind;
  enum protection protection;
  bool is_read; /* part of what a ceremony reads back */
  const char *name;
};

#define FLAG(type, protection) {type, MTC_ATTRIBUTE_FLAG, protection, true, #type}
#define NUMBER(type, protection) {type, MTC_ATTRIBUTE_NUMBER, protection, true, #type}
#define BYTES(type, protection) {type, MTC_ATTRIBUTE_BYTES, protection, true, #type}

/* In the order in which they are read and shown. */
static const struct known known[] = {
    NUMBER(CKA_CLASS, FIXED),
    NUMBER(CKA_KEY_TYPE, FREE),
    {CKA_LABEL, MTC_ATTRIBUTE_TEXT, FIXED, true, "CKA_LABEL"},
    BYTES(CKA_ID, FIXED),
    FLAG(CKA_TOKEN, FIXED),
    FLAG(CKA_PRIVATE, ALWAYS_SET),
    FLAG(CKA_SENSITIVE, ALWAYS_SET),
    FLAG(CKA_EXTRACTABLE, NEVER_SET),
    FLAG(CKA_ALWAYS_SENSITIVE, FIXED),
    FLAG(CKA_NEVER_EXTRACTABLE, FIXED),
    FLAG(CKA_LOCAL, FIXED),
    NUMBER(CKA_KEY_GEN_MECHANISM, FIXED),
    FLAG(CKA_MODIFIABLE, FREE),
    FLAG(CKA_COPYABLE, FREE),
    FLAG(CKA_DESTROYABLE, FREE),
    FLAG(CKA_SIGN, ALWAYS_SET),
    FLAG(CKA_SIGN_RECOVER, NEVER_GIVEN),
    FLAG(CKA_DECRYPT, NEVER_GIVEN),
    FLAG(CKA_UNWRAP, NEVER_GIVEN),
    FLAG(CKA_DERIVE, NEVER_GIVEN),
    FLAG(CKA_DECAPSULATE, NEVER_GIVEN),
    FLAG(CKA_ALWAYS_AUTHENTICATE, FREE),
    FLAG(CKA_WRAP_WITH_TRUSTED, FREE),
    FLAG(CKA_VERIFY, FREE),
    FLAG(CKA_ENCRYPT, NEVER_GIVEN),
    FLAG(CKA_WRAP, NEVER_GIVEN),
    FLAG(CKA_TRUSTED, FREE),
    BYTES(CKA_EC_PARAMS, FREE),
    NUMBER(CKA_PARAMETER_SET, FREE),
    BYTES(CKA_START_DATE, FREE),
    BYTES(CKA_END_DATE, FREE),
    {CKA_SUBJECT, MTC_ATTRIBUTE_BYTES, FREE, false, "CKA_SUBJECT"},
    {CKA_ALLOWED_MECHANISMS, MTC_ATTRIBUTE_BYTES, FREE, false, "CKA_ALLOWED_MECHANISMS"},
    /* Generation never takes a value from outside: that would be a key somebody knows. */
    {CKA_VALUE, MTC_ATTRIBUTE_BYTES, FIXED, false, "CKA_VALUE"},
    {CKA_PRIVATE_EXPONENT, MTC_ATTRIBUTE_BYTES, FIXED, false, "CKA_PRIVATE_EXPONENT"},
    {CKA_SEED, MTC_ATTRIBUTE_BYTES, FIXED, false, "CKA_SEED"},
};
#define NUM_KNOWN (sizeof known / sizeof known[0])

static const struct known *find_known(unsigned long type) {
  for (size_t i = 0; i < NUM_KNOWN; i++) {
    if (known[i].type == type) return &known[i];
  }
  return NULL;
}

const char *mtc_attribute_name(unsigned long type, char buffer[32]) {
  const struct known *row = find_known(type);
  (void)snprintf(buffer, 32, "0x%lx", type);
  return row ? row->name : buffer;
}

const struct mtc_attribute *mtc_template_find(const struct mtc_template *templ,
                                              unsigned long type) {
  for (size_t i = 0; i < templ->num; i++) {
    if (templ->items[i].type == type) return &templ->items[i];
  }
  return NULL;
}

bool mtc_template_flag(const struct mtc_template *templ, unsigned long type, bool missing) {
  const struct mtc_attribute *found = mtc_template_find(templ, type);
  return found && found->len == sizeof(CK_BBOOL) ? found->value[0] != CK_FALSE : missing;
}

mtc_status mtc_template_set(struct mtc_template *templ, unsigned long type,
                            enum mtc_attribute_kind kind, const void *value, size_t len,
                            struct mtc_error *error) {
  size_t at = 0;
  while (at < templ->num && templ->items[at].type != type)
    at++;
  if (at == MTC_MAX_ATTRIBUTES || len > MTC_MAX_ATTRIBUTE_LEN)
    return mtc_fail(error, MTC_INPUT, "a template has at most %d attributes of %d bytes",
                    MTC_MAX_ATTRIBUTES, MTC_MAX_ATTRIBUTE_LEN);
  if (at == templ->num) templ->num++;
  templ->items[at] = (struct mtc_attribute){.type = type, .kind = kind, .len = len};
  if (len) memcpy(templ->items[at].value, value, len);
  return MTC_OK;
}

static void omit(struct mtc_template *templ, unsigned long type) {
  size_t kept = 0;
  for (size_t i = 0; i < templ->num; i++) {
    if (templ->items[i].type != type) templ->items[kept++] = templ->items[i];
  }
  templ->num = kept;
}

static bool parse_type(const char *name, unsigned long *out) {
  for (size_t i = 0; i < NUM_KNOWN; i++) {
    if (strcmp(known[i].name, name) != 0) continue;
    *out = known[i].type;
    return true;
  }
  return mtc_mechanism_parse_number(name, out);
}

/* true, false, a number, hex:DIGITS, text:TEXT. */
static mtc_status parse_value(const char *text, struct mtc_attribute *out) {
  struct mtc_bytes decoded = {0};
  const void *value = NULL;
  unsigned long number;
  CK_BBOOL flag = strcmp(text, "true") == 0;
  mtc_status status = MTC_OK;
  if (flag || strcmp(text, "false") == 0) {
    *out = (struct mtc_attribute){.kind = MTC_ATTRIBUTE_FLAG, .len = sizeof flag};
    value = &flag;
  } else if (strncmp(text, "text:", 5) == 0) {
    *out = (struct mtc_attribute){.kind = MTC_ATTRIBUTE_TEXT, .len = strlen(text + 5)};
    value = text + 5;
  } else if (strncmp(text, "hex:", 4) == 0) {
    status = mtc_bytes_append_decoded_hex(&decoded, mtc_span_of_text(text + 4));
    *out = (struct mtc_attribute){.kind = MTC_ATTRIBUTE_BYTES, .len = decoded.len};
    value = decoded.data;
  } else if (mtc_mechanism_parse_number(text, &number)) {
    *out = (struct mtc_attribute){.kind = MTC_ATTRIBUTE_NUMBER, .len = sizeof number};
    value = &number;
  } else {
    status = MTC_INPUT;
  }
  if (!status && out->len > MTC_MAX_ATTRIBUTE_LEN) status = MTC_INPUT;
  if (!status && out->len) memcpy(out->value, value, out->len);
  mtc_bytes_free(&decoded);
  return status;
}

/* Why this may not be set so; NULL: it may. */
static const char *refusal(const struct known *row, bool is_private, bool omits,
                           const struct mtc_attribute *value) {
  bool is_true = !omits && value->value[0] != CK_FALSE;
  if (!row || row->protection == FREE) return NULL;
  if (row->protection == FIXED) return "is set by the ceremony, and never overridden";
  if (!is_private) return NULL;
  if (row->protection == ALWAYS_SET && !is_true)
    return "must be true: the key would be unprotected";
  if (row->protection == NEVER_SET && (omits || is_true))
    return "must be false: the key would be unprotected";
  return row->protection == NEVER_GIVEN && is_true
             ? "must not be true: the key is for signing alone"
             : NULL;
}

mtc_status mtc_template_override(struct mtc_template *templ, bool is_private, const char *name,
                                 const char *value, struct mtc_error *error) {
  struct mtc_attribute parsed = {0};
  unsigned long type;
  if (!parse_type(name, &type))
    return mtc_fail(error, MTC_INPUT,
                    "\"%.40s\" is no attribute known here by that name; give its number (0x...)",
                    name);
  bool omits = strcmp(value, "omit") == 0;
  mtc_status status = omits ? MTC_OK : parse_value(value, &parsed);
  if (status == MTC_INPUT)
    return mtc_fail(error, status,
                    "%s: the value is none of true, false, a number, hex:DIGITS, text:TEXT (to %d "
                    "bytes), omit",
                    name, MTC_MAX_ATTRIBUTE_LEN);
  if (status) return status;
  const struct known *row = find_known(type);
  if (row && !omits && parsed.kind != row->kind)
    return mtc_fail(error, MTC_INPUT, "%s: the value is of another kind than this attribute", name);
  const char *why = refusal(row, is_private, omits, &parsed);
  if (why) return mtc_fail(error, MTC_INPUT, "%s %s", name, why);
  if (!omits) return mtc_template_set(templ, type, parsed.kind, parsed.value, parsed.len, error);
  omit(templ, type);
  return MTC_OK;
}

mtc_status mtc_template_read(struct mtc_raw_token *token, unsigned long object,
                             struct mtc_template *out, struct mtc_error *error) {
  CK_RV last = CKR_OK;
  *out = (struct mtc_template){0};
  for (size_t i = 0; i < NUM_KNOWN; i++) {
    if (!known[i].is_read) continue;
    uint8_t value[MTC_MAX_ATTRIBUTE_LEN];
    /* NSS gives a number only into a buffer of exactly its size. */
    size_t size = known[i].kind == MTC_ATTRIBUTE_NUMBER ? sizeof(CK_ULONG) : sizeof value;
    CK_ATTRIBUTE attribute = mtc_ck_attribute(known[i].type, value, size);
    CK_RV rv = token->functions->C_GetAttributeValue(token->session, object, &attribute, 1);
    if (rv != CKR_OK) last = rv;
    if (rv != CKR_OK || attribute.ulValueLen > size) continue;
    mtc_status status =
        mtc_template_set(out, known[i].type, known[i].kind, value, attribute.ulValueLen, error);
    if (status) return status;
  }
  if (out->num == 0) return mtc_pkcs11_fail(error, last, "reading a key's attributes");
  return MTC_OK;
}

json_t *mtc_json_text(struct mtc_span text) {
  struct mtc_reader reader = mtc_reader_of(text);
  struct mtc_bytes escaped = {0};
  uint32_t scalar;
  while (reader.len) {
    const uint8_t *start = reader.data;
    /* A zero byte is text to UTF-8, and the end of it to nearly everybody else. */
    if (mtc_utf8_next(&reader, &scalar) && scalar != 0) {
      mtc_bytes_append(&escaped, start, (size_t)(reader.data - start));
    } else {
      mtc_bytes_append_format(&escaped, "%%%02X", *start);
      reader = mtc_reader_of(mtc_span_of(start + 1, reader.len - 1));
    }
  }
  const char *whole = escaped.len ? (const char *)escaped.data : "";
  json_t *string = escaped.failed ? NULL : json_stringn(whole, escaped.len);
  mtc_bytes_free(&escaped);
  return string;
}

static json_t *value_json(const struct mtc_attribute *attribute) {
  struct mtc_span value = mtc_span_of(attribute->value, attribute->len);
  unsigned long number;
  if (attribute->kind == MTC_ATTRIBUTE_FLAG && value.len == sizeof(CK_BBOOL))
    return json_boolean(value.data[0] != CK_FALSE);
  if (attribute->kind == MTC_ATTRIBUTE_NUMBER && value.len == sizeof number) {
    memcpy(&number, value.data, sizeof number);
    return number == CK_UNAVAILABLE_INFORMATION ? json_string("unavailable")
                                                : json_sprintf("0x%lx", number);
  }
  if (attribute->kind == MTC_ATTRIBUTE_TEXT) return mtc_json_text(value);
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, value);
  json_t *string = hex.failed ? NULL : json_stringn(hex.len ? (char *)hex.data : "", hex.len);
  mtc_bytes_free(&hex);
  return string;
}

json_t *mtc_template_json(const struct mtc_template *templ) {
  json_t *object = json_object();
  for (size_t i = 0; object && i < templ->num; i++) {
    char buffer[32];
    const char *name = mtc_attribute_name(templ->items[i].type, buffer);
    if (json_object_set_new(object, name, value_json(&templ->items[i])) == 0) continue;
    json_decref(object);
    return NULL;
  }
  return object;
}
