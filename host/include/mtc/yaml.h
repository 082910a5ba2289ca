/* YAML files with a schema: libcyaml behind one function, errors with file and line. */
#ifndef MTC_YAML_H
#define MTC_YAML_H

#include <cyaml/cyaml.h>

#include "mtc/status.h"

/*
 * mtc_yaml_load reads a file of at most 1 MiB by a libcyaml schema; unknown keys are errors.
 *
 * Output:   *out as the schema says; free with mtc_yaml_free and the same schema.
 * Errors:   INPUT ("file:line: what"), IO, NOMEM.
 */
mtc_status mtc_yaml_load(const char *path, const cyaml_schema_value_t *schema, void **out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_yaml_free releases what mtc_yaml_load made; NULL is ignored.
 */
void mtc_yaml_free(const cyaml_schema_value_t *schema, void *data);

#endif
