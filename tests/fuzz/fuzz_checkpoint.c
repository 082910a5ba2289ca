/* Checkpoint notes: what was read, written and read again, is the same; writing is stable. */
#include "fuzz/fuzz.h"
#include "mtc/proof.h"

static void compare(const struct mtc_checkpoint *a, const struct mtc_checkpoint *b) {
  assert_same(a->origin, b->origin);
  assert(a->tree_size == b->tree_size && mtc_hash_equal(&a->root, &b->root));
  assert(a->num_signatures == b->num_signatures);
  for (size_t i = 0; i < a->num_signatures; i++) {
    const struct mtc_note_signature *left = &a->signatures[i], *right = &b->signatures[i];
    assert_same(left->name, right->name);
    assert(memcmp(left->key_id, right->key_id, sizeof left->key_id) == 0);
    assert(left->timestamp_s == right->timestamp_s);
    assert_same(left->signature, right->signature);
  }
}

/* Nothing was made up: every line that is written stands in the input. */
static void check_lines(struct mtc_span input, struct mtc_span written) {
  struct mtc_reader reader = mtc_reader_of(written);
  struct mtc_span line;
  while (reader.len) {
    assert(mtc_read_line(&reader, &line));
    assert(memmem(input.data, input.len, line.data, line.len + 1));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static struct mtc_checkpoint checkpoint, again;
  struct mtc_error error = {0};
  struct mtc_bytes note = {0}, second = {0};
  mtc_status status = mtc_checkpoint_parse(mtc_span_of(data, len), &checkpoint, &error);
  if (status) {
    assert_refused(status, &error);
    assert(!checkpoint.decoded.data);
    return 0;
  }
  assert(checkpoint.tree_size >> 48 == 0);
  mtc_checkpoint_append(&checkpoint, &note);
  check_lines(mtc_span_of(data, len), mtc_span_of_bytes(&note));
  /* Lines of kinds that we do not know are dropped; without signatures it is no signed note. */
  status = mtc_checkpoint_parse(mtc_span_of_bytes(&note), &again, &error);
  if (checkpoint.num_signatures) {
    assert(status == MTC_OK);
    compare(&checkpoint, &again);
    mtc_checkpoint_append(&again, &second);
    assert_built(&second, mtc_span_of_bytes(&note));
    mtc_checkpoint_free(&again);
  } else {
    assert_refused(status, &error);
  }
  mtc_checkpoint_free(&checkpoint);
  mtc_bytes_free(&note);
  return 0;
}
