/* The store mtc: the issuing key of a CA, its certificate, and certificates that it issued. */
#include "provider/store.h"

#include <string.h>

#include <openssl/core_object.h>
#include <openssl/store.h>

#include "mtc/runtime.h"
#include "provider/key.h"

struct store {
  struct provider *provider;
  struct store_uri uri;
  struct issuer *issuer;
  int expected; /* OSSL_STORE_INFO_*; 0: anything */
  bool at_end;
};

static mtc_status find_issuer(struct provider *provider, const struct store_uri *uri,
                              struct issuer **out, struct mtc_error *error) {
  const struct config *config = config_get(provider);
  if (!config) return MTC_NOMEM;
  const char *socket = uri->socket[0] ? uri->socket : config->socket;
  if (!socket)
    return mtc_fail(error, MTC_INPUT,
                    "no socket is configured: mtc:///PATH-OF-THE-SOCKET names one");
  mtc_status status = issuer_open(provider, socket, out, error);
  if (!status && uri->ca_id[0] && strcmp(uri->ca_id, issuer_name(*out)) != 0) {
    status =
        mtc_fail(error, MTC_INPUT, "the daemon at %s is that of CA %s", socket, issuer_name(*out));
    issuer_free(*out);
  }
  return status;
}

static void *open_store(void *context, const char *text) {
  struct provider *provider = context;
  struct store *store = mtc_alloc(1, sizeof *store);
  struct mtc_error error = {""};
  if (!store) return NULL;
  store->provider = provider;
  OSSL_LIB_CTX *before = inner_enter();
  enum reason reason = REASON_URI;
  mtc_status status = store_parse_uri(text, &store->uri, &error);
  if (!status) {
    status = find_issuer(provider, &store->uri, &store->issuer, &error);
    reason = status == MTC_INPUT ? REASON_URI : REASON_DAEMON;
  }
  inner_leave(before);
  if (!status) return store;
  (void)provider_raise_error(provider, reason, status, &error);
  mtc_free(store);
  return NULL;
}

static const OSSL_PARAM *settable_ctx_params(void *context) {
  static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                                      OSSL_PARAM_END};
  (void)context;
  return params;
}

static int set_ctx_params(void *context, const OSSL_PARAM params[]) {
  struct store *store = context;
  const OSSL_PARAM *param =
      params ? OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT) : NULL;
  return !param || OSSL_PARAM_get_int(param, &store->expected);
}

static int give_certificate(struct mtc_span der, OSSL_CALLBACK *callback, void *argument) {
  int type = OSSL_OBJECT_CERT;
  struct mtc_bytes copy = {0};
  mtc_bytes_append_span(&copy, der);
  if (mtc_bytes_status(&copy)) return 0;
  OSSL_PARAM object[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, copy.data, copy.len),
      OSSL_PARAM_construct_end()};
  int result = callback(object, argument);
  mtc_bytes_free(&copy);
  return result;
}

/* The public key is in the CA certificate: signing asks the daemon, and so no private one is. */
static int give_key(struct store *store, OSSL_CALLBACK *callback, void *argument) {
  struct key *key = key_new(
      store->provider,
      inner_key_of_spki(config_get(store->provider)->inner, store->issuer->params.public_key),
      issuer_share(store->issuer));
  return key ? key_give(key, callback, argument) : 0;
}

static int give_issued(struct store *store, OSSL_CALLBACK *callback, void *argument) {
  struct mtc_bytes der = {0};
  struct mtc_error error = {""};
  bool landmark = store->uri.object == STORE_LANDMARK;
  OSSL_LIB_CTX *before = inner_enter();
  mtc_status status = issuer_certificate(store->issuer, store->uri.serial, landmark, &der, &error);
  inner_leave(before);
  int result = status ? provider_raise_error(store->provider,
                                             status == MTC_BUSY    ? REASON_LANDMARK
                                             : status == MTC_INPUT ? REASON_REFUSED
                                                                   : REASON_DAEMON,
                                             status, &error)
                      : give_certificate(mtc_span_of_bytes(&der), callback, argument);
  mtc_bytes_free(&der);
  return result;
}

/* Without an expectation there are certificates alone: whoever lists a store writes every key that
 * it finds, and this one cannot be written. */
static int load(void *context, OSSL_CALLBACK *callback, void *argument,
                OSSL_PASSPHRASE_CALLBACK *ask, void *ask_argument) {
  struct store *store = context;
  bool is_key = store->expected == OSSL_STORE_INFO_PKEY;
  (void)ask;
  (void)ask_argument;
  if (store->at_end) return 0;
  store->at_end = true;
  if (is_key && store->uri.object == STORE_CA) return give_key(store, callback, argument);
  if (store->expected && store->expected != OSSL_STORE_INFO_CERT) return 1;
  if (store->uri.object != STORE_CA) return give_issued(store, callback, argument);
  return give_certificate(mtc_span_of_bytes(&store->issuer->ca_certificate), callback, argument);
}

static int at_end(void *context) {
  const struct store *store = context;
  return store->at_end;
}

static int close_store(void *context) {
  struct store *store = context;
  if (!store) return 1;
  issuer_free(store->issuer);
  mtc_free(store);
  return 1;
}

const OSSL_DISPATCH *store_dispatch(void) {
  static const OSSL_DISPATCH functions[] = {
      {OSSL_FUNC_STORE_OPEN, (void (*)(void))open_store},
      {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_ctx_params},
      {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_ctx_params},
      {OSSL_FUNC_STORE_LOAD, (void (*)(void))load},
      {OSSL_FUNC_STORE_EOF, (void (*)(void))at_end},
      {OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_store},
      OSSL_DISPATCH_END};
  return functions;
}
