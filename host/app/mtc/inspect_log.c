/* Files of a published log in words: bundles, checkpoints, landmarks; and property lists. */
#include <string.h>

#include "app/mtc/cli.h"
#include "app/mtc/inspect.h"

#define MAX_LANDMARKS 4096

static mtc_status describe_entry(const struct mtc_wire *wire, size_t number, struct mtc_span entry,
                                 struct mtc_bytes *out, json_t *entries, struct mtc_error *error) {
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
  bool is_null = parsed.type == MTC_ENTRY_NULL;
  json_t *object = json_pack("{s:s, s:o}", "type", is_null ? "null_entry" : "tbs_cert_entry",
                             "leaf_hash", inspection_hex(mtc_span_of(hash.bytes, MTC_HASH_LEN)));
  if (is_null) {
    mtc_bytes_append_text(out, "... null_entry\n");
  } else {
    mtc_bytes_append_format(out, "... tbs_cert_entry, %zu bytes, valid %s to %s\n", entry.len,
                            cli_format_time(tbs.not_before, from),
                            cli_format_time(tbs.not_after, to));
    (void)json_object_set_new(object, "not_before", json_string(from));
    (void)json_object_set_new(object, "not_after", json_string(to));
  }
  (void)json_array_append_new(entries, object);
  return MTC_OK;
}

mtc_status inspect_bundle(const struct mtc_wire *wire, struct mtc_span octets,
                          struct inspection *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(octets);
  struct mtc_span entry = {0};
  size_t num = 0;
  if (octets.len == 0) return mtc_fail(error, MTC_INPUT, "the file is empty");
  json_t *entries = json_array();
  mtc_bytes_append_format(&out->text, "entry bundle (%s, %zu bytes)\n", wire->name, octets.len);
  for (; reader.len; num++) {
    mtc_status status = MTC_INPUT;
    if (num == MTC_TILE_WIDTH)
      status = mtc_fail(error, MTC_INPUT, "more than %d entries", MTC_TILE_WIDTH);
    else if (!mtc_read_prefixed(&reader, 2, &entry))
      status = mtc_fail(error, MTC_INPUT, "entry %zu is cut off", num);
    else
      status = describe_entry(wire, num, entry, &out->text, entries, error);
    if (status) {
      json_decref(entries);
      return status;
    }
  }
  inspection_add(out, json_pack("{s:s, s:s, s:o}", "kind", "bundle", "wire_version", wire->name,
                                "entries", entries));
  return MTC_OK;
}

static void describe_signature(const struct mtc_note_signature *signature, struct mtc_bytes *out,
                               json_t *signatures) {
  char time[32];
  (void)cli_format_time((int64_t)signature->timestamp_s, time);
  mtc_bytes_append_text(out, "signature: ");
  mtc_bytes_append_span(out, signature->name);
  mtc_bytes_append_text(out, ", key ");
  mtc_bytes_append_hex(out, mtc_span_of(signature->key_id, 4));
  mtc_bytes_append_format(out, ", %s, %zu bytes\n", time, signature->signature.len);
  (void)json_array_append_new(
      signatures,
      json_pack("{s:s%, s:o, s:I, s:I}", "name", (const char *)signature->name.data,
                signature->name.len, "key_id", inspection_hex(mtc_span_of(signature->key_id, 4)),
                "timestamp", (json_int_t)signature->timestamp_s, "signature_len",
                (json_int_t)signature->signature.len));
}

