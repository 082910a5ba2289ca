/*
 * Key management of the CA keys' algorithm. After one MTC certificate was verified, libcrypto may
 * take this for every key of the algorithm, so it does everything that the default provider's does,
 * by calling that. Only an issuing key differs: it has no private part to be seen.
 */
#include <string.h>

#include <openssl/core_object.h>

#include "mtc/runtime.h"
#include "provider/issuer.h"
#include "provider/key.h"

/* What a store or a decoder hands to libcrypto in a key's place. */
struct reference {
  struct key *key;
};

/* Generation of a key, which is the default provider's business. */
struct generation {
  struct provider *provider;
  const struct inner_keymgmt *inner;
  void *context;
};

static const struct inner_keymgmt *of(void *context) {
  return &config_get(context)->inner->keymgmt;
}

struct key *key_new(struct provider *provider, void *data, struct issuer *issuer) {
  const struct inner_algorithm *inner = config_get(provider)->inner;
  struct key *key = data ? mtc_alloc(1, sizeof *key) : NULL;
  if (key) {
    *key = (struct key){provider, inner, data, issuer};
  } else {
    if (data) inner->keymgmt.free_key(data);
    issuer_free(issuer);
  }
  return key;
}

void key_free(struct key *key) {
  if (!key) return;
  key->inner->keymgmt.free_key(key->data);
  issuer_free(key->issuer);
  mtc_free(key);
}

int key_give(struct key *key, OSSL_CALLBACK *callback, void *argument) {
  int type = OSSL_OBJECT_PKEY;
  struct reference reference = {key};
  char name[32];
  (void)strncpy(name, key->inner->name, sizeof name - 1);
  name[sizeof name - 1] = 0;
  OSSL_PARAM object[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof reference),
      OSSL_PARAM_construct_end()};
  int result = callback(object, argument);
  key_free(reference.key); /* loading took it and left NULL */
  return result;
}

/* Another provider's key management may ask for the key: it gets the public part. */
int key_export_reference(void *context, const void *reference, size_t len, OSSL_CALLBACK *callback,
                         void *argument) {
  struct reference own;
  (void)context;
  if (len != sizeof own) return 0;
  memcpy(&own, reference, sizeof own);
  return own.key->inner->keymgmt.export_key(own.key->data, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, callback,
                                            argument);
}

static void *new_key(void *context) {
  return key_new(context, of(context)->new_key(inner_context()), NULL);
}

static void free_key(void *key) {
  key_free(key);
}

/* What of a selection the key data of an issuing key can be asked about. */
static int visible(const struct key *key, int selection) {
  return key->issuer ? selection & ~OSSL_KEYMGMT_SELECT_PRIVATE_KEY : selection;
}

static int has(const void *data, int selection) {
  const struct key *key = data;
  return key && key->inner->keymgmt.has(key->data, visible(key, selection));
}

static int match(const void *data_1, const void *data_2, int selection) {
  const struct key *a = data_1, *b = data_2;
  return a->inner->keymgmt.match(a->data, b->data, visible(a, visible(b, selection)));
}

static int validate(const void *data, int selection, int check_type) {
  const struct key *key = data;
  return key->inner->keymgmt.validate(key->data, visible(key, selection), check_type);
}

static void *dup_key(const void *data, int selection) {
  const struct key *key = data;
  return key_new(key->provider, key->inner->keymgmt.dup(key->data, visible(key, selection)),
                 issuer_share(key->issuer));
}

static int import(void *data, int selection, const OSSL_PARAM params[]) {
  struct key *key = data;
  return !key->issuer && key->inner->keymgmt.import(key->data, selection, params);
}

static const OSSL_PARAM *import_types_ex(void *context, int selection) {
  return of(context)->import_types_ex(inner_context(), selection);
}

static int export_key(void *data, int selection, OSSL_CALLBACK *callback, void *argument) {
  const struct key *key = data;
  if (visible(key, selection) != selection)
    return provider_raise(key->provider, REASON_PRIVATE_KEY, "CA %s", issuer_name(key->issuer));
  return key->inner->keymgmt.export_key(key->data, selection, callback, argument);
}

