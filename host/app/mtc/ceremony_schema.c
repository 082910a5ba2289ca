/* What a ceremony's file may hold. */
#include "app/mtc/ceremony_file.h"

#define MAX_TEXT 1024
#define MAX_PRESENT 64
#define TEXT(key, structure, member) \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, MAX_TEXT)
#define OPTIONAL_TEXT(key, structure, member)                                                 \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, \
                         MAX_TEXT)
#define OPTIONAL_BOOL(key, structure, member)                                              \
  CYAML_FIELD_ENUM(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, structure, member, truth, \
                   CYAML_ARRAY_LEN(truth))
#define OPTIONAL_LIST(key, structure, member)                                            \
  CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, \
                       &text_schema, 1, MTC_MAX_ATTRIBUTES)

/* One way to write each: what is reviewed is read by people. */
static const cyaml_strval_t truth[] = {{"true", true}, {"false", false}};
static const cyaml_strval_t tolerances[] = {
    {"not_local", MTC_TOLERATE_NOT_LOCAL},
    {"not_always_sensitive", MTC_TOLERATE_NOT_ALWAYS_SENSITIVE},
    {"not_never_extractable", MTC_TOLERATE_NOT_NEVER_EXTRACTABLE},
};

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, MAX_TEXT)};

static const cyaml_schema_field_t token_fields[] = {
    TEXT("uri", struct yaml_token, uri),
    OPTIONAL_TEXT("module", struct yaml_token, module),
    OPTIONAL_TEXT("module_args", struct yaml_token, module_args),
    OPTIONAL_TEXT("pin_source", struct yaml_token, pin_source),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t mechanism_fields[] = {
    OPTIONAL_TEXT("generate", struct yaml_mechanisms, generate),
    OPTIONAL_TEXT("sign", struct yaml_mechanisms, sign),
    OPTIONAL_TEXT("key_type", struct yaml_mechanisms, key_type),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t attribute_fields[] = {
    OPTIONAL_LIST("private", struct yaml_attributes, private),
    OPTIONAL_LIST("public", struct yaml_attributes, public),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t key_fields[] = {
    TEXT("label", struct yaml_key, label),
    OPTIONAL_TEXT("id", struct yaml_key, id),
    TEXT("algorithm", struct yaml_key, algorithm),
    CYAML_FIELD_MAPPING("mechanisms", CYAML_FLAG_OPTIONAL, struct yaml_key, mechanisms,
                        mechanism_fields),
    CYAML_FIELD_MAPPING("attributes", CYAML_FLAG_OPTIONAL, struct yaml_key, attributes,
                        attribute_fields),
    CYAML_FIELD_FLAGS("accept", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct yaml_key, accept,
                      tolerances, CYAML_ARRAY_LEN(tolerances)),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ca_fields[] = {
    TEXT("id", struct yaml_certificate, id),
    TEXT("wire_version", struct yaml_certificate, wire_version),
    CYAML_FIELD_INT("log_number", CYAML_FLAG_OPTIONAL, struct yaml_certificate, log_number),
    OPTIONAL_TEXT("prefix_url", struct yaml_certificate, prefix_url),
    OPTIONAL_BOOL("crl_sign", struct yaml_certificate, crl_sign),
    OPTIONAL_TEXT("not_before", struct yaml_certificate, not_before),
    CYAML_FIELD_INT("validity_days", CYAML_FLAG_OPTIONAL, struct yaml_certificate, validity_days),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t output_fields[] = {
    TEXT("transcript", struct yaml_output, transcript),
    TEXT("public_key", struct yaml_output, public_key),
    TEXT("certificate", struct yaml_output, certificate),
    OPTIONAL_TEXT("csr", struct yaml_output, csr),
    OPTIONAL_BOOL("store_certificate", struct yaml_output, store_certificate),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t person_fields[] = {
    TEXT("name", struct yaml_person, name),
    TEXT("role", struct yaml_person, role),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t person_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_person, person_fields)};

static const cyaml_schema_field_t ceremony_fields[] = {
    CYAML_FIELD_MAPPING("token", CYAML_FLAG_DEFAULT, struct yaml_ceremony, token, token_fields),
    CYAML_FIELD_MAPPING("key", CYAML_FLAG_DEFAULT, struct yaml_ceremony, key, key_fields),
    CYAML_FIELD_MAPPING("ca", CYAML_FLAG_DEFAULT, struct yaml_ceremony, ca, ca_fields),
    CYAML_FIELD_MAPPING("output", CYAML_FLAG_DEFAULT, struct yaml_ceremony, output, output_fields),
    CYAML_FIELD_SEQUENCE("present", CYAML_FLAG_POINTER, struct yaml_ceremony, present,
                         &person_schema, 1, MAX_PRESENT),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t ceremony_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_ceremony, ceremony_fields),
};
