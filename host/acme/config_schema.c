#include "acme/config_schema.h"

#define MAX_TEXT 1024
#define TEXT(key, structure, member) \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, MAX_TEXT)
#define OPTIONAL_TEXT(key, structure, member)                                                 \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, \
                         MAX_TEXT)
#define OPTIONAL_NUMBER(key, structure, member) \
  CYAML_FIELD_INT(key, CYAML_FLAG_OPTIONAL, structure, member)
/* 0 is none, which is not the same as that the key is not there. */
#define LIMIT(member) \
  CYAML_FIELD_INT_PTR(#member, CYAML_FLAG_OPTIONAL, struct acme_yaml_limits, member)
/* Strict: libcyaml's own booleans are true for every word they do not know. */
#define OPTIONAL_BOOL(key, structure, member)                                                  \
  CYAML_FIELD_ENUM(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT | CYAML_FLAG_CASE_INSENSITIVE, \
                   structure, member, booleans, CYAML_ARRAY_LEN(booleans))

static const cyaml_strval_t booleans[] = {
    {"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false},
};

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, MAX_TEXT),
};

static const cyaml_schema_field_t tls_fields[] = {
    TEXT("certificate", struct acme_yaml_tls, certificate),
    TEXT("key", struct acme_yaml_tls, key),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t binding_fields[] = {
    TEXT("kid", struct acme_yaml_binding, kid),
    TEXT("hmac_key", struct acme_yaml_binding, hmac_key),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t binding_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct acme_yaml_binding, binding_fields),
};

static const cyaml_schema_field_t external_fields[] = {
    OPTIONAL_BOOL("required", struct acme_yaml_external, required),
    CYAML_FIELD_SEQUENCE("keys", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct acme_yaml_external, keys, &binding_schema, 0, 100000),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
    TEXT("name", struct acme_yaml_profile, name),
    OPTIONAL_TEXT("description", struct acme_yaml_profile, description),
    OPTIONAL_TEXT("instance", struct acme_yaml_profile, instance),
    TEXT("socket", struct acme_yaml_profile, socket),
    OPTIONAL_TEXT("profile", struct acme_yaml_profile, profile),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct acme_yaml_profile, profile_fields),
};

static const cyaml_schema_field_t validation_fields[] = {
    OPTIONAL_NUMBER("timeout_ms", struct acme_yaml_validation, timeout_ms),
    OPTIONAL_NUMBER("reuse_s", struct acme_yaml_validation, reuse_s),
    OPTIONAL_NUMBER("threads", struct acme_yaml_validation, threads),
    OPTIONAL_NUMBER("threads_per_account", struct acme_yaml_validation, threads_per_account),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    LIMIT(accounts_per_address_hour),
    LIMIT(orders_per_account_hour),
    LIMIT(pending_authorizations),
    LIMIT(failures_per_name_hour),
    LIMIT(certificates_per_name_week),
    LIMIT(certificates_per_set_week),
    OPTIONAL_NUMBER("connections", struct acme_yaml_limits, connections),
    LIMIT(connections_per_address),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
    TEXT("listen", struct acme_yaml, listen),
    TEXT("url", struct acme_yaml, url),
    CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct acme_yaml, tls,
                            tls_fields),
    CYAML_FIELD_SEQUENCE("proxies", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct acme_yaml,
                         proxies, &text_schema, 0, 64),
    OPTIONAL_NUMBER("threads", struct acme_yaml, threads),
    TEXT("database", struct acme_yaml, database),
    OPTIONAL_TEXT("terms_of_service", struct acme_yaml, terms_of_service),
    OPTIONAL_TEXT("website", struct acme_yaml, website),
    CYAML_FIELD_SEQUENCE("caa_identities", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct acme_yaml, caa_identities, &text_schema, 0, 16),
    OPTIONAL_BOOL("contact_required", struct acme_yaml, contact_required),
    CYAML_FIELD_MAPPING_PTR("external_account", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct acme_yaml, external_account, external_fields),
    CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct acme_yaml, profiles,
                         &profile_schema, 1, 64),
    OPTIONAL_TEXT("default_profile", struct acme_yaml, default_profile),
    OPTIONAL_TEXT("landmark_link", struct acme_yaml, landmark_link),
    OPTIONAL_BOOL("landmark_public_url", struct acme_yaml, landmark_public_url),
    OPTIONAL_TEXT("explanation_url", struct acme_yaml, explanation_url),
    OPTIONAL_NUMBER("finalize_wait_ms", struct acme_yaml, finalize_wait_ms),
    OPTIONAL_NUMBER("order_lifetime_s", struct acme_yaml, order_lifetime_s),
    OPTIONAL_NUMBER("retention_s", struct acme_yaml, retention_s),
    CYAML_FIELD_MAPPING("validation", CYAML_FLAG_OPTIONAL, struct acme_yaml, validation,
                        validation_fields),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct acme_yaml, limits, limits_fields),
    OPTIONAL_BOOL("testing", struct acme_yaml, testing),
    OPTIONAL_TEXT("resolver", struct acme_yaml, resolver),
    OPTIONAL_TEXT("trust_anchor", struct acme_yaml, trust_anchor),
    OPTIONAL_NUMBER("http_port", struct acme_yaml, http_port),
    OPTIONAL_NUMBER("tls_port", struct acme_yaml, tls_port),
    OPTIONAL_BOOL("allow_private", struct acme_yaml, allow_private),
    OPTIONAL_TEXT("synchronous", struct acme_yaml, synchronous),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t acme_config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct acme_yaml, config_fields),
};
