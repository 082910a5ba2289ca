/* What client.yaml may hold. */
#ifndef ACME_CLIENT_CONFIG_SCHEMA_H
#define ACME_CLIENT_CONFIG_SCHEMA_H

#include "acme/client_config.h"
#include "mtc/yaml.h"

extern const cyaml_schema_value_t acme_client_config_schema;

#endif
