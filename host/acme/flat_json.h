/* JSON objects of plain strings, read without libjansson's lexer. */
#ifndef ACME_FLAT_JSON_H
#define ACME_FLAT_JSON_H

#include <jansson.h>

#include "mtc/runtime.h"

/*
 * acme_flat_json_load reads an object whose names and values are all strings of printable ASCII
 * without escapes: of a request's JWS that is the outer object, most protected headers and the
 * payload of a finalize. libjansson reads byte by byte, which for these took a tenth of the
 * server's instructions for an order.
 *
 * Output:   what json_loadb with JSON_REJECT_DUPLICATES gives for the same text; NULL for every
 *           other text, also one that is no JSON, has a name twice, or when memory is out: whether
 *           it is JSON, and what is wrong with it, libjansson has to say.
 */
json_t *acme_flat_json_load(struct mtc_span text);

#endif