static const OSSL_PARAM *export_types_ex(void *context, int selection) {
  return of(context)->export_types_ex(inner_context(), selection);
}

/* A program that asks an issuing key for a serial number has one reserved. */
static int get_serial(const struct key *key, OSSL_PARAM params[]) {
  OSSL_PARAM *out = OSSL_PARAM_locate(params, KEY_PARAM_SERIAL);
  const OSSL_PARAM *subject = OSSL_PARAM_locate_const(params, KEY_PARAM_SUBJECT);
  const OSSL_PARAM *count = OSSL_PARAM_locate_const(params, KEY_PARAM_COUNT);
  struct mtc_error error = {""};
  struct mtc_span name = {0};
  uint64_t serial = 0, num = 1;
  const void *der = NULL;
  if (!out) return 1;
  /* What cannot be read is no reservation for anybody. */
  if (subject && (!OSSL_PARAM_get_octet_string_ptr(subject, &der, &name.len) || !der || !name.len ||
                  name.len > UINT16_MAX))
    return provider_raise(key->provider, REASON_OPTION,
                          KEY_PARAM_SUBJECT " is not the octet string of a Name");
  name.data = der;
  if (count && !OSSL_PARAM_get_uint64(count, &num))
    return provider_raise(key->provider, REASON_OPTION,
                          KEY_PARAM_COUNT " is not an unsigned number");
  OSSL_LIB_CTX *before = inner_enter();
  mtc_status status = issuer_reserve(key->issuer, num, name, &serial, &error);
  inner_leave(before);
  if (status)
    return provider_raise_error(key->provider, status == MTC_INPUT ? REASON_OPTION : REASON_DAEMON,
                                status, &error);
  return OSSL_PARAM_set_uint64(out, serial);
}

static int get_params(void *data, OSSL_PARAM params[]) {
  const struct key *key = data;
  if (key->inner->keymgmt.get_params(key->data, params) != 1) return 0;
  if (!key->issuer) return 1;
  /* An issuing key takes no digest: the empty name has -md ignored. */
  OSSL_PARAM *digest = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST);
  return (!digest || OSSL_PARAM_set_utf8_string(digest, "")) && get_serial(key, params);
}

static const OSSL_PARAM *gettable_params(void *context) {
  return of(context)->gettable_params(inner_context());
}

static int set_params(void *data, const OSSL_PARAM params[]) {
  struct key *key = data;
  return key->inner->keymgmt.set_params(key->data, params);
}

static const OSSL_PARAM *settable_params(void *context) {
  return of(context)->settable_params(inner_context());
}

static void *gen_init(void *context, int selection, const OSSL_PARAM params[]) {
  const struct inner_keymgmt *inner = of(context);
  void *inner_generation = inner->gen_init(inner_context(), selection, params);
  struct generation *generation = inner_generation ? mtc_alloc(1, sizeof *generation) : NULL;
  if (generation)
    *generation = (struct generation){context, inner, inner_generation};
  else if (inner_generation)
    inner->gen_cleanup(inner_generation);
  return generation;
}

static int gen_set_template(void *context, void *template_key) {
  struct generation *generation = context;
  const struct key *key = template_key;
  return generation->inner->gen_set_template(generation->context, key->data);
}

static int gen_set_params(void *context, const OSSL_PARAM params[]) {
  struct generation *generation = context;
  return generation->inner->gen_set_params(generation->context, params);
}

static const OSSL_PARAM *gen_settable_params(void *context, void *provider) {
  struct generation *generation = context;
  return of(provider)->gen_settable_params(generation ? generation->context : NULL,
                                           inner_context());
}

static int gen_get_params(void *context, OSSL_PARAM params[]) {
  struct generation *generation = context;
  return generation->inner->gen_get_params(generation->context, params);
}

static const OSSL_PARAM *gen_gettable_params(void *context, void *provider) {
  struct generation *generation = context;
  return of(provider)->gen_gettable_params(generation ? generation->context : NULL,
                                           inner_context());
}

