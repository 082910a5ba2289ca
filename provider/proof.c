/* Verification: the signature value of a certificate is an MTCProof. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "provider/signature.h"
#include "provider/trust.h"

static void append_header(struct mtc_bytes *out, uint8_t tag, size_t len) {
  unsigned width = len > 0xffff ? 3 : len > 0xff ? 2 : len > 0x7f ? 1 : 0;
  mtc_bytes_append_uint(out, tag, 1);
  if (width) mtc_bytes_append_uint(out, 0x80 | width, 1);
  mtc_bytes_append_uint(out, len, width ? width : 1);
}

/* Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING }; libcrypto
 * has compared the two algorithms and counted unused bits before it asks. */
static mtc_status wrap(const struct mtc_wire *wire, struct mtc_span proof, struct mtc_span tbs,
                       struct mtc_bytes *out) {
  struct mtc_bytes body = {0};
  mtc_bytes_append_span(&body, tbs);
  mtc_bytes_append_span(&body, wire->proof_algorithm);
  append_header(&body, 0x03, proof.len + 1);
  mtc_bytes_append_uint(&body, 0, 1);
  mtc_bytes_append_span(&body, proof);
  append_header(out, 0x30, body.len);
  mtc_bytes_append_span(out, mtc_span_of_bytes(&body));
  mtc_status status = mtc_bytes_status(&body);
  mtc_bytes_free(&body);
  return status ? status : mtc_bytes_status(out);
}

int proof_verify(const struct signature *signature, struct mtc_span proof, struct mtc_span tbs) {
  struct provider *provider = signature->provider;
  const struct config *config = config_get(provider);
  if (!config) return provider_raise(provider, REASON_MEMORY, "the configuration");
  const struct mtc_wire *wire = config->wire ? config->wire : mtc_wire_get(MTC_WIRE_PLANTS_07);
  struct mtc_verification result;
  struct mtc_error error = {""};
  struct mtc_bytes certificate = {0};
  mtc_status status = wrap(wire, proof, tbs, &certificate);
  if (!status) status = trust_check(provider, mtc_span_of_bytes(&certificate), &result, &error);
  mtc_bytes_free(&certificate);
  if (status) return provider_raise_error(provider, REASON_CONFIGURATION, status, &error);
  if (!mtc_verdict_is_ok(result.verdict)) {
    enum reason reason = (enum reason)(REASON_VERDICT + (unsigned)result.verdict);
    return provider_raise(provider, reason, "%s", result.detail);
  }
  /* The issuer's name chose the CA; the key must be that CA's, too. */
  const struct config_ca *ca = config_find_ca(config, &result.ca_id);
  if (ca && config->inner->keymgmt.match(ca->key, signature->key->data,
                                         OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 1)
    return 1;
  char name[MTC_TAI_MAX_TEXT];
  mtc_tai_format(&result.ca_id, name);
  return provider_raise(provider, REASON_OTHER_KEY, "CA %s", name);
}

/* Whatever libcrypto would take for a TBSCertificate, also one that is not in strict DER. */
static bool is_tbs(struct mtc_span message) {
  struct mtc_bytes der = {0};
  X509 *certificate = NULL;
  if (!wrap(mtc_wire_get(MTC_WIRE_PLANTS_07), mtc_span_of("", 0), message, &der)) {
    const unsigned char *at = der.data;
    OSSL_LIB_CTX *before = inner_enter();
    ERR_set_mark();
    certificate = d2i_X509(NULL, &at, (long)der.len);
    ERR_pop_to_mark();
    inner_leave(before);
  }
  mtc_bytes_free(&der);
  X509_free(certificate);
  return certificate != NULL;
}

int proof_may_sign(const struct signature *signature, struct mtc_span message) {
  const struct config *config = config_get(signature->provider);
  if (!config || !config_is_ca_key(config, signature->key->data) || !is_tbs(message)) return 1;
  return provider_raise(signature->provider, REASON_RAW_SIGNATURE,
                        "the key of a configured CA cannot have signed it");
}
