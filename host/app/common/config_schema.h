/* mtc.yaml as libcyaml loads it, before it is checked. */
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
  uint64_t number;
  char *database;
  char *publish_folder;
};

struct yaml_signer {
  char *key;
  char *module;
  char *module_args;
  char *pin_source;
  unsigned timeout_ms;
};

struct yaml_hash {
  char *backend;
  char *card;
  char *card_check;
  unsigned timeout_ms;
};

struct yaml_batch {
  unsigned max_entries;
  unsigned max_delay_ms;
  unsigned queue_max_entries;
};

struct yaml_profile {
  char *name;
  uint64_t validity_s;
  uint64_t backdate_s;
  unsigned key_types; /* mtc_key_type_bits */
  unsigned min_rsa_bits;
  unsigned max_names;
  bool allow_wildcards;
  bool allow_ip;
  bool subject_common_name;
  unsigned ext_key_usage; /* 1 server, 2 client */
  bool copy_key_usage;
  char *policy_oid;
};

struct yaml_config {
  struct yaml_ca ca;
  struct yaml_log log;
  char *socket;
  struct yaml_signer signer;
  struct yaml_hash hash;
  struct yaml_batch batch;
  uint64_t landmark_interval_s;
  unsigned reservation_ttl_s;
  struct yaml_profile *profiles;
  unsigned profiles_count;
};

extern const cyaml_schema_value_t config_schema;

#endif
