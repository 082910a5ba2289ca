#include "app/mtc/key_object.h"

#include <string.h>

#include "app/mtc/json.h"
#include "sign/pkcs11_constants.h"
#include "sign/raw_attribute.h"

bool key_option(int option, const char *value, struct hsm_options *out) {
  switch (option) {
    case 'u':
      out->uri = value;
      return true;
    case 'm':
      out->module = value;
      return true;
    case 'a':
      out->module_args = value;
      return true;
    case 'p':
      out->pin_source = value;
      return true;
    default:
      return false;
  }
}

static unsigned long number_of(const struct mtc_template *templ, unsigned long type) {
  const struct mtc_attribute *found = mtc_template_find(templ, type);
  unsigned long number = CK_UNAVAILABLE_INFORMATION;
  if (found && found->len == sizeof number) memcpy(&number, found->value, sizeof number);
  return number;
}

/* The algorithm whose public key this is: the type says half of it, the value's length the rest. */
static mtc_status read_public_key(struct hsm *hsm, struct key_object *key,
                                  struct mtc_error *error) {
  unsigned long type = number_of(&key->attributes, CKA_KEY_TYPE);
  for (int i = MTC_ALGORITHM_MLDSA44; i <= MTC_ALGORITHM_ED25519; i++) {
    const struct mtc_mechanism *mechanism = mtc_mechanism_get((enum mtc_algorithm)i);
    if (mechanism->key_type != type) continue;
    mtc_status status =
        mtc_raw_token_public_key(&hsm->raw, mechanism, key->public_key, &key->spki, error);
    if (status == MTC_NOMEM) return status;
    if (status) continue;
    key->mechanism = mechanism;
    return MTC_OK;
  }
  return MTC_OK;
}

/* The first object of a class with the key's id; without an id nothing belongs to it for certain.
 */
static mtc_status find_companion(struct hsm *hsm, unsigned long class, struct mtc_span id,
                                 unsigned long *out, size_t *out_num, struct mtc_error *error) {
  unsigned long handles[2];
  *out_num = 0;
  if (id.len == 0) return MTC_OK;
  mtc_status status = mtc_raw_token_find(&hsm->raw, class, NULL, id, handles, 2, out_num, error);
  if (!status && *out_num) *out = handles[0];
  return status;
}

mtc_status key_object_load(struct hsm *hsm, unsigned long handle, bool is_private,
                           struct key_object *out, struct mtc_error *error) {
  *out = (struct key_object){0};
  size_t num = 0;
  mtc_status status = mtc_template_read(&hsm->raw, handle, &out->attributes, error);
  if (status) return status;
  const struct mtc_attribute *id = mtc_template_find(&out->attributes, CKA_ID);
  struct mtc_span id_span = id ? mtc_span_of(id->value, id->len) : mtc_span_of(NULL, 0);
  if (is_private) {
    out->private_key = handle;
    status = find_companion(hsm, CKO_PUBLIC_KEY, id_span, &out->public_key, &num, error);
  } else {
    out->public_key = handle;
  }
  if (!status)
    status = find_companion(hsm, CKO_CERTIFICATE, id_span, &out->certificate,
                            &out->num_certificates, error);
  if (!status && out->public_key && num < 2) status = read_public_key(hsm, out, error);
  return status;
}

mtc_status key_object_find(struct hsm *hsm, struct key_object *out, struct mtc_error *error) {
  const struct mtc_key_uri *uri = &hsm->uri;
  unsigned long handles[2];
  size_t num = 0;
  *out = (struct key_object){0};
  if (!uri->object[0] && !uri->id_len)
    return mtc_fail(error, MTC_INPUT, "--uri: no object= and no id= (which key?)");
  mtc_status status =
      mtc_raw_token_find(&hsm->raw, CKO_PRIVATE_KEY, uri->object[0] ? uri->object : NULL,
                         mtc_span_of(uri->id, uri->id_len), handles, 2, &num, error);
  if (!status && num != 1)
    status = mtc_fail(error, MTC_TOKEN, "%s private key is named so on token \"%s\"%s",
                      num ? "more than one" : "no", uri->token,
                      num ? ": name it by object= and id=, both" : "");
  return status ? status : key_object_load(hsm, handles[0], true, out, error);
}

static json_t *type_json(unsigned long type) {
  switch (type) {
    case CKK_ML_DSA:
      return json_string("ML-DSA");
    case CKK_EC:
      return json_string("EC");
    case CKK_EC_EDWARDS:
      return json_string("Edwards");
    case CKK_RSA:
      return json_string("RSA");
    default:
      return json_sprintf("0x%lx", type);
  }
}

json_t *key_object_json(const struct key_object *key) {
  const struct mtc_attribute *id = mtc_template_find(&key->attributes, CKA_ID);
  const struct mtc_attribute *label = mtc_template_find(&key->attributes, CKA_LABEL);
  return json_pack(
      "{sosososssosbsb}", "label",
      mtc_json_text(label ? mtc_span_of(label->value, label->len) : mtc_span_of(NULL, 0)), "id",
      cli_json_hex(id ? mtc_span_of(id->value, id->len) : mtc_span_of(NULL, 0)), "type",
      type_json(number_of(&key->attributes, CKA_KEY_TYPE)), "algorithm",
      key->mechanism ? mtc_algorithm_name(key->mechanism->algorithm) : "other", "public_key_sha256",
      key->spki.len ? cli_json_sha256(mtc_span_of_bytes(&key->spki)) : json_null(), "private_key",
      key->private_key != 0, "certificate", key->num_certificates > 0);
}

void key_object_free(struct key_object *key) {
  mtc_bytes_free(&key->spki);
  *key = (struct key_object){0};
}