static void *gen(void *context, OSSL_CALLBACK *callback, void *argument) {
  struct generation *generation = context;
  return key_new(generation->provider,
                 generation->inner->gen(generation->context, callback, argument), NULL);
}

static void gen_cleanup(void *context) {
  struct generation *generation = context;
  if (!generation) return;
  generation->inner->gen_cleanup(generation->context);
  mtc_free(generation);
}

static void *load(const void *reference, size_t len) {
  static const struct reference none = {NULL};
  struct reference own;
  union {
    const void *seen;
    void *place;
  } both = {reference};
  if (len != sizeof own) return NULL;
  memcpy(&own, reference, sizeof own);
  memcpy(both.place, &none, sizeof none);
  return own.key;
}

/* Keys of this provider go to its own signature, whatever the order of providers. */
static const char *query_name(int operation) {
  return operation == OSSL_OP_SIGNATURE ? PROVIDER_SIGNATURE : NULL;
}

static const char *query_name_ec(int operation) {
  return operation == OSSL_OP_KEYEXCH ? "ECDH" : query_name(operation);
}

OSSL_DISPATCH *keymgmt_dispatch(const struct inner_algorithm *algorithm) {
  const struct inner_keymgmt *in = &algorithm->keymgmt;
  const struct inner_row rows[] = {
      {OSSL_FUNC_KEYMGMT_NEW, true, (void (*)(void))new_key},
      {OSSL_FUNC_KEYMGMT_FREE, true, (void (*)(void))free_key},
      {OSSL_FUNC_KEYMGMT_LOAD, true, (void (*)(void))load},
      {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, true,
       algorithm->is_ec ? (void (*)(void))query_name_ec : (void (*)(void))query_name},
      {OSSL_FUNC_KEYMGMT_HAS, in->has, (void (*)(void))has},
      {OSSL_FUNC_KEYMGMT_MATCH, in->match, (void (*)(void))match},
      {OSSL_FUNC_KEYMGMT_VALIDATE, in->validate, (void (*)(void))validate},
      {OSSL_FUNC_KEYMGMT_DUP, in->dup, (void (*)(void))dup_key},
      {OSSL_FUNC_KEYMGMT_IMPORT, in->import, (void (*)(void))import},
      {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, in->import_types, (void (*)(void))in->import_types},
      {OSSL_FUNC_KEYMGMT_IMPORT_TYPES_EX, in->import_types_ex, (void (*)(void))import_types_ex},
      {OSSL_FUNC_KEYMGMT_EXPORT, in->export_key, (void (*)(void))export_key},
      {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, in->export_types, (void (*)(void))in->export_types},
      {OSSL_FUNC_KEYMGMT_EXPORT_TYPES_EX, in->export_types_ex, (void (*)(void))export_types_ex},
      {OSSL_FUNC_KEYMGMT_GET_PARAMS, in->get_params, (void (*)(void))get_params},
      {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, in->gettable_params, (void (*)(void))gettable_params},
      {OSSL_FUNC_KEYMGMT_SET_PARAMS, in->set_params, (void (*)(void))set_params},
      {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, in->settable_params, (void (*)(void))settable_params},
      {OSSL_FUNC_KEYMGMT_GEN_INIT, in->gen_init, (void (*)(void))gen_init},
      {OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, in->gen_set_template, (void (*)(void))gen_set_template},
      {OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, in->gen_set_params, (void (*)(void))gen_set_params},
      {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, in->gen_settable_params,
       (void (*)(void))gen_settable_params},
      {OSSL_FUNC_KEYMGMT_GEN_GET_PARAMS, in->gen_get_params, (void (*)(void))gen_get_params},
      {OSSL_FUNC_KEYMGMT_GEN_GETTABLE_PARAMS, in->gen_gettable_params,
       (void (*)(void))gen_gettable_params},
      {OSSL_FUNC_KEYMGMT_GEN, in->gen, (void (*)(void))gen},
      {OSSL_FUNC_KEYMGMT_GEN_CLEANUP, in->gen_cleanup, (void (*)(void))gen_cleanup},
  };
  return inner_dispatch(rows, sizeof rows / sizeof rows[0]);
}
