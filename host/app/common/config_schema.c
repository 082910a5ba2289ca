#include "app/common/config_schema.h"

#include "mtc/entry.h"

#define MAX_TEXT 4096
#define TEXT(key, structure, member) \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, MAX_TEXT)
#define OPTIONAL_TEXT(key, structure, member)                                                 \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, \
                         MAX_TEXT)
#define OPTIONAL_UINT(key, structure, member) \
  CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, structure, member)
#define OPTIONAL_BOOL(key, structure, member) \
  CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, structure, member)

static const cyaml_strval_t key_types[] = {
    {"p256", MTC_KEY_P256},         {"p384", MTC_KEY_P384},         {"rsa", MTC_KEY_RSA},
    {"ed25519", MTC_KEY_ED25519},   {"ml-dsa-44", MTC_KEY_MLDSA44}, {"ml-dsa-65", MTC_KEY_MLDSA65},
    {"ml-dsa-87", MTC_KEY_MLDSA87},
};
static const cyaml_strval_t ext_key_usages[] = {{"server", 1}, {"client", 2}};

static const cyaml_schema_field_t ca_fields[] = {
    TEXT("id", struct yaml_ca, id),
    OPTIONAL_TEXT("wire_version", struct yaml_ca, wire_version),
    TEXT("certificate", struct yaml_ca, certificate),
    OPTIONAL_TEXT("policy", struct yaml_ca, policy),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t log_fields[] = {
    CYAML_FIELD_UINT("number", CYAML_FLAG_DEFAULT, struct yaml_log, number),
    TEXT("database", struct yaml_log, database),
    TEXT("publish_folder", struct yaml_log, publish_folder),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t signer_fields[] = {
    TEXT("key", struct yaml_signer, key),
    OPTIONAL_TEXT("module", struct yaml_signer, module),
    OPTIONAL_TEXT("module_args", struct yaml_signer, module_args),
    OPTIONAL_TEXT("pin_source", struct yaml_signer, pin_source),
    OPTIONAL_UINT("timeout_ms", struct yaml_signer, timeout_ms),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t hash_fields[] = {
    TEXT("backend", struct yaml_hash, backend),
    OPTIONAL_TEXT("card", struct yaml_hash, card),
    OPTIONAL_TEXT("card_check", struct yaml_hash, card_check),
    OPTIONAL_UINT("timeout_ms", struct yaml_hash, timeout_ms),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t batch_fields[] = {
    OPTIONAL_UINT("max_entries", struct yaml_batch, max_entries),
    OPTIONAL_UINT("max_delay_ms", struct yaml_batch, max_delay_ms),
    OPTIONAL_UINT("queue_max_entries", struct yaml_batch, queue_max_entries),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
    TEXT("name", struct yaml_profile, name),
    CYAML_FIELD_UINT("validity_s", CYAML_FLAG_DEFAULT, struct yaml_profile, validity_s),
    OPTIONAL_UINT("backdate_s", struct yaml_profile, backdate_s),
    CYAML_FIELD_FLAGS("key_types", CYAML_FLAG_DEFAULT, struct yaml_profile, key_types, key_types,
                      CYAML_ARRAY_LEN(key_types)),
    OPTIONAL_UINT("min_rsa_bits", struct yaml_profile, min_rsa_bits),
    OPTIONAL_UINT("max_names", struct yaml_profile, max_names),
    OPTIONAL_BOOL("allow_wildcards", struct yaml_profile, allow_wildcards),
    OPTIONAL_BOOL("allow_ip", struct yaml_profile, allow_ip),
    OPTIONAL_BOOL("subject_common_name", struct yaml_profile, subject_common_name),
    CYAML_FIELD_FLAGS("ext_key_usage", CYAML_FLAG_OPTIONAL, struct yaml_profile, ext_key_usage,
                      ext_key_usages, CYAML_ARRAY_LEN(ext_key_usages)),
    OPTIONAL_BOOL("copy_key_usage", struct yaml_profile, copy_key_usage),
    OPTIONAL_TEXT("policy_oid", struct yaml_profile, policy_oid),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_profile, profile_fields),
};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_MAPPING("ca", CYAML_FLAG_DEFAULT, struct yaml_config, ca, ca_fields),
    CYAML_FIELD_MAPPING("log", CYAML_FLAG_DEFAULT, struct yaml_config, log, log_fields),
    TEXT("socket", struct yaml_config, socket),
    CYAML_FIELD_MAPPING("signer", CYAML_FLAG_DEFAULT, struct yaml_config, signer, signer_fields),
    CYAML_FIELD_MAPPING("hash", CYAML_FLAG_DEFAULT, struct yaml_config, hash, hash_fields),
    CYAML_FIELD_MAPPING("batch", CYAML_FLAG_OPTIONAL, struct yaml_config, batch, batch_fields),
    OPTIONAL_UINT("landmark_interval_s", struct yaml_config, landmark_interval_s),
    OPTIONAL_UINT("reservation_ttl_s", struct yaml_config, reservation_ttl_s),
    CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct yaml_config, profiles,
                         &profile_schema, 1, 64),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields),
};
