/* SIGN: the checkpoint (with its time) and the covering subtrees (time 0) of the pending batch. */
#include "engine/engine.h"
#include "mtc/runtime.h"

mtc_status engine_sign(struct mtc_engine *engine, struct mtc_subtree subtree,
                       const struct mtc_hash *hash, uint64_t timestamp_s, struct mtc_bytes *out,
                       struct mtc_error *error) {
  struct mtc_bytes message = {0};
  mtc_status status = mtc_cosigned_message_append(&engine->options.ca_id, &engine->log_id,
                                                  timestamp_s, subtree, hash, &message);
  if (!status)
    status = mtc_signer_sign(engine->options.signer, mtc_span_of_bytes(&message), out, error);
  mtc_bytes_free(&message);
  return status
             ? mtc_fail_within(error, status, "signing [%llu, %llu)",
                               (unsigned long long)subtree.start, (unsigned long long)subtree.end)
             : MTC_OK;
}

static mtc_status sign_subtree(struct mtc_engine *engine, struct mtc_subtree subtree,
                               bool is_checkpoint, const struct mtc_hash *hash,
                               struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_subtree_signature *signature = &batch->signatures[batch->num_signatures];
  *signature = (struct mtc_subtree_signature){
      .subtree = subtree, .is_checkpoint = is_checkpoint, .cosigner_id = engine->options.ca_id};
  mtc_status status =
      engine_sign(engine, subtree, hash, is_checkpoint ? (uint64_t)batch->head.timestamp_s : 0,
                  &signature->signature, error);
  if (status)
    mtc_bytes_free(&signature->signature);
  else
    batch->num_signatures++;
  return status;
}

mtc_status batch_sign(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_subtree cover[2];
  struct mtc_tile_source tiles =
      mtc_store_tile_source(engine->options.store, batch->head.tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  const struct mtc_subtree tree = {0, batch->head.tree_size};
  struct mtc_hash hash;
  /* What is signed is what the store would give anybody: read back, not remembered. */
  mtc_status status = mtc_tree_hash(&nodes, tree, &hash);
  if (status) return mtc_fail(error, status, "the staged tiles cannot be read");
  if (!mtc_hash_equal(&hash, &batch->head.root))
    return mtc_fail(error, MTC_CORRUPT, "the staged tiles of size %llu do not give the staged root",
                    (unsigned long long)tree.end);
  if (batch->num_signatures == 0) status = sign_subtree(engine, tree, true, &hash, error);
  mtc_subtree_cover((struct mtc_subtree){batch->old_size, batch->head.tree_size}, cover);
  for (size_t i = 0; !status && i < 2; i++) {
    if (cover[i].start == cover[i].end || batch->num_signatures > i + 1) continue;
    status = mtc_tree_hash(&nodes, cover[i], &hash);
    if (!status) status = sign_subtree(engine, cover[i], false, &hash, error);
  }
  return status;
}
