/* The file of a key ceremony: what is to be done, checked before anything is done. */
#ifndef MTC_APP_MTC_CEREMONY_FILE_H
#define MTC_APP_MTC_CEREMONY_FILE_H

#include "mtc/entry.h"
#include "mtc/yaml.h"
#include "sign/key_pair.h"

#define CEREMONY_MAX_FILE_LEN 65536u

/* The file as libcyaml loads it, before it is checked. NULL: not given. */
struct yaml_token {
  char *uri, *module, *module_args, *pin_source;
};

struct yaml_mechanisms {
  char *generate, *sign, *key_type;
};

struct yaml_attributes {
  char **private, **public; /* "CKA_NAME=VALUE" */
  unsigned private_count, public_count;
};

struct yaml_key {
  char *label, *id, *algorithm;
  struct yaml_mechanisms mechanisms;
  struct yaml_attributes attributes;
  unsigned accept; /* mtc_key_tolerance bits */
};

struct yaml_certificate {
  char *id, *wire_version, *prefix_url, *not_before;
  int64_t log_number, validity_days;
  bool crl_sign;
};

struct yaml_output {
  char *transcript, *public_key, *certificate, *csr;
  bool store_certificate;
};

struct yaml_person {
  char *name, *role;
};

struct yaml_ceremony {
  struct yaml_token token;
  struct yaml_key key;
  struct yaml_certificate ca;
  struct yaml_output output;
  struct yaml_person *present;
  unsigned present_count;
};

extern const cyaml_schema_value_t ceremony_schema;

enum ceremony_output {
  CEREMONY_TRANSCRIPT, /* the first: nothing is done that it does not tell */
  CEREMONY_PUBLIC_KEY,
  CEREMONY_CERTIFICATE,
  CEREMONY_CSR,
  CEREMONY_NUM_OUTPUTS,
};

/* A checked ceremony. Zeroed is none; free with ceremony_plan_free. */
struct ceremony_plan {
  struct yaml_ceremony *yaml;
  struct mtc_bytes file; /* the very bytes that were checked */
  struct mtc_mechanism mechanism;
  struct mtc_key_templates templates;
  struct mtc_ca_params ca; /* but the key */
  uint8_t id[MTC_MAX_KEY_ID_LEN];
  size_t id_len;
  char *outputs[CEREMONY_NUM_OUTPUTS]; /* paths; NULL: not wanted */
};

/*
 * ceremony_plan_load reads and checks a ceremony's file. Output paths are relative to its folder.
 *
 * Errors:   INPUT ("file:line: ..."), also when one of the output files is there; IO; NOMEM.
 */
mtc_status ceremony_plan_load(const char *path, struct ceremony_plan *out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ceremony_plan_free releases a plan.
 */
void ceremony_plan_free(struct ceremony_plan *plan);

#endif
