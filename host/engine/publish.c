/* COMMIT, PUBLISH, COSIGN, CERTIFY: the signed batch becomes the log's head, and its waiters hear.
 */
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

mtc_status batch_commit(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_log_state state;
  if (batch->attempts) {
    /* An earlier attempt may have become durable although it reported a failure. */
    mtc_status status = mtc_store_state(engine->options.store, &state, error);
    if (status) return status;
    if (!state.has_pending && state.head.tree_size == batch->head.tree_size &&
        mtc_hash_equal(&state.head.root, &batch->head.root))
      return MTC_OK;
  }
  return mtc_store_commit(engine->options.store, batch->old_size, &batch->head, batch->signatures,
                          batch->num_signatures, error);
}

mtc_status engine_make_note(struct mtc_engine *engine, const struct mtc_head *head,
                            const struct mtc_subtree_signature *signatures, size_t num,
                            struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes origin = {0}, name = {0};
  struct mtc_checkpoint *note = mtc_alloc(1, sizeof *note);
  mtc_status status = MTC_OK;
  if (!note) return MTC_NOMEM;
  mtc_tai_append_origin(&engine->log_id, &origin);
  mtc_tai_append_origin(&engine->options.ca_id, &name);
  if (!status) status = mtc_bytes_status(&origin);
  if (!status) status = mtc_bytes_status(&name);
  note->origin = mtc_span_of_bytes(&origin);
  note->tree_size = head->tree_size;
  note->root = head->root;
  for (size_t i = 0; !status && i < num; i++) {
    /* Cosigners' own lines come with the cosigner layer; this one is the CA's. */
    if (mtc_tai_compare(&signatures[i].cosigner_id, &engine->options.ca_id) != 0) continue;
    struct mtc_note_signature *line = &note->signatures[note->num_signatures++];
    line->name = mtc_span_of_bytes(&name);
    memcpy(line->key_id, engine->key_id, sizeof line->key_id);
    line->timestamp_s = (uint64_t)head->timestamp_s;
    line->signature = mtc_span_of_bytes(&signatures[i].signature);
  }
  if (!status && note->num_signatures == 0)
    status = mtc_fail(error, MTC_CORRUPT, "the checkpoint of size %llu has no CA signature",
                      (unsigned long long)head->tree_size);
  if (!status) mtc_checkpoint_append(note, out);
  if (!status) status = mtc_bytes_status(out);
  mtc_bytes_free(&origin);
  mtc_bytes_free(&name);
  mtc_free(note);
  return status;
}

/* The signed checkpoint note of a committed head. */
static mtc_status checkpoint_note(struct mtc_engine *engine, const struct mtc_head *head,
                                  struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_subtree_signature signatures[16];
  size_t num = 0;
  mtc_status status =
      mtc_store_read_signatures(engine->options.store, (struct mtc_subtree){0, head->tree_size},
                                true, signatures, 16, &num, error);
  if (!status) status = engine_make_note(engine, head, signatures, num, out, error);
  for (size_t i = 0; i < num; i++)
    mtc_bytes_free(&signatures[i].signature);
  return status;
}

mtc_status engine_read_published(struct mtc_engine *engine, bool *out_found, struct mtc_head *out,
                                 struct mtc_error *error) {
  struct mtc_bytes origin = {0};
  mtc_tai_append_origin(&engine->log_id, &origin);
  mtc_status status = mtc_bytes_status(&origin);
  if (!status)
    status = mtc_publish_read_checkpoint(engine->publish_folder, engine->options.log_number,
                                         mtc_span_of_bytes(&origin), out_found, out, error);
  mtc_bytes_free(&origin);
  return status;
}

mtc_status batch_publish(struct mtc_engine *engine, struct mtc_error *error) {
  const struct mtc_head *head = &engine->batch.head;
  struct mtc_log_state state;
  struct mtc_head published;
  struct mtc_bytes note = {0};
  bool found;
  mtc_status status = mtc_store_state(engine->options.store, &state, error);
  if (!status) status = engine_read_published(engine, &found, &published, error);
  if (status) return status;
  /* A folder that was emptied, or put back from an older copy, is filled up again. */
  uint64_t from = state.published_size;
  if (published.tree_size < from) from = published.tree_size;
  status = mtc_publish_tree(engine->options.store, engine->publish_folder,
                            engine->options.log_number, from, head, error);
  if (!status && from < state.published_size) status = engine_publish_landmarks(engine, error);
  if (!status) status = checkpoint_note(engine, head, &note, error);
  if (!status)
    status = mtc_publish_checkpoint(engine->publish_folder, engine->options.log_number,
                                    mtc_span_of_bytes(&note), error);
  if (!status) status = mtc_store_set_published(engine->options.store, head->tree_size, error);
  mtc_bytes_free(&note);
  return status;
}

mtc_status batch_cosign(struct mtc_engine *engine, struct mtc_error *error) {
  /* No cosigner besides the CA itself can be configured yet: its quorum is met. */
  (void)engine;
  (void)error;
  return MTC_OK;
}

mtc_status batch_certify(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  (void)error;
  engine->frontier = batch->frontier;
  pthread_mutex_lock(&engine->lock);
  for (size_t i = 0; i < batch->num_entries; i++) {
    if (batch->items[i]) request_remove(engine, batch->items[i]);
  }
  engine->stats.tree_size = batch->head.tree_size;
  engine->stats.num_batches++;
  engine->stats.num_entries += batch->num_entries;
  engine->stats.last_batch_ms = mtc_clock_monotonic_ms() - batch->sealed_ms;
  pthread_mutex_unlock(&engine->lock);
  /* Nobody can join these items any more: from here on the store answers their keys. */
  for (size_t i = 0; i < batch->num_entries; i++) {
    if (batch->items[i]) item_answer(batch->items[i], MTC_OK, engine->options.log_number, NULL);
  }
  return MTC_OK;
}
