/* mtc_key_generate: a key pair on a token without ceremony, or in a file. */
#include <openssl/rand.h>
#include <string.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/key_file.h"
#include "sign/key_pair.h"

#define GENERATED_ID_LEN 16

/* As much as any token grants: what is missing is said, and only what protects the key decides. */
static const unsigned tolerance =
    MTC_TOLERATE_NOT_LOCAL | MTC_TOLERATE_NOT_ALWAYS_SENSITIVE | MTC_TOLERATE_NOT_NEVER_EXTRACTABLE;

static mtc_status check_attributes(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                                   const struct mtc_mechanism *mechanism, unsigned long key,
                                   struct mtc_error *error) {
  struct mtc_template found;
  struct mtc_error ignored;
  struct mtc_span id = mtc_span_of(uri->id, uri->id_len);
  mtc_status status = mtc_template_read(token, key, &found, error);
  if (status) return status;
  bool is_good = mtc_key_judge(&found, mechanism, uri->object, id, 0, &ignored) == MTC_OK;
  mtc_log(is_good ? MTC_LOG_INFO : MTC_LOG_WARNING, "key.generated",
          "token=\"%s\" object=\"%s\"%s%s", uri->token, uri->object,
          is_good ? "" : " text=", is_good ? "" : ignored.text);
  return mtc_key_judge(&found, mechanism, uri->object, id, tolerance, error);
}

static mtc_status test_sign(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                            unsigned long key, const struct mtc_pin *pin,
                            struct mtc_span public_key, struct mtc_error *error) {
  struct mtc_span message = mtc_span_of_text("mtc key generate: test of a new key");
  struct mtc_bytes signature = {0};
  mtc_status status = mtc_raw_token_sign(token, mechanism, key, pin, message, &signature, error);
  if (!status && mtc_signature_verify(mechanism->algorithm, public_key, message,
                                      mtc_span_of_bytes(&signature))) {
    status = mtc_fail(error, MTC_TOKEN, "the new key's test signature does not verify");
  }
  mtc_bytes_free(&signature);
  return status;
}

static mtc_status make_key(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                           const struct mtc_mechanism *mechanism, const struct mtc_pin *pin,
                           struct mtc_bytes *out_public_key, struct mtc_error *error) {
  struct mtc_key_pair pair = {0};
  struct mtc_key_templates templates;
  struct mtc_bytes public_key = {0};
  struct mtc_span id = mtc_span_of(uri->id, uri->id_len);
  mtc_status status = mtc_key_refuse_existing(token, uri->object, id, error);
  if (!status) status = mtc_key_templates_fill(mechanism, uri->object, id, &templates, error);
  if (!status) status = mtc_key_pair_make(token, mechanism, &templates, &pair, error);
  if (status) return mtc_fail_within(error, status, "token \"%s\"", uri->token);
  status = check_attributes(token, uri, mechanism, pair.private_key, error);
  if (!status)
    status = mtc_raw_token_public_key(token, mechanism, pair.public_key, &public_key, error);
  if (!status)
    status =
        test_sign(token, mechanism, pair.private_key, pin, mtc_span_of_bytes(&public_key), error);
  if (!status) {
    mtc_bytes_append_span(out_public_key, mtc_span_of_bytes(&public_key));
    status = mtc_bytes_status(out_public_key);
    if (status) (void)mtc_fail(error, status, "out of memory");
  }
  if (status) {
    /* Made a moment ago by us and used by nobody: better gone than found later and trusted. */
    struct mtc_error left = {0};
    bool is_gone = mtc_key_pair_destroy(token, &pair, &left) == MTC_OK;
    status =
        mtc_fail_within(error, status, "%s", is_gone ? "the new key was destroyed" : left.text);
  }
  mtc_bytes_free(&public_key);
  return status;
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
  if (!status)
    status = mtc_pin_find(uri, request->pin_source, token.needs_login, token.has_protected_path,
                          &pin, error);
  if (!status) status = mtc_raw_token_start(&token, true, true, &pin, error);
  if (!status) status = make_key(&token, uri, mechanism, &pin, out_public_key, error);
  mtc_pin_wipe(&pin);
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
