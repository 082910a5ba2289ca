/* acme.yaml as libcyaml loads it, before it is checked. Numbers are signed, so that a minus sign is
 * refused instead of wrapped around; 0 is what an optional key that is not there gives. */
#ifndef ACME_CONFIG_SCHEMA_H
#define ACME_CONFIG_SCHEMA_H

#include <stdbool.h>

#include "mtc/yaml.h"

struct acme_yaml_tls {
  char *certificate;
  char *key;
};

struct acme_yaml_binding {
  char *kid;
  char *hmac_key;
};

struct acme_yaml_external {
  bool required;
  struct acme_yaml_binding *keys;
  unsigned keys_count;
};

struct acme_yaml_profile {
  char *name;
  char *description;
  char *instance;
  char *socket;
  char *profile;
};

struct acme_yaml_validation {
  int64_t timeout_ms;
  int64_t reuse_s;
  int64_t threads;
  int64_t threads_per_account;
};

/* NULL: the default. */
struct acme_yaml_limits {
  int64_t *accounts_per_address_hour;
  int64_t *orders_per_account_hour;
  int64_t *pending_authorizations;
  int64_t *failures_per_name_hour;
  int64_t *certificates_per_name_week;
  int64_t *certificates_per_set_week;
  int64_t connections;
  int64_t *connections_per_address;
};

struct acme_yaml {
  char *listen;
  char *url;
  struct acme_yaml_tls *tls;
  char **proxies;
  unsigned proxies_count;
  int64_t threads;
  char *database;
  char *terms_of_service;
  char *website;
  char **caa_identities;
  unsigned caa_identities_count;
  bool contact_required;
  struct acme_yaml_external *external_account;
  struct acme_yaml_profile *profiles;
  unsigned profiles_count;
  char *default_profile;
  char *landmark_link;
  bool landmark_public_url;
  char *explanation_url;
  int64_t finalize_wait_ms;
  int64_t order_lifetime_s;
  int64_t retention_s;
  struct acme_yaml_validation validation;
  struct acme_yaml_limits limits;
  bool testing;
  char *resolver;
  char *trust_anchor;
  int64_t http_port;
  int64_t tls_port;
  bool allow_private;
  char *synchronous;
};

extern const cyaml_schema_value_t acme_config_schema;

#endif
