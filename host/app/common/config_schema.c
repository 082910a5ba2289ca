#include "app/common/config_schema.h"

#include "app/common/config.h"
#include "mtc/entry.h"
#include "mtc/sign.h"

#define MAX_TEXT 4096
#define TEXT(key, structure, member) \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, MAX_TEXT)
#define OPTIONAL_TEXT(key, structure, member)                                                 \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, \
                         MAX_TEXT)
#define NUMBER(key, structure, member) CYAML_FIELD_INT(key, CYAML_FLAG_DEFAULT, structure, member)
#define OPTIONAL_NUMBER(key, structure, member) \
  CYAML_FIELD_INT(key, CYAML_FLAG_OPTIONAL, structure, member)
/* Strict: libcyaml's own booleans are true for every word they do not know, its lists of words take
 * numbers too. */
#define OPTIONAL_BOOL(key, structure, member)                                                  \
  CYAML_FIELD_ENUM(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT | CYAML_FLAG_CASE_INSENSITIVE, \
                   structure, member, booleans, CYAML_ARRAY_LEN(booleans))
#define WORDS(key, flags, structure, member, words)                             \
  CYAML_FIELD_FLAGS(key, (flags) | CYAML_FLAG_STRICT, structure, member, words, \
                    CYAML_ARRAY_LEN(words))

static const cyaml_strval_t booleans[] = {
    {"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false},
};

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
    NUMBER("number", struct yaml_log, number),
    TEXT("database", struct yaml_log, database),
    TEXT("publish_folder", struct yaml_log, publish_folder),
    CYAML_FIELD_END,
};

/* What names a token stands in `signer` itself for the first, and in each of `standby`. */
#define TOKEN_FIELDS(structure, prefix)                                                  \
  TEXT("key", structure, prefix key), OPTIONAL_TEXT("module", structure, prefix module), \
      OPTIONAL_TEXT("module_args", structure, prefix module_args),                       \
      OPTIONAL_TEXT("pin_source", structure, prefix pin_source),                         \
      OPTIONAL_NUMBER("sign_mechanism", structure, prefix sign_mechanism)

static const cyaml_schema_field_t token_fields[] = {
    TOKEN_FIELDS(struct yaml_token, ),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_token, token_fields),
};

static const cyaml_schema_field_t signer_fields[] = {
    TOKEN_FIELDS(struct yaml_signer, first.),
    OPTIONAL_NUMBER("timeout_ms", struct yaml_signer, timeout_ms),
    OPTIONAL_NUMBER("processes", struct yaml_signer, processes),
    OPTIONAL_TEXT("confinement", struct yaml_signer, confinement),
    OPTIONAL_TEXT("latch", struct yaml_signer, latch),
    CYAML_FIELD_SEQUENCE("standby", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_signer,
                         standby, &token_schema, 1, MTC_SIGNER_MAX_SOURCES - 1),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t hash_fields[] = {
    TEXT("backend", struct yaml_hash, backend),
    OPTIONAL_TEXT("card", struct yaml_hash, card),
    OPTIONAL_TEXT("card_check", struct yaml_hash, card_check),
    OPTIONAL_NUMBER("timeout_ms", struct yaml_hash, timeout_ms),
    OPTIONAL_BOOL("card_required", struct yaml_hash, card_required),
    OPTIONAL_NUMBER("readmit_after", struct yaml_hash, readmit_after),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t batch_fields[] = {
    OPTIONAL_NUMBER("max_entries", struct yaml_batch, max_entries),
    OPTIONAL_NUMBER("max_delay_ms", struct yaml_batch, max_delay_ms),
    OPTIONAL_NUMBER("queue_max_entries", struct yaml_batch, queue_max_entries),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
    TEXT("name", struct yaml_profile, name),
    NUMBER("validity_s", struct yaml_profile, validity_s),
    OPTIONAL_NUMBER("backdate_s", struct yaml_profile, backdate_s),
    WORDS("key_types", CYAML_FLAG_DEFAULT, struct yaml_profile, key_types, key_types),
    OPTIONAL_NUMBER("min_rsa_bits", struct yaml_profile, min_rsa_bits),
    OPTIONAL_NUMBER("max_names", struct yaml_profile, max_names),
    OPTIONAL_BOOL("allow_wildcards", struct yaml_profile, allow_wildcards),
    OPTIONAL_BOOL("allow_ip", struct yaml_profile, allow_ip),
    OPTIONAL_BOOL("subject_common_name", struct yaml_profile, subject_common_name),
    WORDS("ext_key_usage", CYAML_FLAG_OPTIONAL, struct yaml_profile, ext_key_usage, ext_key_usages),
    OPTIONAL_BOOL("copy_key_usage", struct yaml_profile, copy_key_usage),
    OPTIONAL_TEXT("policy_oid", struct yaml_profile, policy_oid),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_profile, profile_fields),
};

static const cyaml_schema_field_t direct_fields[] = {
    TEXT("name", struct yaml_direct, name),
    TEXT("certificate", struct yaml_direct, certificate),
    CYAML_FIELD_MAPPING("signer", CYAML_FLAG_DEFAULT, struct yaml_direct, signer, signer_fields),
    CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct yaml_direct, profiles,
                         &profile_schema, 1, 64),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t direct_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_direct, direct_fields),
};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_MAPPING("ca", CYAML_FLAG_DEFAULT, struct yaml_config, ca, ca_fields),
    CYAML_FIELD_MAPPING("log", CYAML_FLAG_DEFAULT, struct yaml_config, log, log_fields),
    TEXT("socket", struct yaml_config, socket),
    CYAML_FIELD_MAPPING("signer", CYAML_FLAG_DEFAULT, struct yaml_config, signer, signer_fields),
    CYAML_FIELD_MAPPING("hash", CYAML_FLAG_DEFAULT, struct yaml_config, hash, hash_fields),
    CYAML_FIELD_MAPPING("batch", CYAML_FLAG_OPTIONAL, struct yaml_config, batch, batch_fields),
    OPTIONAL_NUMBER("landmark_interval_s", struct yaml_config, landmark_interval_s),
    OPTIONAL_NUMBER("reservation_ttl_s", struct yaml_config, reservation_ttl_s),
    CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct yaml_config, profiles,
                         &profile_schema, 1, 64),
    CYAML_FIELD_SEQUENCE("direct", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_config,
                         direct, &direct_schema, 1, CONFIG_MAX_DIRECT),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields),
};
