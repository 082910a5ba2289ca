/* Checkpoints as signed notes, and the key IDs of their signature lines. */
#include <string.h>

#include "entry/utf8.h"
#include "mtc/proof.h"

/*
 *   <origin>\n
 *   <tree size>\n
 *   base64(<root>)\n
 *   {<extension line>\n}
 *   \n
 *   {— <name> base64(u32 key ID || u64 timestamp || signature)\n}
 *
 * Source: c2sp.org/signed-note, /tlog-checkpoint, /tlog-cosignature
 */
#define MAX_TREE_SIZE (MTC_MAX_INDEX + 1)
#define KEY_ID_LEN 4
#define TIMESTAMP_LEN 8

static const char em_dash[] = "\xE2\x80\x94 ";

void mtc_checkpoint_append(const struct mtc_checkpoint *checkpoint, struct mtc_bytes *out) {
  mtc_bytes_append_span(out, checkpoint->origin);
  mtc_bytes_append_format(out, "\n%llu\n", (unsigned long long)checkpoint->tree_size);
  mtc_bytes_append_base64(out, mtc_span_of(checkpoint->root.bytes, sizeof checkpoint->root.bytes));
  mtc_bytes_append_text(out, "\n\n");
  struct mtc_bytes blob = {0};
  for (size_t i = 0; i < checkpoint->num_signatures; i++) {
    const struct mtc_note_signature *signature = &checkpoint->signatures[i];
    mtc_bytes_clear(&blob);
    mtc_bytes_append(&blob, signature->key_id, KEY_ID_LEN);
    mtc_bytes_append_uint(&blob, signature->timestamp_s, TIMESTAMP_LEN);
    mtc_bytes_append_span(&blob, signature->signature);
    if (blob.failed) out->failed = true;
    mtc_bytes_append_text(out, em_dash);
    mtc_bytes_append_span(out, signature->name);
    mtc_bytes_append_text(out, " ");
    mtc_bytes_append_base64(out, mtc_span_of_bytes(&blob));
    mtc_bytes_append_text(out, "\n");
  }
  mtc_bytes_free(&blob);
}

/* The note's own rule: UTF-8 without ASCII control characters. */
static bool is_note_text(struct mtc_span line) {
  struct mtc_reader reader = mtc_reader_of(line);
  uint32_t value;
  while (reader.len) {
    if (!mtc_utf8_next(&reader, &value) || value < 0x20) return false;
  }
  return true;
}

static bool is_space(uint32_t value) {
  static const uint32_t spaces[] = {0x20,   0x85,   0xA0,   0x1680, 0x2028,
                                    0x2029, 0x202F, 0x205F, 0x3000};
  for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
    if (value == spaces[i]) return true;
  }
  return value >= 0x2000 && value <= 0x200A;
}

static bool is_key_name(struct mtc_span name) {
  struct mtc_reader reader = mtc_reader_of(name);
  uint32_t value;
  while (reader.len) {
    if (!mtc_utf8_next(&reader, &value) || is_space(value) || value == '+') return false;
  }
  return name.len != 0;
}

/*
 * Reads one signature line. One that is well-formed but cannot be a timestamped cosignature is of a
 * kind we do not know, which signed-note tells us to ignore.
 */
static mtc_status parse_signature(struct mtc_span line, struct mtc_checkpoint *out,
                                  const char **out_problem) {
  size_t dash_len = sizeof em_dash - 1;
  *out_problem = "a signature line begins with an em dash and a space";
  if (line.len < dash_len || memcmp(line.data, em_dash, dash_len) != 0) return MTC_INPUT;
  struct mtc_span rest = {line.data + dash_len, line.len - dash_len};
  const uint8_t *space = rest.len ? memchr(rest.data, ' ', rest.len) : NULL;
  struct mtc_span name = {rest.data, space ? (size_t)(space - rest.data) : 0};
  *out_problem = "the key name is empty or has a space or plus sign in it";
  if (!space || !is_key_name(name)) return MTC_INPUT;
  struct mtc_span base64 = {space + 1, rest.len - name.len - 1};
  size_t begin = out->decoded.len;
  *out_problem = "the signature is not base64";
  mtc_status status = mtc_bytes_append_decoded_base64(&out->decoded, base64);
  if (status) return status;
  size_t len = out->decoded.len - begin;
  *out_problem = "the signature is shorter than a key ID and one byte";
  if (len <= KEY_ID_LEN) return MTC_INPUT;
  struct mtc_reader reader = {out->decoded.data + begin, len};
  struct mtc_span key_id;
  uint64_t timestamp_s;
  if (!mtc_read_span(&reader, KEY_ID_LEN, &key_id) ||
      !mtc_read_uint(&reader, TIMESTAMP_LEN, &timestamp_s) || reader.len == 0 ||
      timestamp_s > INT64_MAX) {
    return MTC_OK;
  }
  struct mtc_note_signature *signature = &out->signatures[out->num_signatures++];
  signature->name = name;
  memcpy(signature->key_id, key_id.data, KEY_ID_LEN);
  signature->timestamp_s = timestamp_s;
  signature->signature = mtc_span_of(reader.data, reader.len);
  return MTC_OK;
}

