/*
 * Signatures by keys of the CA keys' algorithm: the default provider's, but for three cases. A
 * verification that libcrypto asks for with the digest of id-alg-mtcProof is that of an MTCProof; a
 * configured CA's key verifies no TBSCertificate otherwise; and an issuing key logs certificates.
 */
#include "provider/signature.h"

#include <string.h>

#include "mtc/runtime.h"

static void *newctx(void *context, const char *properties) {
  struct provider *provider = context;
  const struct config *config = config_get(provider);
  struct signature *signature = mtc_alloc(1, sizeof *signature);
  if (!signature) return NULL;
  signature->provider = provider;
  signature->inner = config->inner;
  signature->options =
      (struct issuer_options){.waits = true, .timeout_s = ISSUER_DEFAULT_TIMEOUT_S};
  signature->context = config->inner->signature.newctx(inner_context(), properties);
  if (signature->context) return signature;
  mtc_free(signature);
  return NULL;
}

static void freectx(void *context) {
  struct signature *signature = context;
  if (!signature) return;
  signature->inner->signature.freectx(signature->context);
  mtc_free(signature);
}

static void *dupctx(void *context) {
  const struct signature *signature = context;
  struct signature *copy = mtc_alloc(1, sizeof *copy);
  if (!copy) return NULL;
  *copy = *signature;
  copy->context = signature->inner->signature.dupctx(signature->context);
  if (copy->context) return copy;
  mtc_free(copy);
  return NULL;
}

/* libcrypto passes no key when an operation begins anew with the one before. */
static void *set_key(struct signature *signature, void *key) {
  if (key) signature->key = key;
  signature->mode = MODE_PLAIN;
  return key ? ((struct key *)key)->data : NULL;
}

static bool is_issuing(const struct signature *signature) {
  return signature->key && signature->key->issuer;
}

/* What an MTCProof signs, or verifies, is a whole TBSCertificate. */
static int refuse(const struct signature *signature) {
  if (!is_issuing(signature))
    return provider_raise(signature->provider, REASON_ONE_SHOT, "verify by X509_verify");
  return provider_raise(signature->provider, REASON_ONE_SHOT,
                        "the issuing key of CA %s signs by X509_sign",
                        issuer_name(signature->key->issuer));
}

static int sign_init(void *context, void *key, const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  if (is_issuing(signature)) return refuse(signature);
  return signature->inner->signature.sign_init(signature->context, data, params);
}

static int sign(void *context, unsigned char *out, size_t *out_len, size_t size,
                const unsigned char *message, size_t len) {
  struct signature *signature = context;
  return signature->inner->signature.sign(signature->context, out, out_len, size, message, len);
}

static int sign_message_init(void *context, void *key, const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  if (is_issuing(signature)) return refuse(signature);
  return signature->inner->signature.sign_message_init(signature->context, data, params);
}

static int sign_message_update(void *context, const unsigned char *message, size_t len) {
  struct signature *signature = context;
  return signature->inner->signature.sign_message_update(signature->context, message, len);
}

static int sign_message_final(void *context, unsigned char *out, size_t *out_len, size_t size) {
  struct signature *signature = context;
  return signature->inner->signature.sign_message_final(signature->context, out, out_len, size);
}

static int verify_init(void *context, void *key, const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  return signature->inner->signature.verify_init(signature->context, data, params);
}

static int verify(void *context, const unsigned char *value, size_t value_len,
                  const unsigned char *message, size_t len) {
  struct signature *signature = context;
  return signature->inner->signature.verify(signature->context, value, value_len, message, len);
}

static int verify_message_init(void *context, void *key, const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  return signature->inner->signature.verify_message_init(signature->context, data, params);
}

static int verify_message_update(void *context, const unsigned char *message, size_t len) {
  struct signature *signature = context;
  return signature->inner->signature.verify_message_update(signature->context, message, len);
}

static int verify_message_final(void *context) {
  struct signature *signature = context;
  return signature->inner->signature.verify_message_final(signature->context);
}

