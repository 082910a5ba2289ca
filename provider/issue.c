/* Issuing: signing with an issuing key logs the TBSCertificate and gives its MTCProof. */
#include <string.h>

#include "provider/signature.h"

/* More than 48 hashes and the signatures of all the cosigners that a log keeps. */
#define MAX_PROOF_LEN 131072
#define MAX_TIMEOUT_S 604800

static enum reason reason_of(mtc_status status) {
  if (status == MTC_BUSY) return REASON_LANDMARK;
  return status == MTC_INPUT ? REASON_REFUSED : REASON_DAEMON;
}

int issue_sign(const struct signature *signature, unsigned char *out, size_t *out_len, size_t size,
               struct mtc_span tbs) {
  struct provider *provider = signature->provider;
  struct mtc_certificate parsed;
  struct mtc_error error = {""};
  struct mtc_bytes proof = {0};
  if (!out) {
    *out_len = MAX_PROOF_LEN;
    return 1;
  }
  OSSL_LIB_CTX *before = inner_enter();
  mtc_status status = mtc_certificate_parse_tbs(tbs, &parsed, &error);
  enum reason reason = REASON_NO_CERTIFICATE;
  if (!status) {
    status = issuer_sign(signature->key->issuer, &signature->options, tbs, &proof, &error);
    reason =
        signature->options.wants_landmark || status != MTC_BUSY ? reason_of(status) : REASON_DAEMON;
  }
  inner_leave(before);
  if (!status && proof.len > size)
    status =
        mtc_fail(&error, MTC_INPUT, "a proof of %zu bytes for a buffer of %zu", proof.len, size);
  if (!status) {
    memcpy(out, proof.data, proof.len);
    *out_len = proof.len;
  }
  mtc_bytes_free(&proof);
  return status ? provider_raise_error(provider, reason, status, &error) : 1;
}

static const char *text_of(const OSSL_PARAM params[], const char *name) {
  const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, name);
  const char *text = NULL;
  if (!param) return NULL;
  return OSSL_PARAM_get_utf8_string_ptr(param, &text) && text ? text : "";
}

/* Takes one of two words; `out` says whether it is the first. */
static bool choose(const char *text, const char *first, const char *second, bool *out) {
  if (!text) return true;
  *out = strcmp(text, first) == 0;
  return *out || strcmp(text, second) == 0;
}

int issue_set_params(struct signature *signature, const OSSL_PARAM params[]) {
  struct issuer_options *options = &signature->options;
  if (!params) return 1;
  const char *kind = text_of(params, "kind"), *landmark = text_of(params, "landmark");
  const char *timeout = text_of(params, "timeout");
  uint64_t timeout_s = (uint64_t)options->timeout_s;
  if (!choose(kind, "landmark", "standalone", &options->wants_landmark))
    return provider_raise(signature->provider, REASON_OPTION,
                          "kind:%s is neither standalone nor landmark", kind);
  if (!choose(landmark, "wait", "fail", &options->waits))
    return provider_raise(signature->provider, REASON_OPTION,
                          "landmark:%s is neither wait nor fail", landmark);
  if (timeout && !mtc_parse_decimal(mtc_span_of_text(timeout), MAX_TIMEOUT_S, &timeout_s))
    return provider_raise(signature->provider, REASON_OPTION, "timeout:%s is not 0 to %d", timeout,
                          MAX_TIMEOUT_S);
  options->timeout_s = (int64_t)timeout_s;
  return 1;
}

const OSSL_PARAM *issue_settable_params(void) {
  static const OSSL_PARAM params[] = {
      OSSL_PARAM_utf8_string("kind", NULL, 0), OSSL_PARAM_utf8_string("landmark", NULL, 0),
      OSSL_PARAM_utf8_string("timeout", NULL, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0), OSSL_PARAM_END};
  return params;
}

int issue_get_params(const struct signature *signature, OSSL_PARAM params[]) {
  struct mtc_span identifier = signature->key->issuer->params.wire->proof_algorithm;
  OSSL_PARAM *param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
  return !param || OSSL_PARAM_set_octet_string(param, identifier.data, identifier.len);
}

const OSSL_PARAM *issue_gettable_params(void) {
  static const OSSL_PARAM params[] = {
      OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0), OSSL_PARAM_END};
  return params;
}