static mtc_status fail_line(struct mtc_error *error, size_t line, const char *problem) {
  return mtc_fail(error, MTC_INPUT, "checkpoint line %zu: %s", line, problem);
}

static mtc_status parse_root(struct mtc_span base64, struct mtc_hash *out) {
  struct mtc_bytes root = {0};
  mtc_status status = mtc_bytes_append_decoded_base64(&root, base64);
  if (!status && root.len != sizeof out->bytes) status = MTC_INPUT;
  if (!status) memcpy(out->bytes, root.data, sizeof out->bytes);
  mtc_bytes_free(&root);
  return status;
}

static mtc_status parse_body(struct mtc_reader *reader, size_t *line_number,
                             struct mtc_checkpoint *out, struct mtc_error *error) {
  for (;;) {
    struct mtc_span line;
    size_t number = ++*line_number;
    if (!mtc_read_line(reader, &line)) {
      return fail_line(error, number, "the note ends before its blank line");
    }
    if (!is_note_text(line)) {
      return fail_line(error, number, "not UTF-8, or a control character");
    }
    if (number == 1) {
      if (line.len == 0) return fail_line(error, number, "the origin is empty");
      out->origin = line;
    } else if (number == 2) {
      if (!mtc_parse_decimal(line, MAX_TREE_SIZE, &out->tree_size)) {
        return fail_line(error, number, "the tree size is not a decimal number up to 2^48-1");
      }
    } else if (number == 3) {
      mtc_status status = parse_root(line, &out->root);
      if (status == MTC_INPUT) {
        return fail_line(error, number, "the root is not the base64 of 32 bytes");
      }
      if (status) return mtc_fail(error, status, "checkpoint: out of memory");
    } else if (line.len == 0) {
      return MTC_OK; /* lines between root and blank line are extensions, opaque to us */
    }
  }
}

static mtc_status parse_signatures(struct mtc_reader *reader, size_t line_number,
                                   struct mtc_checkpoint *out, struct mtc_error *error) {
  size_t max_lines = sizeof out->signatures / sizeof out->signatures[0];
  if (reader->len == 0) return fail_line(error, line_number + 1, "the note has no signature");
  for (size_t i = 0; reader->len; i++) {
    struct mtc_span line;
    const char *problem;
    line_number++;
    if (i == max_lines) return fail_line(error, line_number, "more than 64 signature lines");
    if (!mtc_read_line(reader, &line)) {
      return fail_line(error, line_number, "the line does not end in LF");
    }
    if (!is_note_text(line)) {
      return fail_line(error, line_number, "not UTF-8, or a control character");
    }
    mtc_status status = parse_signature(line, out, &problem);
    if (status == MTC_INPUT) return fail_line(error, line_number, problem);
    if (status) return mtc_fail(error, status, "checkpoint: out of memory");
  }
  return MTC_OK;
}

mtc_status mtc_checkpoint_parse(struct mtc_span note, struct mtc_checkpoint *out,
                                struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(note);
  size_t line_number = 0;
  *out = (struct mtc_checkpoint){0};
  /* All signatures decode into this one room, so that it never moves under their spans. */
  if (!mtc_bytes_reserve(&out->decoded, note.len)) {
    mtc_checkpoint_free(out);
    return mtc_fail(error, MTC_NOMEM, "checkpoint: out of memory");
  }
  mtc_status status = parse_body(&reader, &line_number, out, error);
  if (!status) status = parse_signatures(&reader, line_number, out, error);
  if (status) mtc_checkpoint_free(out);
  return status;
}

void mtc_checkpoint_free(struct mtc_checkpoint *checkpoint) {
  mtc_bytes_free(&checkpoint->decoded);
  *checkpoint = (struct mtc_checkpoint){0};
}

mtc_status mtc_note_key_id(struct mtc_span name, struct mtc_span public_key,
                           uint8_t out_key_id[4]) {
  /* Of an ML-DSA-44 SubjectPublicKeyInfo, the last 1312 bytes are the raw key. */
  enum { MLDSA44_RAW_LEN = 1312 };
  enum mtc_algorithm algorithm = mtc_algorithm_of_public_key(public_key);
  if (!is_key_name(name) || algorithm == MTC_ALGORITHM_NONE) return MTC_INPUT;
  const bool is_assigned = algorithm == MTC_ALGORITHM_MLDSA44;
  const struct mtc_span assigned[] = {
      name, mtc_span_of("\n\x06", 2),
      mtc_span_of(public_key.data + public_key.len - MLDSA44_RAW_LEN, MLDSA44_RAW_LEN)};
  const struct mtc_span unassigned[] = {name,
                                        mtc_span_of_text("\n\xff"
                                                         "subtree/v1 "),
                                        mtc_span_of_text(mtc_algorithm_name(algorithm)),
                                        mtc_span_of_text("\n"), public_key};
  struct mtc_hash hash;
  if (is_assigned)
    mtc_hash_parts(assigned, sizeof assigned / sizeof *assigned, &hash);
  else
    mtc_hash_parts(unassigned, sizeof unassigned / sizeof *unassigned, &hash);
  memcpy(out_key_id, hash.bytes, KEY_ID_LEN);
  return MTC_OK;
}
