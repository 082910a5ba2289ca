/* acme.yaml: what mtc-acmed is told, checked. */
#ifndef ACME_CONFIG_H
#define ACME_CONFIG_H

#include "acme/config_schema.h"
#include "acme/validate.h"
#include "http/server.h"

/* A key for external account binding. */
struct acme_binding_key {
  const char *kid;
  struct mtc_bytes mac_key;
};

/* One kind of certificates: a profile of a daemon. */
struct acme_profile {
  const char *name;
  const char *description;
  const char *instance; /* NULL: whichever has the profile */
  char *socket;
  const char *profile; /* the daemon's name of it */
};

/* Limits of which 0 is none. */
struct acme_limits {
  unsigned accounts_per_address_hour;
  unsigned orders_per_account_hour;
  unsigned pending_authorizations;
  unsigned failures_per_name_hour;
  unsigned certificates_per_name_week;
  unsigned certificates_per_set_week;
};

struct acme_config {
  struct acme_yaml *yaml; /* owns the texts */
  char *address;          /* listened on */
  const char *url;        /* base URL without a slash at its end */
  const char *path;       /* the base URL's path, "" or "/acme" */
  char *database;
  char *certificate, *key; /* of the server's TLS, NULL: plain HTTP */
  struct http_options http;
  struct acme_validator_options validation;
  struct acme_limits limits;
  struct acme_binding_key *binding_keys;
  unsigned num_binding_keys;
  bool is_binding_required;
  struct acme_profile *profiles; /* the first is the default */
  unsigned num_profiles;
  bool is_landmark_alternate; /* rel="alternate" and 503 */
  unsigned finalize_wait_ms;
  int64_t order_lifetime_s;
  int64_t reuse_s;
  int64_t retention_s;
  bool is_synchronous;
};

/*
 * acme_config_load reads and checks a configuration. Relative paths are relative to its folder.
 *
 * Errors:   INPUT ("file:line: key: what is wrong"), IO, NOMEM.
 */
mtc_status acme_config_load(const char *path, struct acme_config **out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_config_free releases a configuration; NULL is ignored.
 */
void acme_config_free(struct acme_config *config);

#endif
