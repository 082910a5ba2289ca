#include "sign/key_pair.h"

#include <string.h>

#include "sign/pkcs11_constants.h"
#include "sign/raw_attribute.h"

static mtc_status set_flag(struct mtc_template *templ, unsigned long type, bool is_true,
                           struct mtc_error *error) {
  CK_BBOOL value = is_true;
  return mtc_template_set(templ, type, MTC_ATTRIBUTE_FLAG, &value, sizeof value, error);
}

static mtc_status set_names(struct mtc_template *templ, const char *label, struct mtc_span id,
                            struct mtc_error *error) {
  mtc_status status = mtc_template_set(templ, CKA_ID, MTC_ATTRIBUTE_BYTES, id.data, id.len, error);
  if (status) return status;
  return mtc_template_set(templ, CKA_LABEL, MTC_ATTRIBUTE_TEXT, label, strlen(label), error);
}

mtc_status mtc_key_templates_fill(const struct mtc_mechanism *mechanism, const char *label,
                                  struct mtc_span id, struct mtc_key_templates *out,
                                  struct mtc_error *error) {
  static const struct {
    unsigned long type;
    bool value;
  } private_flags[] = {
      {CKA_TOKEN, true}, {CKA_PRIVATE, true},  {CKA_SENSITIVE, true}, {CKA_EXTRACTABLE, false},
      {CKA_SIGN, true},  {CKA_DECRYPT, false}, {CKA_UNWRAP, false},   {CKA_DERIVE, false},
  };
  *out = (struct mtc_key_templates){0};
  struct mtc_template *public = &out->public_key, *private = &out->private_key;
  mtc_status status = set_flag(public, CKA_TOKEN, true, error);
  if (!status) status = set_flag(public, CKA_VERIFY, true, error);
  if (!status) status = set_names(public, label, id, error);
  if (!status && mechanism->ec_params.len)
    status = mtc_template_set(public, CKA_EC_PARAMS, MTC_ATTRIBUTE_BYTES, mechanism->ec_params.data,
                              mechanism->ec_params.len, error);
  else if (!status)
    status = mtc_template_set(public, CKA_PARAMETER_SET, MTC_ATTRIBUTE_NUMBER,
                              &mechanism->parameter_set, sizeof mechanism->parameter_set, error);
  for (size_t i = 0; !status && i < sizeof private_flags / sizeof private_flags[0]; i++)
    status = set_flag(private, private_flags[i].type, private_flags[i].value, error);
  return status ? status : set_names(private, label, id, error);
}

mtc_status mtc_key_refuse_existing(struct mtc_raw_token *token, const char *label,
                                   struct mtc_span id, struct mtc_error *error) {
  static const unsigned long classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE,
                                          MTC_ANY_CLASS};
  /* Some tokens do not look at every class at once, so the three that matter are asked for, too. */
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
    unsigned long handle;
    size_t by_label = 0, by_id = 0;
    mtc_status status = mtc_raw_token_find(token, classes[i], label, mtc_span_of(NULL, 0), &handle,
                                           1, &by_label, error);
    if (!status)
      status = mtc_raw_token_find(token, classes[i], NULL, id, &handle, 1, &by_id, error);
    if (status) return status;
    if (by_label || by_id)
      return mtc_fail(error, MTC_INPUT,
                      "the token holds an object with %s already; a key is never overwritten",
                      by_label ? "that label" : "that id");
  }
  return MTC_OK;
}

static CK_ULONG attributes_of(const struct mtc_template *templ, CK_ATTRIBUTE *out) {
  for (size_t i = 0; i < templ->num; i++)
    out[i] = mtc_ck_attribute(templ->items[i].type, templ->items[i].value, templ->items[i].len);
  return templ->num;
}

mtc_status mtc_key_pair_make(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                             const struct mtc_key_templates *templates, struct mtc_key_pair *out,
                             struct mtc_error *error) {
  CK_ATTRIBUTE public[MTC_MAX_ATTRIBUTES], private[MTC_MAX_ATTRIBUTES];
  CK_ULONG num_public = attributes_of(&templates->public_key, public);
  CK_ULONG num_private = attributes_of(&templates->private_key, private);
  CK_MECHANISM how = {.mechanism = mechanism->generate};
  CK_RV rv = token->functions->C_GenerateKeyPair(token->session, &how, public, num_public, private,
                                                 num_private, &out->public_key, &out->private_key);
  if (rv == CKR_OK) return MTC_OK;
  *out = (struct mtc_key_pair){0};
  return mtc_pkcs11_fail(error, rv, "C_GenerateKeyPair");
}

