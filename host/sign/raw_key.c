/* Finding keys on a token, and reading public ones. */
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "sign/pkcs11_constants.h"
#include "sign/raw_token.h"

#define MAX_PUBLIC_VALUE_LEN 4096

struct found {
  CK_OBJECT_HANDLE handles[2];
  CK_ULONG num; /* 2 means two or more */
};

static CK_ATTRIBUTE attribute_of(CK_ATTRIBUTE_TYPE type, const void *value, size_t len) {
  CK_ATTRIBUTE attribute = {.type = type, .ulValueLen = (CK_ULONG)len};
  /* The search template is input only; PKCS#11 has no const. */
  memcpy(&attribute.pValue, &value, sizeof value);
  return attribute;
}

static mtc_status find(struct mtc_raw_token *token, CK_OBJECT_CLASS class, const char *label,
                       struct mtc_span id, struct found *out, struct mtc_error *error) {
  CK_ATTRIBUTE template[3];
  CK_ULONG num = 0;
  template[num++] = attribute_of(CKA_CLASS, &class, sizeof class);
  if (label) template[num++] = attribute_of(CKA_LABEL, label, strlen(label));
  if (id.len) template[num++] = attribute_of(CKA_ID, id.data, id.len);
  CK_FUNCTION_LIST *functions = token->functions;
  CK_RV rv = functions->C_FindObjectsInit(token->session, template, num);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_FindObjectsInit");
  out->num = 0;
  while (out->num < 2) {
    CK_ULONG num_more = 0;
    rv = functions->C_FindObjects(token->session, out->handles + out->num, 1, &num_more);
    if (rv != CKR_OK || num_more == 0) break;
    out->num++;
  }
  (void)functions->C_FindObjectsFinal(token->session);
  return rv == CKR_OK ? MTC_OK : mtc_pkcs11_fail(error, rv, "C_FindObjects");
}

mtc_status mtc_raw_token_count(struct mtc_raw_token *token, unsigned long class, const char *label,
                               struct mtc_span id, size_t *out_num_objects,
                               struct mtc_error *error) {
  struct found found = {0};
  mtc_status status = find(token, class, label, id, &found, error);
  *out_num_objects = found.num;
  return status;
}

static const char *type_name(CK_KEY_TYPE type) {
  switch (type) {
    case CKK_RSA:
      return "RSA";
    case CKK_EC:
      return "EC (ecdsa-p256, ecdsa-p384)";
    case CKK_EC_EDWARDS:
      return "Edwards (ed25519)";
    case CKK_ML_DSA:
      return "ML-DSA";
    default:
      return "unknown";
  }
}

/* Checks the key's type and reads its CKA_ID, by which pkcs11-helper finds it again. */
static mtc_status read_private(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                               struct mtc_raw_key *key, struct mtc_error *error) {
  CK_KEY_TYPE key_type = 0;
  CK_ATTRIBUTE attributes[] = {
      {CKA_KEY_TYPE, &key_type, sizeof key_type},
      {CKA_ID, key->id, sizeof key->id},
  };
  CK_RV rv = token->functions->C_GetAttributeValue(token->session, key->private_handle, attributes,
                                                   sizeof attributes / sizeof attributes[0]);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "reading the private key's type and id");
  if (key_type != mechanism->key_type) {
    return mtc_fail(error, MTC_TOKEN,
                    "the key on the token is of type %s (0x%lx), and not for %s (0x%lx)",
                    type_name(key_type), key_type, mtc_algorithm_name(mechanism->algorithm),
                    mechanism->key_type);
  }
  key->id_len = attributes[1].ulValueLen;
  if (key->id_len == 0 || key->id_len > sizeof key->id) {
    return mtc_fail(error, MTC_TOKEN, "the private key has no CKA_ID: set one on the token");
  }
  struct found same = {0};
  mtc_status status =
      find(token, CKO_PRIVATE_KEY, NULL, mtc_span_of(key->id, key->id_len), &same, error);
  if (!status && same.num != 1) {
    status = mtc_fail(error, MTC_TOKEN, "two private keys share the CKA_ID: change one");
  }
  return status;
}

mtc_status mtc_raw_token_find_key(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                  const struct mtc_mechanism *mechanism, struct mtc_raw_key *out,
                                  struct mtc_error *error) {
  *out = (struct mtc_raw_key){0};
  struct found found = {0};
  mtc_status status = find(token, CKO_PRIVATE_KEY, uri->object[0] ? uri->object : NULL,
                           mtc_span_of(uri->id, uri->id_len), &found, error);
  if (status) return status;
  if (found.num != 1) {
    return mtc_fail(error, MTC_TOKEN, "%s private key \"%s\"%s on token \"%s\"",
                    found.num ? "more than one" : "no", uri->object,
                    uri->id_len ? " with that id" : "", uri->token);
  }
  out->private_handle = found.handles[0];
  status = read_private(token, mechanism, out, error);
  if (status) return status;
  struct found public = {0};
  status = find(token, CKO_PUBLIC_KEY, NULL, mtc_span_of(out->id, out->id_len), &public, error);
  if (!status && public.num == 1) out->public_handle = public.handles[0];
  return status;
}

mtc_status mtc_raw_token_public_key(struct mtc_raw_token *token,
                                    const struct mtc_mechanism *mechanism,
                                    unsigned long public_handle, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  if (!public_handle) {
    return mtc_fail(error, MTC_TOKEN, "the token holds no public key object with the key's CKA_ID");
  }
  uint8_t value[MAX_PUBLIC_VALUE_LEN];
  CK_ATTRIBUTE attribute = {
      .type = mechanism->ec_params.len ? CKA_EC_POINT : CKA_VALUE,
      .pValue = value,
      .ulValueLen = sizeof value,
  };
  CK_RV rv = token->functions->C_GetAttributeValue(token->session, public_handle, &attribute, 1);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "reading the public key");
  if (attribute.ulValueLen > sizeof value) {
    return mtc_fail(error, MTC_TOKEN, "the public key object has no public value");
  }
  return mtc_mechanism_append_public_key(mechanism, mtc_span_of(value, attribute.ulValueLen), out,
                                         error);
}
