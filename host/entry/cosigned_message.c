/* The bytes that a cosigner signs. */
#include "mtc/proof.h"

/* Its terminating zero is part of the message: it keeps text formats from sharing this prefix. */
static const char label[] = "subtree/v1\n";

static void append_name(struct mtc_bytes *out, const struct mtc_tai *tai) {
  size_t name = mtc_bytes_open_prefix(out, 1);
  mtc_tai_append_origin(tai, out);
  mtc_bytes_close_prefix(out, name, 1);
}

mtc_status mtc_cosigned_message_append(const struct mtc_tai *cosigner_id,
                                       const struct mtc_tai *log_id, uint64_t timestamp_s,
                                       struct mtc_subtree subtree, const struct mtc_hash *hash,
                                       struct mtc_bytes *out) {
  if (cosigner_id->len == 0 || log_id->len == 0) return MTC_INPUT;
  if (!mtc_subtree_is_valid(subtree)) return MTC_INPUT;
  /* A timestamp states the largest tree seen, which begins at 0; tlog-cosignature bounds it. */
  if (timestamp_s && (subtree.start || timestamp_s > INT64_MAX)) return MTC_INPUT;
  mtc_bytes_append(out, label, sizeof label);
  append_name(out, cosigner_id);
  mtc_bytes_append_uint(out, timestamp_s, 8);
  append_name(out, log_id);
  mtc_bytes_append_uint(out, subtree.start, 8);
  mtc_bytes_append_uint(out, subtree.end, 8);
  mtc_bytes_append(out, hash->bytes, sizeof hash->bytes);
  return mtc_bytes_status(out);
}
