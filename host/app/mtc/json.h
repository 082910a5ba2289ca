/* JSON strings of bytes. Each is NULL when out of memory. */
#ifndef MTC_APP_MTC_JSON_H
#define MTC_APP_MTC_JSON_H

#include <jansson.h>

#include "mtc/digest.h"

/*
 * cli_json_hex, cli_json_base64 and cli_json_sha256 give bytes, or their SHA-256 in hexadecimal.
 */
json_t *cli_json_hex(struct mtc_span bytes);
/* Standard base64; see above. */
json_t *cli_json_base64(struct mtc_span bytes);
/* The SHA-256 in hexadecimal; see above. */
json_t *cli_json_sha256(struct mtc_span bytes);

#endif
