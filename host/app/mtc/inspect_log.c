/* Files of a published log in words: bundles, checkpoints, landmarks; and property lists. */
#include "app/mtc/cli.h"
#include "app/mtc/inspect.h"

#define MAX_LANDMARKS 4096

static mtc_status describe_entry(const struct mtc_wire *wire, size_t number, struct mtc_span entry,
                                 struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_log_entry parsed;
  struct mtc_tbs_entry tbs = {0};
  struct mtc_hash hash;
  char from[32], to[32];
  mtc_status status = mtc_log_entry_parse(entry, &parsed, error);
  if (!status && parsed.type == MTC_ENTRY_TBS_CERT)
    status = mtc_tbs_entry_parse(wire, NULL, parsed.tbs, &tbs, error);
  if (status) return mtc_fail_within(error, status, "entry %zu", number);
  mtc_hash_leaf(entry, &hash);
  mtc_bytes_append_format(out, "  %zu: ", number);
  mtc_bytes_append_hex(out, mtc_span_of(hash.bytes, 8));
  if (parsed.type == MTC_ENTRY_NULL)
    mtc_bytes_append_text(out, "... null_entry\n");
  else
    mtc_bytes_append_format(out, "... tbs_cert_entry, %zu bytes, valid %s to %s\n", entry.len,
                            cli_format_time(tbs.not_before, from),
                            cli_format_time(tbs.not_after, to));
  return MTC_OK;
}

mtc_status inspect_bundle(const struct mtc_wire *wire, struct mtc_span octets,
                          struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(octets);
  struct mtc_span entry = {0};
  size_t num = 0;
  size_t start = out->len;
  if (octets.len == 0) return mtc_fail(error, MTC_INPUT, "the file is empty");
  mtc_bytes_append_format(out, "entry bundle (%s, %zu bytes)\n", wire->name, octets.len);
  for (; reader.len; num++) {
    mtc_status status = MTC_INPUT;
    if (num == MTC_TILE_WIDTH)
      status = mtc_fail(error, MTC_INPUT, "more than %d entries", MTC_TILE_WIDTH);
    else if (!mtc_read_prefixed(&reader, 2, &entry))
      status = mtc_fail(error, MTC_INPUT, "entry %zu is cut off", num);
    else
      status = describe_entry(wire, num, entry, out, error);
    if (status) {
      out->len = start;
      return status;
    }
  }
  return MTC_OK;
}

mtc_status inspect_checkpoint(const struct mtc_wire *wire, struct mtc_span text,
                              struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_checkpoint *checkpoint = mtc_alloc(1, sizeof *checkpoint);
  (void)wire;
  if (!checkpoint) return MTC_NOMEM;
  mtc_status status = mtc_checkpoint_parse(text, checkpoint, error);
  if (!status) {
    mtc_bytes_append_text(out, "checkpoint of ");
    mtc_bytes_append_span(out, checkpoint->origin);
    mtc_bytes_append_format(out,
                            "\ntree size: %llu\nroot: ", (unsigned long long)checkpoint->tree_size);
    mtc_bytes_append_hex(out, mtc_span_of(checkpoint->root.bytes, MTC_HASH_LEN));
    mtc_bytes_append_text(out, "\n");
    for (size_t i = 0; i < checkpoint->num_signatures; i++) {
      const struct mtc_note_signature *signature = &checkpoint->signatures[i];
      char time[32];
      mtc_bytes_append_text(out, "signature: ");
      mtc_bytes_append_span(out, signature->name);
      mtc_bytes_append_text(out, ", key ");
      mtc_bytes_append_hex(out, mtc_span_of(signature->key_id, 4));
      mtc_bytes_append_format(out, ", %s, %zu bytes\n",
                              cli_format_time((int64_t)signature->timestamp_s, time),
                              signature->signature.len);
    }
    mtc_checkpoint_free(checkpoint);
  }
  mtc_free(checkpoint);
  return status;
}

mtc_status inspect_landmarks(const struct mtc_wire *wire, struct mtc_span text,
                             struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LANDMARKS, sizeof *landmarks);
  size_t num = 0;
  if (!landmarks) return MTC_NOMEM;
  mtc_status status = mtc_landmarks_parse(wire, text, mtc_clock_now_ms() / 1000, landmarks,
                                          MAX_LANDMARKS, &num, error);
  if (!status) mtc_bytes_append_format(out, "landmarks (%s)\n", wire->name);
  for (size_t i = 0; !status && i < num; i++) {
    char time[32];
    mtc_bytes_append_format(out, "  %llu: tree size %llu", (unsigned long long)landmarks[i].number,
                            (unsigned long long)landmarks[i].tree_size);
    if (landmarks[i].expiry_s)
      mtc_bytes_append_format(out, ", expires %s", cli_format_time(landmarks[i].expiry_s, time));
    mtc_bytes_append_text(out, "\n");
  }
  mtc_free(landmarks);
  return status;
}

mtc_status inspect_properties(const struct mtc_wire *wire, struct mtc_span octets,
                              struct mtc_bytes *out, struct mtc_error *error) {
  size_t start = out->len;
  mtc_bytes_append_text(out, "certificate properties\n");
  mtc_status status = mtc_properties_describe(wire, octets, out, error);
  if (status) out->len = start;
  return status;
}
