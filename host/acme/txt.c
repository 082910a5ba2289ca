/* TXT records. */
#include "acme/txt.h"

#include <string.h>

/*
 *  +--------+------------+--------+------------+
 *  | length | characters | length | characters | ...
 *  +--------+------------+--------+------------+
 */
bool acme_txt_read(struct mtc_span data, uint8_t out[ACME_MAX_TXT_LEN], size_t *out_len) {
  struct mtc_reader reader = mtc_reader_of(data);
  *out_len = 0;
  if (reader.len == 0) return false;
  while (reader.len > 0) {
    struct mtc_span part;
    if (!mtc_read_prefixed(&reader, 1, &part)) return false;
    size_t room = ACME_MAX_TXT_LEN - *out_len;
    size_t len = part.len < room ? part.len : room;
    memcpy(out + *out_len, part.data, len);
    *out_len += len;
  }
  return true;
}
