/* mtc.yaml: one CA instance. Read by mtcd and by those subcommands of mtc that work on its folder.
 */
#ifndef MTC_APP_CONFIG_H
#define MTC_APP_CONFIG_H

#include "mtc/engine.h"

#define CONFIG_MAX_DIRECT 8

/* A CA instance that signs certificates directly, with a key of its own. */
struct app_direct {
  const char *name;
  struct mtc_bytes certificate;    /* DER */
  struct mtc_direct_issuer issuer; /* spans point into `certificate` */
  struct mtc_signer_options signer;
  struct mtc_signer_source standby[MTC_SIGNER_MAX_SOURCES - 1]; /* what `signer` points to */
  struct mtc_profile *profiles;
  unsigned num_profiles;
};

/* A checked configuration; strings live as long as it does, paths are absolute or as resolved
 * against the configuration's folder. */
struct app_config {
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  uint64_t log_number;
  struct mtc_bytes ca_certificate; /* DER */
  struct mtc_ca_params ca;         /* spans point into ca_certificate */
  char *database;
  char *publish_folder;
  char *socket;
  struct mtc_signer_options signer;
  struct mtc_signer_source standby[MTC_SIGNER_MAX_SOURCES - 1]; /* what `signer` points to */
  bool has_card;
  struct mtc_card_options card;
  struct mtc_profile *profiles;
  unsigned num_profiles;
  struct mtc_engine_options engine; /* limits and intervals only */
  struct app_direct *direct;        /* CONFIG_MAX_DIRECT of them, or NULL */
  unsigned num_direct;
  void *yaml;       /* what libcyaml loaded: owns the remaining strings */
  char *owned[128]; /* resolved paths */
};

/*
 * config_load reads and checks `path`.
 *
 * Errors:   INPUT ("file:line: what" or "file: what"), IO, NOMEM.
 */
mtc_status config_load(const char *path, struct app_config **out,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * config_find_profile finds a certificate profile by name; NULL when there is none.
 */
const struct mtc_profile *config_find_profile(const struct app_config *config,
                                              struct mtc_span name);

/*
 * config_find_direct finds a profile of a directly signing instance by name; NULL when there is
 * none. A profile's name is used once in a configuration.
 *
 * Output:   *out is the instance.
 */
const struct mtc_profile *config_find_direct(const struct app_config *config, struct mtc_span name,
                                             const struct app_direct **out);

/*
 * config_check_range checks a number that stands under `key`.
 *
 * Errors:   INPUT with the key, the number and its bounds.
 */
mtc_status config_check_range(const char *key, int64_t value, int64_t min, int64_t max,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * config_free releases a configuration; NULL is ignored.
 */
void config_free(struct app_config *config);

#endif
