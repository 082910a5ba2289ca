/* mtc.yaml as libcyaml loads it, before it is checked. Numbers are signed, so that a minus sign is
 * seen and refused instead of wrapped around; 0 is what an optional key that is not there gives. */
#ifndef MTC_APP_CONFIG_SCHEMA_H
#define MTC_APP_CONFIG_SCHEMA_H

#include <stdbool.h>

#include "mtc/yaml.h"

struct yaml_ca {
  char *id;
  char *wire_version;
  char *certificate;
  char *policy;
};

struct yaml_log {
  int64_t number;
  char *database;
  char *publish_folder;
};

/* A token with a copy of the key. */
struct yaml_token {
  char *key;
  char *module;
  char *module_args;
  char *pin_source;
  int64_t sign_mechanism;
};

struct yaml_signer {
  struct yaml_token first;
  int64_t timeout_ms;
  int64_t processes;
  char *confinement;
  char *latch;
  struct yaml_token *standby;
  unsigned standby_count;
};

struct yaml_hash {
  char *backend;
  char *card;
  char *card_check;
  int64_t timeout_ms;
  bool card_required;
  int64_t readmit_after;
};

struct yaml_batch {
  int64_t max_entries;
  int64_t max_delay_ms;
  int64_t queue_max_entries;
};

struct yaml_profile {
  char *name;
  int64_t validity_s;
  int64_t backdate_s;
  unsigned key_types; /* mtc_key_type_bits */
  int64_t min_rsa_bits;
  int64_t max_names;
  bool allow_wildcards;
  bool allow_ip;
  bool subject_common_name;
  unsigned ext_key_usage; /* 1 server, 2 client */
  bool copy_key_usage;
  char *policy_oid;
};

/* A CA instance that signs certificates directly. */
struct yaml_direct {
  char *name;
  char *certificate;
  struct yaml_signer signer;
  struct yaml_profile *profiles;
  unsigned profiles_count;
};

struct yaml_config {
  struct yaml_ca ca;
  struct yaml_log log;
  char *socket;
  struct yaml_signer signer;
  struct yaml_hash hash;
  struct yaml_batch batch;
  int64_t landmark_interval_s;
  int64_t reservation_ttl_s;
  struct yaml_profile *profiles;
  unsigned profiles_count;
  struct yaml_direct *direct;
  unsigned direct_count;
};

extern const cyaml_schema_value_t config_schema;

#endif
