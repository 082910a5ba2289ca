#include "acme/client_config_schema.h"

#include "mtc/entry.h"

#define MAX_TEXT 1000
#define MAX_CERTIFICATES 1000
#define TEXT(key, structure, member) \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, MAX_TEXT)
#define OPTIONAL_TEXT(key, structure, member)                                                 \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, \
                         MAX_TEXT)
/* Strict: libcyaml's own booleans are true for every word they do not know. */
#define OPTIONAL_BOOL(key, structure, member)                                              \
  CYAML_FIELD_ENUM(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, structure, member, truth, \
                   CYAML_ARRAY_LEN(truth))
#define TEXTS(key, flags, structure, items, num, min, max)                             \
  CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | (flags), structure, items, num, \
                             &text_schema, min, max)

static const cyaml_strval_t truth[] = {
    {"true", true}, {"false", false}, {"yes", true}, {"no", false}};
static const cyaml_strval_t methods[] = {
    {"http-01", ACME_CLIENT_HTTP},
    {"dns-01", ACME_CLIENT_DNS},
    {"tls-alpn-01", ACME_CLIENT_TLS_ALPN},
};
static const cyaml_strval_t key_types[] = {
    {"p256", MTC_KEY_P256},         {"p384", MTC_KEY_P384},         {"rsa", MTC_KEY_RSA},
    {"ed25519", MTC_KEY_ED25519},   {"ml-dsa-44", MTC_KEY_MLDSA44}, {"ml-dsa-65", MTC_KEY_MLDSA65},
    {"ml-dsa-87", MTC_KEY_MLDSA87},
};

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, MAX_TEXT)};

static const cyaml_schema_field_t external_fields[] = {
    TEXT("kid", struct acme_client_external, kid),
    TEXT("key_file", struct acme_client_external, key_file),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t account_fields[] = {
    TEXT("key", struct acme_client_account, key),
    TEXTS("contacts", CYAML_FLAG_OPTIONAL, struct acme_client_account, contacts, num_contacts, 0,
          16),
    OPTIONAL_BOOL("terms_agreed", struct acme_client_account, terms_agreed),
    CYAML_FIELD_MAPPING_PTR("external", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct acme_client_account, external, external_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t challenge_fields[] = {
    CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct acme_client_challenge, method, methods,
                     CYAML_ARRAY_LEN(methods)),
    OPTIONAL_TEXT("webroot", struct acme_client_challenge, webroot),
    OPTIONAL_TEXT("listen", struct acme_client_challenge, listen),
    TEXTS("hook", CYAML_FLAG_OPTIONAL, struct acme_client_challenge, hook.items, hook.num, 1, 32),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t certificate_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct acme_client_certificate, name, 1, 64),
    TEXTS("identifiers", 0, struct acme_client_certificate, names, num_names, 1,
          ACME_MAX_IDENTIFIERS),
    CYAML_FIELD_STRING_PTR("profile", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct acme_client_certificate, profile, 1, 64),
    TEXT("folder", struct acme_client_certificate, folder),
    CYAML_FIELD_ENUM("key_type", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                     struct acme_client_certificate, key_type, key_types,
                     CYAML_ARRAY_LEN(key_types)),
    OPTIONAL_BOOL("reuse_key", struct acme_client_certificate, reuse_key),
    CYAML_FIELD_MAPPING("challenge", CYAML_FLAG_DEFAULT, struct acme_client_certificate, challenge,
                        challenge_fields),
    TEXTS("deploy_hook", CYAML_FLAG_OPTIONAL, struct acme_client_certificate, deploy_hook.items,
          deploy_hook.num, 1, 32),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t certificate_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct acme_client_certificate, certificate_fields)};

static const cyaml_schema_field_t config_fields[] = {
    TEXT("directory", struct acme_client_config, directory),
    OPTIONAL_TEXT("ca_file", struct acme_client_config, ca_file),
    CYAML_FIELD_MAPPING("account", CYAML_FLAG_DEFAULT, struct acme_client_config, account,
                        account_fields),
    CYAML_FIELD_SEQUENCE_COUNT("certificates", CYAML_FLAG_POINTER, struct acme_client_config,
                               certificates, num_certificates, &certificate_schema, 1,
                               MAX_CERTIFICATES),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t acme_client_config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct acme_client_config, config_fields),
};
