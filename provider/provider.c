/* The provider's entry: what libcrypto calls once a library context, and the list of operations. */
#include "provider/provider.h"

#include "mtc/runtime.h"
#include "provider/config.h"
#include "provider/lobby.h"
#include "provider/trust.h"

#define PROVIDER_NAME "Merkle Tree Certificates"

OSSL_provider_init_fn OSSL_provider_init;

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache) {
  struct provider *provider = context;
  *no_cache = 0;
  const struct config *config = config_get(provider);
  if (!config) return NULL;
  switch (operation) {
    case OSSL_OP_KEYMGMT:
      return config->operations.keymgmt_algorithms;
    case OSSL_OP_SIGNATURE:
      return config->operations.signature_algorithms;
    case OSSL_OP_DECODER:
      return provider->stands_aside ? NULL : config->operations.decoder_algorithms;
    case OSSL_OP_STORE:
      return config->operations.store_algorithms;
    default:
      return NULL;
  }
}

static const OSSL_PARAM *gettable_params(void *context) {
  static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
                                      OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
                                      OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END};
  (void)context;
  return params;
}

static int get_params(void *context, OSSL_PARAM params[]) {
  (void)context;
  OSSL_PARAM *name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
  OSSL_PARAM *version = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
  OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
  return (!name || OSSL_PARAM_set_utf8_ptr(name, PROVIDER_NAME)) &&
         (!version || OSSL_PARAM_set_utf8_ptr(version, MTC_VERSION)) &&
         (!status || OSSL_PARAM_set_int(status, 1));
}

static const OSSL_ITEM *reason_strings(void *context) {
  (void)context;
  return provider_reason_strings();
}

static int capabilities(void *context, const char *capability, OSSL_CALLBACK *callback,
                        void *argument) {
  return capabilities_get(context, capability, callback, argument);
}

static void provider_free(struct provider *provider) {
  critical_remove(provider);
  lobby_close(provider->lobby);
  trust_free(provider->trust);
  config_free(provider->config);
  pthread_mutex_destroy(&provider->lock);
  mtc_free(provider);
}

static void teardown(void *context) {
  provider_free(context);
}

static void read_core(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, struct core *out) {
  out->handle = handle;
  for (; in->function_id; in++) {
    switch (in->function_id) {
      case OSSL_FUNC_CORE_GET_PARAMS:
        out->get_params = OSSL_FUNC_core_get_params(in);
        break;
      case OSSL_FUNC_CORE_NEW_ERROR:
        out->new_error = OSSL_FUNC_core_new_error(in);
        break;
      case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
        out->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
        break;
      case OSSL_FUNC_CORE_VSET_ERROR:
        out->vset_error = OSSL_FUNC_core_vset_error(in);
        break;
      case OSSL_FUNC_CORE_OBJ_CREATE:
        out->obj_create = OSSL_FUNC_core_obj_create(in);
        break;
      case OSSL_FUNC_CORE_OBJ_ADD_SIGID:
        out->obj_add_sigid = OSSL_FUNC_core_obj_add_sigid(in);
        break;
      case OSSL_FUNC_BIO_READ_EX:
        out->bio_read = OSSL_FUNC_BIO_read_ex(in);
        break;
      default:
        break;
    }
  }
}

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **out_context) {
  static const OSSL_DISPATCH functions[] = {
      {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
      {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params},
      {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params},
      {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))reason_strings},
      {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities},
      OSSL_DISPATCH_END};
  struct provider *provider = mtc_alloc(1, sizeof *provider);
  if (!provider) return 0;
  read_core(handle, in, &provider->core);
  const struct core *core = &provider->core;
  if (!core->get_params || !core->obj_create || !core->obj_add_sigid || !core->bio_read ||
      !inner_open()) {
    mtc_free(provider);
    return 0;
  }
  provider->lobby = lobby_open();
  if (!provider->lobby) {
    mtc_free(provider);
    return 0;
  }
  pthread_mutex_init(&provider->lock, NULL);
  provider->stands_aside = objects_are_native();
  if (!provider->stands_aside) critical_install();
  *out = functions;
  *out_context = provider;
  return 1;
}