/* What a flag must be, and whether a token that does not tell it passes. */
struct rule {
  unsigned long type;
  bool value;
  bool may_be_missing;
  unsigned tolerance; /* the bit that lets it pass; 0: nothing does */
  const char *problem;
};

static const struct rule rules[] = {
    {CKA_SENSITIVE, true, false, 0, "not sensitive: its value can be read"},
    {CKA_EXTRACTABLE, false, false, 0, "extractable: it can leave the token"},
    {CKA_TOKEN, true, false, 0, "no token object: it ends with the session"},
    {CKA_PRIVATE, true, false, 0, "not private: it can be used without login"},
    {CKA_SIGN, true, false, 0, "not for signing"},
    {CKA_DECRYPT, false, true, 0, "for decrypting, too"},
    {CKA_UNWRAP, false, true, 0, "for unwrapping, too"},
    {CKA_DERIVE, false, true, 0, "for deriving keys, too"},
    {CKA_LOCAL, true, false, MTC_TOLERATE_NOT_LOCAL, "not made on the token, as this says"},
    {CKA_ALWAYS_SENSITIVE, true, false, MTC_TOLERATE_NOT_ALWAYS_SENSITIVE,
     "not sensitive from its beginning, as this says"},
    {CKA_NEVER_EXTRACTABLE, true, false, MTC_TOLERATE_NOT_NEVER_EXTRACTABLE,
     "or was extractable, as this says"},
};

static bool is_equal(const struct mtc_template *found, unsigned long type, const void *value,
                     size_t len) {
  const struct mtc_attribute *attribute = mtc_template_find(found, type);
  return attribute && attribute->len == len && memcmp(attribute->value, value, len) == 0;
}

mtc_status mtc_key_judge(const struct mtc_template *found, const struct mtc_mechanism *mechanism,
                         const char *label, struct mtc_span id, unsigned tolerance,
                         struct mtc_error *error) {
  const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    const struct rule *rule = &rules[i];
    char buffer[32];
    bool missing = !mtc_template_find(found, rule->type);
    bool value = mtc_template_flag(found, rule->type, !rule->value);
    if (value == rule->value || (missing && rule->may_be_missing) || (rule->tolerance & tolerance))
      continue;
    return mtc_fail(error, MTC_TOKEN, "the token made the key against the template: %s %s: %s",
                    mtc_attribute_name(rule->type, buffer),
                    missing ? "is not told" : (value ? "is true" : "is false"), rule->problem);
  }
  const char *other = NULL;
  if (!is_equal(found, CKA_CLASS, &private_key, sizeof private_key)) other = "CKA_CLASS";
  if (!is_equal(found, CKA_KEY_TYPE, &mechanism->key_type, sizeof mechanism->key_type))
    other = "CKA_KEY_TYPE";
  if (!is_equal(found, CKA_LABEL, label, strlen(label))) other = "CKA_LABEL";
  if (!is_equal(found, CKA_ID, id.data, id.len)) other = "CKA_ID";
  if (!other) return MTC_OK;
  return mtc_fail(error, MTC_TOKEN,
                  "the token made the key against the template: its %s is another", other);
}

mtc_status mtc_key_pair_destroy(struct mtc_raw_token *token, const struct mtc_key_pair *pair,
                                struct mtc_error *error) {
  CK_RV private = CKR_OK, public = CKR_OK;
  if (pair->private_key)
  private = token->functions->C_DestroyObject(token->session, pair->private_key);
  if (pair->public_key)
  public = token->functions->C_DestroyObject(token->session, pair->public_key);
  if (private == CKR_OK && public == CKR_OK) return MTC_OK;
  (void)mtc_pkcs11_fail(error, private == CKR_OK ? public : private, "C_DestroyObject");
  return mtc_fail_within(error, MTC_TOKEN, "still on the token: the %s key%s",
                         private == CKR_OK ? "public" : "private",
                         private != CKR_OK && public != CKR_OK ? " and the public key" : "");
}