static int digest_sign_init(void *context, const char *digest, void *key,
                            const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  if (!is_issuing(signature))
    return signature->inner->signature.digest_sign_init(signature->context, digest, data, params);
  signature->mode = MODE_ISSUE;
  return issue_set_params(signature, params);
}

static int digest_sign_update(void *context, const unsigned char *message, size_t len) {
  struct signature *signature = context;
  if (signature->mode != MODE_PLAIN) return refuse(signature);
  return signature->inner->signature.digest_sign_update(signature->context, message, len);
}

static int digest_sign_final(void *context, unsigned char *out, size_t *out_len, size_t size) {
  struct signature *signature = context;
  if (signature->mode != MODE_PLAIN) return refuse(signature);
  return signature->inner->signature.digest_sign_final(signature->context, out, out_len, size);
}

static int digest_sign(void *context, unsigned char *out, size_t *out_len, size_t size,
                       const unsigned char *message, size_t len) {
  struct signature *signature = context;
  const struct inner_signature *inner = &signature->inner->signature;
  if (signature->mode == MODE_ISSUE)
    return issue_sign(signature, out, out_len, size, mtc_span_of(message, len));
  if (inner->digest_sign)
    return inner->digest_sign(signature->context, out, out_len, size, message, len);
  if (out && inner->digest_sign_update(signature->context, message, len) <= 0) return 0;
  return inner->digest_sign_final(signature->context, out, out_len, size);
}

static int digest_verify_init(void *context, const char *digest, void *key,
                              const OSSL_PARAM params[]) {
  struct signature *signature = context;
  void *data = set_key(signature, key);
  if (digest && (OPENSSL_strcasecmp(digest, OBJECTS_PROOF_DIGEST) == 0 ||
                 OPENSSL_strcasecmp(digest, "SHAKE-256") == 0)) {
    signature->mode = MODE_PROOF;
    return signature->key != NULL;
  }
  return signature->inner->signature.digest_verify_init(signature->context, digest, data, params);
}

static int digest_verify_update(void *context, const unsigned char *message, size_t len) {
  struct signature *signature = context;
  if (signature->mode != MODE_PLAIN) return refuse(signature);
  return signature->inner->signature.digest_verify_update(signature->context, message, len);
}

static int digest_verify_final(void *context, const unsigned char *value, size_t value_len) {
  struct signature *signature = context;
  if (signature->mode != MODE_PLAIN) return refuse(signature);
  return signature->inner->signature.digest_verify_final(signature->context, value, value_len);
}

static int digest_verify(void *context, const unsigned char *value, size_t value_len,
                         const unsigned char *message, size_t len) {
  struct signature *signature = context;
  const struct inner_signature *inner = &signature->inner->signature;
  if (signature->mode == MODE_PROOF)
    return proof_verify(signature, mtc_span_of(value, value_len), mtc_span_of(message, len));
  if (!proof_may_sign(signature, mtc_span_of(message, len))) return 0;
  if (inner->digest_verify)
    return inner->digest_verify(signature->context, value, value_len, message, len);
  if (inner->digest_verify_update(signature->context, message, len) <= 0) return 0;
  return inner->digest_verify_final(signature->context, value, value_len);
}

static int get_ctx_params(void *context, OSSL_PARAM params[]) {
  const struct signature *signature = context;
  if (signature->mode == MODE_ISSUE) return issue_get_params(signature, params);
  return signature->inner->signature.get_ctx_params(signature->context, params);
}

static const OSSL_PARAM *gettable_ctx_params(void *context, void *provider) {
  const struct signature *signature = context;
  if (signature && signature->mode == MODE_ISSUE) return issue_gettable_params();
  return config_get(provider)->inner->signature.gettable_ctx_params(
      signature ? signature->context : NULL, inner_context());
}

static int set_ctx_params(void *context, const OSSL_PARAM params[]) {
  struct signature *signature = context;
  if (signature->mode == MODE_ISSUE) return issue_set_params(signature, params);
  return signature->inner->signature.set_ctx_params(signature->context, params);
}

static const OSSL_PARAM *settable_ctx_params(void *context, void *provider) {
  const struct signature *signature = context;
  if (signature && signature->mode == MODE_ISSUE) return issue_settable_params();
  return config_get(provider)->inner->signature.settable_ctx_params(
      signature ? signature->context : NULL, inner_context());
}

