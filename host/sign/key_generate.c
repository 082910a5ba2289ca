/*
 * Making a key on a token. Plain PKCS#11 calls throughout: libp11 0.4.13 generates RSA only, fails
 * to list a token that holds an ML-DSA key, and would make a second place that logs in.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>
#include <string.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/key_file.h"
#include "sign/pkcs11_constants.h"
#include "sign/raw_token.h"

#define GENERATED_ID_LEN 16

struct key_pair {
  CK_OBJECT_HANDLE public;
  CK_OBJECT_HANDLE private;
};

/* A CK_ATTRIBUTE for a template; PKCS#11 has no const, and only reads these. */
static CK_ATTRIBUTE attribute_of(CK_ATTRIBUTE_TYPE type, const void *value, size_t len) {
  CK_ATTRIBUTE attribute = {.type = type, .ulValueLen = (CK_ULONG)len};
  memcpy(&attribute.pValue, &value, sizeof value);
  return attribute;
}

static CK_ATTRIBUTE flag_of(CK_ATTRIBUTE_TYPE type, bool value) {
  static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  return attribute_of(type, value ? &yes : &no, sizeof yes);
}

static mtc_status refuse_existing(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                  struct mtc_error *error) {
  static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE};
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
    size_t num_by_label = 0, num_by_id = 0;
    mtc_status status = mtc_raw_token_count(token, classes[i], uri->object, mtc_span_of(NULL, 0),
                                            &num_by_label, error);
    if (!status) {
      status = mtc_raw_token_count(token, classes[i], NULL, mtc_span_of(uri->id, uri->id_len),
                                   &num_by_id, error);
    }
    if (status) return status;
    if (num_by_label || num_by_id) {
      return mtc_fail(error, MTC_INPUT,
                      "token \"%s\" holds an object with %s already; a key is never overwritten",
                      uri->token, num_by_label ? "that label" : "that id");
    }
  }
  return MTC_OK;
}

static mtc_status generate(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                           const struct mtc_mechanism *mechanism, struct key_pair *out,
                           struct mtc_error *error) {
  CK_ULONG parameter_set = mechanism->parameter_set;
  CK_ATTRIBUTE public[] = {
      flag_of(CKA_TOKEN, true),
      flag_of(CKA_VERIFY, true),
      attribute_of(CKA_ID, uri->id, uri->id_len),
      attribute_of(CKA_LABEL, uri->object, strlen(uri->object)),
      mechanism->ec_params.len
          ? attribute_of(CKA_EC_PARAMS, mechanism->ec_params.data, mechanism->ec_params.len)
          : attribute_of(CKA_PARAMETER_SET, &parameter_set, sizeof parameter_set),
  };
  CK_ATTRIBUTE private[] = {
      flag_of(CKA_TOKEN, true),
      flag_of(CKA_PRIVATE, true),
      flag_of(CKA_SENSITIVE, true),
      flag_of(CKA_EXTRACTABLE, false),
      flag_of(CKA_SIGN, true),
      flag_of(CKA_DECRYPT, false),
      flag_of(CKA_UNWRAP, false),
      flag_of(CKA_DERIVE, false),
      attribute_of(CKA_ID, uri->id, uri->id_len),
      attribute_of(CKA_LABEL, uri->object, strlen(uri->object)),
  };
  CK_MECHANISM how = {.mechanism = mechanism->generate};
  CK_RV rv = token->functions->C_GenerateKeyPair(
      token->session, &how, public, sizeof public / sizeof public[0], private,
      sizeof private / sizeof private[0], &out->public, &out->private);
  if (rv == CKR_OK) return MTC_OK;
  *out = (struct key_pair){0};
  return mtc_pkcs11_fail(error, rv, "C_GenerateKeyPair");
}

/* Reads one flag back; a token that does not know the attribute counts as `unknown`. */
static bool read_flag(struct mtc_raw_token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                      bool unknown) {
  CK_BBOOL value = CK_FALSE;
  CK_ATTRIBUTE attribute = {.type = type, .pValue = &value, .ulValueLen = sizeof value};
  CK_RV rv = token->functions->C_GetAttributeValue(token->session, object, &attribute, 1);
  return rv == CKR_OK && attribute.ulValueLen == sizeof value ? value != CK_FALSE : unknown;
}

/* What the token promises is not what it did until it says so. */
static mtc_status check_attributes(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                   CK_OBJECT_HANDLE key, struct mtc_error *error) {
  bool sensitive = read_flag(token, key, CKA_SENSITIVE, false);
  bool extractable = read_flag(token, key, CKA_EXTRACTABLE, true);
  bool always_sensitive = read_flag(token, key, CKA_ALWAYS_SENSITIVE, false);
  bool never_extractable = read_flag(token, key, CKA_NEVER_EXTRACTABLE, false);
  bool local = read_flag(token, key, CKA_LOCAL, false);
  /* NSS reports LOCAL = 0 for keys it has made itself, so only the first two decide. */
  bool is_good = always_sensitive && never_extractable && local;
  mtc_log(is_good ? MTC_LOG_INFO : MTC_LOG_WARNING, "key.generated",
          "token=\"%s\" object=\"%s\" sensitive=%d extractable=%d always_sensitive=%d "
          "never_extractable=%d local=%d",
          uri->token, uri->object, sensitive, extractable, always_sensitive, never_extractable,
          local);
  if (sensitive && !extractable) return MTC_OK;
  return mtc_fail(error, MTC_TOKEN, "the token made the key %s against the template",
                  sensitive ? "extractable" : "not sensitive");
}

