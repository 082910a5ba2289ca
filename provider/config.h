/* The provider's section of openssl.cnf, read when it is first needed: -provparam comes late. */
#ifndef MTC_PROVIDER_CONFIG_H
#define MTC_PROVIDER_CONFIG_H

#include "mtc/entry.h"
#include "provider/provider.h"

#define CONFIG_MAX_CAS 64
#define CONFIG_MAX_LANDMARKS 64

struct config_ca {
  struct mtc_bytes der;
  struct mtc_ca_params params; /* points into `der` */
  void *key;                   /* the default provider's key data */
};

struct config {
  mtc_status status; /* what is wrong with it: nothing is verified then */
  struct mtc_error error;
  enum mtc_algorithm algorithm; /* of the CA keys */
  const struct inner_algorithm *inner;
  const struct mtc_wire *wire; /* of the CA certificates; NULL when there are none */
  size_t num_cas;
  struct config_ca cas[CONFIG_MAX_CAS];
  char *policy, *subtrees, *socket, *mtcd;
  char *landmarks_text; /* split into the names below */
  const char *landmarks[CONFIG_MAX_LANDMARKS];
  size_t num_landmarks;
  int64_t reload_ms; /* how old what is trusted may become */
  bool checks_critical;
  struct operations operations;
};

/*
 * config_get gives the configuration, made by the first call; NULL when out of memory.
 *
 * Output:   as it is even when something is wrong with it: see `status`.
 */
const struct config *config_get(struct provider *provider);

/*
 * config_free releases it; NULL is ignored.
 */
void config_free(struct config *config);

/*
 * config_is_ca_key tells whether the default provider's key data is that of a configured CA.
 */
bool config_is_ca_key(const struct config *config, const void *key);

/*
 * config_find_ca finds a CA by its ID; NULL when it is not configured.
 */
const struct config_ca *config_find_ca(const struct config *config, const struct mtc_tai *ca_id);

#endif
