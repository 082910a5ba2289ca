/* YAML files with a schema: libcyaml behind one function, errors with file and line. */
#ifndef MTC_YAML_H
#define MTC_YAML_H

#include <cyaml/cyaml.h>

#include "mtc/bytes.h"

/*
 * mtc_yaml_load reads a file of at most 1 MiB by a libcyaml schema; unknown keys are errors.
 *
 * Output:   *out as the schema says; free with mtc_yaml_free and the same schema.
 * Errors:   INPUT ("file:line: what"), IO, NOMEM.
 */
mtc_status mtc_yaml_load(const char *path, const cyaml_schema_value_t *schema, void **out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_yaml_parse does so with a file's content, of which `name` names the file in errors: for
 * whoever needs the very bytes, too.
 *
 * Errors:   INPUT, NOMEM.
 */
mtc_status mtc_yaml_parse(const char *name, struct mtc_span file,
                          const cyaml_schema_value_t *schema, void **out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_yaml_line finds the line (from 1) of a key by its path "mapping.key", for errors about a
 * value that is well-formed and yet wrong. Where a part is not found, the last that is counts; 0:
 * none is.
 */
unsigned mtc_yaml_line(struct mtc_span file, const char *path);

/*
 * mtc_yaml_free releases what mtc_yaml_load made; NULL is ignored.
 */
void mtc_yaml_free(const cyaml_schema_value_t *schema, void *data);

#endif
