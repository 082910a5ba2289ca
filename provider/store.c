/* The store mtc: the issuing key of a CA, its certificate, and certificates that it issued. */
#include "provider/store.h"

#include <string.h>

#include <openssl/core_object.h>
#include <openssl/store.h>

#include "mtc/runtime.h"
#include "provider/key.h"
#include "provider/listing.h"

struct store {
  struct provider *provider;
  struct store_uri uri;
  struct issuer *issuer;
  struct mtc_bytes certificate; /* that the URI asks for */
  struct listing listing;       /* and what comes behind it */
  size_t num_listed;
  int expected; /* OSSL_STORE_INFO_*; 0: anything */
  bool is_certificate_given;
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
    *out = NULL;
  }
  return status;
}

static mtc_status find_certificate(struct store *store, struct mtc_error *error) {
  if (store->uri.object >= STORE_CHECKPOINT) return MTC_OK;
  if (store->uri.object != STORE_CA)
    return issuer_certificate(store->issuer, store->uri.serial, store->uri.object == STORE_LANDMARK,
                              &store->certificate, error);
  mtc_bytes_append_span(&store->certificate, mtc_span_of_bytes(&store->issuer->ca_certificate));
  return mtc_bytes_status(&store->certificate);
}

static int close_store(void *context) {
  struct store *store = context;
  if (!store) return 1;
  issuer_free(store->issuer);
  mtc_bytes_free(&store->certificate);
  listing_free(&store->listing);
  mtc_free(store);
  return 1;
}

/* Everything is asked for here: what loading finds wrong, openssl's programs take for an end. */
static void *open_store(void *context, const char *text) {
  struct provider *provider = context;
  struct store *store = mtc_alloc(1, sizeof *store);
  struct mtc_error error = {""};
  if (!store) return NULL;
  store->provider = provider;
  OSSL_LIB_CTX *before = inner_enter();
  enum reason wrong = REASON_URI;
  mtc_status status = store_parse_uri(text, &store->uri, &error);
  if (!status) status = find_issuer(provider, &store->uri, &store->issuer, &error);
  if (!status) {
    wrong = REASON_REFUSED;
    status = find_certificate(store, &error);
    if (!status) status = listing_make(store->issuer, &store->uri, &store->listing, &error);
  }
  inner_leave(before);
  if (!status) return store;
  enum reason reason = status == MTC_INPUT                   ? wrong
                       : store->issuer && status == MTC_BUSY ? REASON_LANDMARK
                                                             : REASON_DAEMON;
  (void)provider_raise_error(provider, reason, status, &error);
  (void)close_store(store);
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

static int give_certificate(struct mtc_bytes *der, OSSL_CALLBACK *callback, void *argument) {
  int type = OSSL_OBJECT_CERT;
  OSSL_PARAM object[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der->data, der->len),
      OSSL_PARAM_construct_end()};
  return callback(object, argument);
}

/* The public key is in the CA certificate: signing asks the daemon, and so no private one is. */
static int give_key(struct store *store, OSSL_CALLBACK *callback, void *argument) {
  struct key *key = key_new(
      store->provider,
      inner_key_of_spki(config_get(store->provider)->inner, store->issuer->params.public_key),
      issuer_share(store->issuer));
  return key ? key_give(key, callback, argument) : 0;
}

static int give_name(struct listing_item *item, OSSL_CALLBACK *callback, void *argument) {
  int type = OSSL_OBJECT_NAME;
  OSSL_PARAM object[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, (char *)item->uri.data, 0),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DESC, (char *)item->text.data, 0),
      OSSL_PARAM_construct_end()};
  return callback(object, argument);
}

/*
 * Without an expectation there are certificates and names alone: whoever lists a store writes every
 * key that it finds, and this one cannot be written. Names are given to nobody who expects
 * something else: libcrypto would pass them on.
 */
static int load(void *context, OSSL_CALLBACK *callback, void *argument,
                OSSL_PASSPHRASE_CALLBACK *ask, void *ask_argument) {
  struct store *store = context;
  int expected = store->expected;
  (void)ask;
  (void)ask_argument;
  if (store->at_end) return 0;
  bool lists = (!expected || expected == OSSL_STORE_INFO_NAME) && store->listing.num_items > 0;
  bool has_certificate = !expected || expected == OSSL_STORE_INFO_CERT;
  if (has_certificate && store->certificate.len && !store->is_certificate_given) {
    store->is_certificate_given = true;
    store->at_end = !lists;
    return give_certificate(&store->certificate, callback, argument);
  }
  if (lists) {
    struct listing_item *item = &store->listing.items[store->num_listed++];
    store->at_end = store->num_listed == store->listing.num_items;
    return give_name(item, callback, argument);
  }
  store->at_end = true;
  if (expected == OSSL_STORE_INFO_PKEY && store->uri.object == STORE_CA)
    return give_key(store, callback, argument);
  return 1;
}

static int at_end(void *context) {
  const struct store *store = context;
  return store->at_end;
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