static mtc_status test_sign(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                            CK_OBJECT_HANDLE key, struct mtc_span public_key,
                            struct mtc_error *error) {
  struct mtc_span message = mtc_span_of_text("mtc key generate: test of a new key");
  uint8_t digest[64], data[256], raw[MTC_MAX_SIGNATURE_LEN];
  struct mtc_span input;
  struct mtc_bytes signature = {0};
  mtc_status status = mtc_mechanism_input(mechanism, message, digest, &input);
  if (status) return mtc_fail(error, status, "computing a digest: out of memory");
  memcpy(data, input.data, input.len);
  CK_MECHANISM how = {.mechanism = mechanism->sign};
  CK_ULONG raw_len = sizeof raw;
  CK_RV rv = token->functions->C_SignInit(token->session, &how, key);
  if (rv == CKR_OK) {
    rv = token->functions->C_Sign(token->session, data, input.len, raw, &raw_len);
  }
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "test signature");
  status = mtc_mechanism_append_signature(mechanism, mtc_span_of(raw, raw_len), &signature, error);
  if (!status && mtc_signature_verify(mechanism->algorithm, public_key, message,
                                      mtc_span_of_bytes(&signature))) {
    status = mtc_fail(error, MTC_TOKEN, "the new key's test signature does not verify");
  }
  mtc_bytes_free(&signature);
  return status;
}

static mtc_status make_key(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                           const struct mtc_mechanism *mechanism, struct mtc_bytes *out_public_key,
                           struct mtc_error *error) {
  struct key_pair pair = {0};
  struct mtc_bytes public_key = {0};
  mtc_status status = refuse_existing(token, uri, error);
  if (!status) status = generate(token, uri, mechanism, &pair, error);
  if (status) return status;
  status = check_attributes(token, uri, pair.private, error);
  if (!status) status = mtc_raw_token_public_key(token, mechanism, pair.public, &public_key, error);
  if (!status) {
    status = test_sign(token, mechanism, pair.private, mtc_span_of_bytes(&public_key), error);
  }
  if (!status) {
    mtc_bytes_append_span(out_public_key, mtc_span_of_bytes(&public_key));
    status = mtc_bytes_status(out_public_key);
    if (status) (void)mtc_fail(error, status, "out of memory");
  }
  if (status) {
    /* Made a moment ago by us and used by nobody: better gone than found later and trusted. */
    (void)token->functions->C_DestroyObject(token->session, pair.private);
    (void)token->functions->C_DestroyObject(token->session, pair.public);
    status = mtc_fail_within(error, status, "the new key was destroyed");
  }
  mtc_bytes_free(&public_key);
  return status;
}

/* At a ceremony there is a person, who may type the PIN. */
static mtc_status find_pin(const struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                           const char *pin_source, struct mtc_pin *out, struct mtc_error *error) {
  mtc_status status = mtc_pin_for(uri, pin_source, out, error);
  if (status || out->len || !token->needs_login || token->has_protected_path) return status;
  if (isatty(STDIN_FILENO) &&
      EVP_read_pw_string_min(out->text, 1, (int)sizeof out->text, "Token PIN: ", 0) == 0) {
    out->len = strlen(out->text);
    return MTC_OK;
  }
  return mtc_fail(error, MTC_INPUT, "token \"%s\" wants a PIN: give a pin-source", uri->token);
}

static mtc_status generate_on_token(const struct mtc_key_request *request,
                                    const struct mtc_mechanism *mechanism, struct mtc_key_uri *uri,
                                    struct mtc_bytes *out_public_key, struct mtc_error *error) {
  struct mtc_raw_token token = {0};
  struct mtc_pin pin = {0};
  const char *module;
  if (!uri->object[0]) {
    return mtc_fail(error, MTC_INPUT, "PKCS#11 URI: a new key needs object= (its label)");
  }
  if (!uri->id_len) {
    uri->id_len = GENERATED_ID_LEN;
    if (RAND_bytes(uri->id, GENERATED_ID_LEN) != 1) {
      return mtc_fail(error, MTC_NOMEM, "no random bytes for the CKA_ID");
    }
  }
  mtc_status status = mtc_key_uri_module(uri, request->module, &module, error);
  if (!status) {
    status = mtc_raw_token_open(&token, module, request->module_args, true, uri, error);
  }
  if (!status) status = find_pin(&token, uri, request->pin_source, &pin, error);
  if (!status) status = mtc_raw_token_start(&token, true, true, &pin, error);
  mtc_pin_wipe(&pin);
  if (!status) status = make_key(&token, uri, mechanism, out_public_key, error);
  mtc_raw_token_close(&token);
  return status;
}

mtc_status mtc_key_generate(const struct mtc_key_request *request, struct mtc_bytes *out_public_key,
                            struct mtc_error *error) {
  const struct mtc_mechanism *mechanism = mtc_mechanism_get(request->algorithm);
  if (!mechanism) return mtc_fail(error, MTC_INPUT, "no such key algorithm");
  if (!request->uri || !*request->uri) return mtc_fail(error, MTC_INPUT, "no key URI or path");
  mtc_status status = mtc_key_check(request->uri, request->module, request->pin_source, error);
  if (status) return status;
  if (!mtc_key_is_uri(request->uri)) {
    return mtc_key_file_generate(request->uri, mechanism, out_public_key, error);
  }
  struct mtc_key_uri uri;
  status = mtc_key_uri_parse(request->uri, &uri, error);
  if (!status) status = generate_on_token(request, mechanism, &uri, out_public_key, error);
  mtc_key_uri_wipe(&uri);
  return status;
}
