/* Finding keys on a token, and reading public ones. */
#include "sign/pkcs11_constants.h"
#include "sign/raw_attribute.h"
#include "sign/raw_token.h"

#define MAX_PUBLIC_VALUE_LEN 4096

mtc_status mtc_raw_token_find(struct mtc_raw_token *token, unsigned long class, const char *label,
                              struct mtc_span id, unsigned long *out_handles, size_t max,
                              size_t *out_num, struct mtc_error *error) {
  CK_ATTRIBUTE template[3];
  CK_ULONG num = 0;
  if (class != MTC_ANY_CLASS) template[num++] = mtc_ck_attribute(CKA_CLASS, &class, sizeof class);
  if (label) template[num++] = mtc_ck_attribute(CKA_LABEL, label, strlen(label));
  if (id.len) template[num++] = mtc_ck_attribute(CKA_ID, id.data, id.len);
  CK_FUNCTION_LIST *functions = token->functions;
  *out_num = 0;
  CK_RV rv = functions->C_FindObjectsInit(token->session, template, num);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_FindObjectsInit");
  while (*out_num < max) {
    CK_ULONG num_more = 0;
    rv = functions->C_FindObjects(token->session, out_handles + *out_num, 1, &num_more);
    if (rv != CKR_OK || num_more == 0) break;
    (*out_num)++;
  }
  (void)functions->C_FindObjectsFinal(token->session);
  return rv == CKR_OK ? MTC_OK : mtc_pkcs11_fail(error, rv, "C_FindObjects");
}

mtc_status mtc_raw_token_read_id(struct mtc_raw_token *token, unsigned long handle,
                                 uint8_t out[MTC_MAX_KEY_ID_LEN], size_t *out_len,
                                 struct mtc_error *error) {
  CK_ATTRIBUTE attribute = {CKA_ID, out, MTC_MAX_KEY_ID_LEN};
  CK_RV rv = token->functions->C_GetAttributeValue(token->session, handle, &attribute, 1);
  *out_len = 0;
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "reading a key's id");
  if (attribute.ulValueLen > MTC_MAX_KEY_ID_LEN)
    return mtc_fail(error, MTC_TOKEN, "a key's CKA_ID is longer than %d bytes", MTC_MAX_KEY_ID_LEN);
  *out_len = attribute.ulValueLen;
  return MTC_OK;
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
  CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &key_type, sizeof key_type};
  CK_RV rv =
      token->functions->C_GetAttributeValue(token->session, key->private_handle, &attribute, 1);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "reading the private key's type");
  if (key_type != mechanism->key_type) {
    return mtc_fail(error, MTC_TOKEN,
                    "the key on the token is of type %s (0x%lx), and not for %s (0x%lx)",
                    type_name(key_type), key_type, mtc_algorithm_name(mechanism->algorithm),
                    mechanism->key_type);
  }
  mtc_status status =
      mtc_raw_token_read_id(token, key->private_handle, key->id, &key->id_len, error);
  if (status) return status;
  if (key->id_len == 0)
    return mtc_fail(error, MTC_TOKEN, "the private key has no CKA_ID: set one on the token");
  unsigned long same[2];
  size_t num_same = 0;
  status = mtc_raw_token_find(token, CKO_PRIVATE_KEY, NULL, mtc_span_of(key->id, key->id_len), same,
                              2, &num_same, error);
  if (!status && num_same != 1) {
    status = mtc_fail(error, MTC_TOKEN, "two private keys share the CKA_ID: change one");
  }
  return status;
}

mtc_status mtc_raw_token_find_key(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                  const struct mtc_mechanism *mechanism, struct mtc_raw_key *out,
                                  struct mtc_error *error) {
  *out = (struct mtc_raw_key){0};
  unsigned long found[2];
  size_t num = 0;
  mtc_status status =
      mtc_raw_token_find(token, CKO_PRIVATE_KEY, uri->object[0] ? uri->object : NULL,
                         mtc_span_of(uri->id, uri->id_len), found, 2, &num, error);
  if (status) return status;
  if (num != 1) {
    return mtc_fail(error, MTC_TOKEN, "%s private key \"%s\"%s on token \"%s\"",
                    num ? "more than one" : "no", uri->object, uri->id_len ? " with that id" : "",
                    uri->token);
  }
  out->private_handle = found[0];
  status = read_private(token, mechanism, out, error);
  if (status) return status;
  status = mtc_raw_token_find(token, CKO_PUBLIC_KEY, NULL, mtc_span_of(out->id, out->id_len), found,
                              2, &num, error);
  if (!status && num == 1) out->public_handle = found[0];
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