static int get_ctx_md_params(void *context, OSSL_PARAM params[]) {
  const struct signature *signature = context;
  return signature->inner->signature.get_ctx_md_params(signature->context, params);
}

static const OSSL_PARAM *gettable_ctx_md_params(void *context) {
  const struct signature *signature = context;
  return signature->inner->signature.gettable_ctx_md_params(signature->context);
}

static int set_ctx_md_params(void *context, const OSSL_PARAM params[]) {
  const struct signature *signature = context;
  return signature->inner->signature.set_ctx_md_params(signature->context, params);
}

static const OSSL_PARAM *settable_ctx_md_params(void *context) {
  const struct signature *signature = context;
  return signature->inner->signature.settable_ctx_md_params(signature->context);
}

OSSL_DISPATCH *signature_dispatch(const struct inner_algorithm *algorithm) {
  const struct inner_signature *in = &algorithm->signature;
  bool signs = in->digest_sign || in->digest_sign_final;
  bool verifies = in->digest_verify || in->digest_verify_final;
  const struct inner_row rows[] = {
      {OSSL_FUNC_SIGNATURE_NEWCTX, true, (void (*)(void))newctx},
      {OSSL_FUNC_SIGNATURE_FREECTX, true, (void (*)(void))freectx},
      {OSSL_FUNC_SIGNATURE_QUERY_KEY_TYPES, in->query_key_types,
       (void (*)(void))in->query_key_types},
      {OSSL_FUNC_SIGNATURE_DUPCTX, in->dupctx, (void (*)(void))dupctx},
      {OSSL_FUNC_SIGNATURE_SIGN_INIT, in->sign_init, (void (*)(void))sign_init},
      {OSSL_FUNC_SIGNATURE_SIGN, in->sign, (void (*)(void))sign},
      {OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT, in->sign_message_init,
       (void (*)(void))sign_message_init},
      {OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_UPDATE, in->sign_message_update,
       (void (*)(void))sign_message_update},
      {OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_FINAL, in->sign_message_final,
       (void (*)(void))sign_message_final},
      {OSSL_FUNC_SIGNATURE_VERIFY_INIT, in->verify_init, (void (*)(void))verify_init},
      {OSSL_FUNC_SIGNATURE_VERIFY, in->verify, (void (*)(void))verify},
      {OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT, in->verify_message_init,
       (void (*)(void))verify_message_init},
      {OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_UPDATE, in->verify_message_update,
       (void (*)(void))verify_message_update},
      {OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_FINAL, in->verify_message_final,
       (void (*)(void))verify_message_final},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, in->digest_sign_update,
       (void (*)(void))digest_sign_update},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, in->digest_sign_final,
       (void (*)(void))digest_sign_final},
      {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, in->digest_verify_update,
       (void (*)(void))digest_verify_update},
      {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, in->digest_verify_final,
       (void (*)(void))digest_verify_final},
      {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, in->get_ctx_params, (void (*)(void))get_ctx_params},
      {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, in->gettable_ctx_params,
       (void (*)(void))gettable_ctx_params},
      {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, in->set_ctx_params, (void (*)(void))set_ctx_params},
      {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, in->settable_ctx_params,
       (void (*)(void))settable_ctx_params},
      {OSSL_FUNC_SIGNATURE_GET_CTX_MD_PARAMS, in->get_ctx_md_params,
       (void (*)(void))get_ctx_md_params},
      {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_MD_PARAMS, in->gettable_ctx_md_params,
       (void (*)(void))gettable_ctx_md_params},
      {OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS, in->set_ctx_md_params,
       (void (*)(void))set_ctx_md_params},
      {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_MD_PARAMS, in->settable_ctx_md_params,
       (void (*)(void))settable_ctx_md_params},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signs, (void (*)(void))digest_sign_init},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signs, (void (*)(void))digest_sign},
      {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, verifies, (void (*)(void))digest_verify_init},
      {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, verifies, (void (*)(void))digest_verify},
  };
  return inner_dispatch(rows, sizeof rows / sizeof rows[0]);
}