mtc_status inspect_checkpoint(const struct mtc_wire *wire, struct mtc_span text,
                              struct inspection *out, struct mtc_error *error) {
  struct mtc_checkpoint *checkpoint = mtc_alloc(1, sizeof *checkpoint);
  (void)wire;
  if (!checkpoint) return MTC_NOMEM;
  mtc_status status = mtc_checkpoint_parse(text, checkpoint, error);
  if (!status) {
    struct mtc_span root = mtc_span_of(checkpoint->root.bytes, MTC_HASH_LEN);
    json_t *signatures = json_array();
    mtc_bytes_append_text(&out->text, "checkpoint of ");
    mtc_bytes_append_span(&out->text, checkpoint->origin);
    mtc_bytes_append_format(&out->text,
                            "\ntree size: %llu\nroot: ", (unsigned long long)checkpoint->tree_size);
    mtc_bytes_append_hex(&out->text, root);
    mtc_bytes_append_text(&out->text, "\n");
    for (size_t i = 0; i < checkpoint->num_signatures; i++)
      describe_signature(&checkpoint->signatures[i], &out->text, signatures);
    inspection_add(out, json_pack("{s:s, s:s%, s:I, s:o, s:o}", "kind", "checkpoint", "origin",
                                  (const char *)checkpoint->origin.data, checkpoint->origin.len,
                                  "tree_size", (json_int_t)checkpoint->tree_size, "root",
                                  inspection_hex(root), "signatures", signatures));
    mtc_checkpoint_free(checkpoint);
  }
  mtc_free(checkpoint);
  return status;
}

mtc_status inspect_landmarks(const struct mtc_wire *wire, struct mtc_span text,
                             struct inspection *out, struct mtc_error *error) {
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LANDMARKS, sizeof *landmarks);
  size_t num = 0;
  if (!landmarks) return MTC_NOMEM;
  mtc_status status = mtc_landmarks_parse(wire, text, mtc_clock_now_ms() / 1000, landmarks,
                                          MAX_LANDMARKS, &num, error);
  if (!status) {
    json_t *list = json_array();
    mtc_bytes_append_format(&out->text, "landmarks (%s)\n", wire->name);
    for (size_t i = 0; i < num; i++) {
      const struct mtc_landmark *landmark = &landmarks[i];
      char time[32];
      mtc_bytes_append_format(&out->text, "  %llu: tree size %llu",
                              (unsigned long long)landmark->number,
                              (unsigned long long)landmark->tree_size);
      if (landmark->expiry_s)
        mtc_bytes_append_format(&out->text, ", expires %s",
                                cli_format_time(landmark->expiry_s, time));
      mtc_bytes_append_text(&out->text, "\n");
      (void)json_array_append_new(
          list,
          json_pack("{s:I, s:I, s:I}", "number", (json_int_t)landmark->number, "tree_size",
                    (json_int_t)landmark->tree_size, "expiry", (json_int_t)landmark->expiry_s));
    }
    inspection_add(out, json_pack("{s:s, s:s, s:o}", "kind", "landmarks", "wire_version",
                                  wire->name, "landmarks", list));
  }
  mtc_free(landmarks);
  return status;
}

/* A line per property, "name value" or "name". */
static json_t *properties_object(struct mtc_span lines) {
  struct mtc_reader reader = mtc_reader_of(lines);
  json_t *object = json_pack("{s:s}", "kind", "properties");
  struct mtc_span line;
  while (mtc_read_line(&reader, &line)) {
    const char *text = (const char *)line.data, *space = memchr(text, ' ', line.len);
    size_t name_len = space ? (size_t)(space - text) : line.len;
    (void)json_object_setn_new(
        object, text, name_len,
        space ? json_stringn(space + 1, line.len - name_len - 1) : json_true());
  }
  return object;
}

mtc_status inspect_properties(const struct mtc_wire *wire, struct mtc_span octets,
                              struct inspection *out, struct mtc_error *error) {
  struct mtc_bytes lines = {0};
  mtc_status status = mtc_properties_describe(wire, octets, &lines, error);
  if (!status) {
    mtc_bytes_append_text(&out->text, "certificate properties\n");
    mtc_bytes_append_span(&out->text, mtc_span_of_bytes(&lines));
    inspection_add(out, properties_object(mtc_span_of_bytes(&lines)));
  }
  mtc_bytes_free(&lines);
  return status;
}
