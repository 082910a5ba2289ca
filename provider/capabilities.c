/*
 * TLS capabilities. libssl takes a group or a signature algorithm from a provider only when the key
 * management of its algorithm, as libcrypto finds it, is that provider's; after an MTC verification
 * that may be this one's. So this provider has what the default provider has for that algorithm.
 */
#include <string.h>

#include "provider/config.h"

/* One request of libssl, and which capabilities it is to see. */
struct request {
  const struct inner_algorithm *inner;
  const char *key_param;   /* the parameter that names the key's algorithm */
  const char *other_param; /* the one that does so where that is not there */
  OSSL_CALLBACK *callback;
  void *argument;
};

static bool is_named(const OSSL_PARAM params[], const char *param_name, const char *name) {
  const OSSL_PARAM *param = param_name ? OSSL_PARAM_locate_const(params, param_name) : NULL;
  const char *value = NULL;
  return param && OSSL_PARAM_get_utf8_string_ptr(param, &value) && value &&
         OPENSSL_strcasecmp(value, name) == 0;
}

static int pass_on(const OSSL_PARAM params[], void *argument) {
  const struct request *request = argument;
  if (!is_named(params, request->key_param, request->inner->name) &&
      !is_named(params, request->other_param, request->inner->name))
    return 1;
  return request->callback(params, request->argument);
}

int capabilities_get(struct provider *provider, const char *capability, OSSL_CALLBACK *callback,
                     void *argument) {
  const struct config *config = config_get(provider);
  if (!config) return 0;
  struct request request = {config->inner, NULL, NULL, callback, argument};
  if (strcmp(capability, "TLS-GROUP") == 0) {
    request.key_param = OSSL_CAPABILITY_TLS_GROUP_ALG;
  } else if (strcmp(capability, "TLS-SIGALG") == 0) {
    request.key_param = OSSL_CAPABILITY_TLS_SIGALG_KEYTYPE;
    request.other_param = OSSL_CAPABILITY_TLS_SIGALG_NAME;
  } else {
    return 1;
  }
  return OSSL_PROVIDER_get_capabilities(inner_provider(), capability, pass_on, &request);
}
