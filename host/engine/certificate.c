/* Certificates on demand: entry, key, proof and signatures out of the store. */
#include "engine/engine.h"
#include "mtc/runtime.h"

#define MAX_SIGNATURES 16 /* that the store holds for one subtree */

/* The landmark subtree that contains `index`, of the lowest landmark that reaches it. */
static mtc_status landmark_subtree(struct mtc_engine *engine, uint64_t index,
                                   struct mtc_subtree *out, uint64_t *out_landmark,
                                   struct mtc_error *error) {
  struct mtc_landmark landmark, newest;
  struct mtc_subtree cover[2];
  uint64_t previous_size;
  size_t num;
  mtc_status status =
      mtc_store_find_landmark(engine->options.store, index, &landmark, &previous_size, error);
  if (!status) status = mtc_store_read_landmarks(engine->options.store, &newest, 1, &num, error);
  if (status) return status;
  if (!engine->options.wire->landmarks_have_expiry &&
      newest.number - landmark.number >= mtc_engine_max_active_landmarks(&engine->options))
    return mtc_fail(error, MTC_INPUT,
                    "landmark %llu, which contains entry %llu, is no longer active",
                    (unsigned long long)landmark.number, (unsigned long long)index);
  mtc_subtree_cover((struct mtc_subtree){previous_size, landmark.tree_size}, cover);
  *out = mtc_subtree_contains(cover[0], index) ? cover[0] : cover[1];
  *out_landmark = landmark.number;
  return MTC_OK;
}

static mtc_status append_proof(struct mtc_engine *engine, uint64_t tree_size, uint64_t index,
                               struct mtc_subtree subtree,
                               const struct mtc_subtree_signature *signatures,
                               size_t num_signatures, struct mtc_bytes *out,
                               struct mtc_error *error) {
  struct mtc_proof proof;
  struct mtc_tile_source tiles = mtc_store_tile_source(engine->options.store, tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  mtc_status status = mtc_tree_prove(&nodes, index, subtree, &proof);
  if (status)
    return mtc_fail(error, status == MTC_INPUT ? MTC_CORRUPT : status,
                    "no inclusion proof of entry %llu in [%llu, %llu) can be made",
                    (unsigned long long)index, (unsigned long long)subtree.start,
                    (unsigned long long)subtree.end);
  const struct mtc_mtcproof mtcproof = {
      .subtree = subtree, .hashes = mtc_span_of(proof.hashes, proof.num_hashes * MTC_HASH_LEN)};
  struct mtc_cosignature cosignatures[MAX_SIGNATURES];
  for (size_t i = 0; i < num_signatures; i++)
    cosignatures[i] = (struct mtc_cosignature){
        mtc_span_of(signatures[i].cosigner_id.bytes, signatures[i].cosigner_id.len),
        mtc_span_of_bytes(&signatures[i].signature)};
  return mtc_mtcproof_append(engine->options.wire, &mtcproof, cosignatures, num_signatures, out,
                             error);
}

/* An index beyond the committed log: has it been given to somebody? */
static mtc_status fail_uncommitted(struct mtc_engine *engine, uint64_t index,
                                   struct mtc_error *error) {
  pthread_mutex_lock(&engine->lock);
  bool is_given = index < engine->queue.first_index + engine->queue.num_slots;
  pthread_mutex_unlock(&engine->lock);
  if (is_given)
    return mtc_fail(error, MTC_BUSY, "entry %llu is not committed yet", (unsigned long long)index);
  return mtc_fail(error, MTC_INPUT, "the log has no entry %llu", (unsigned long long)index);
}

/* What a certificate is made of. */
struct parts {
  struct mtc_bytes entry, public_key, proof;
  uint64_t landmark;
  bool is_uncommitted;
};

/* *out_tree_size: of the committed tree, which contains the entry. */
static mtc_status read_entry(struct mtc_store *store, uint64_t index, uint64_t *out_tree_size,
                             struct parts *out, struct mtc_error *error) {
  struct mtc_log_state state;
  struct mtc_log_entry parsed;
  mtc_status status = mtc_store_state(store, &state, error);
  if (status) return status;
  *out_tree_size = state.head.tree_size;
  out->is_uncommitted = index >= state.head.tree_size;
  if (out->is_uncommitted) return MTC_INPUT;
  status = mtc_store_read_entry(store, index, &out->entry, &out->public_key, error);
  if (!status) status = mtc_log_entry_parse(mtc_span_of_bytes(&out->entry), &parsed, error);
  if (!status && parsed.type == MTC_ENTRY_NULL)
    status = mtc_fail(error, MTC_INPUT, "entry %llu is a null_entry: it has no certificate",
                      (unsigned long long)index);
  return status;
}

static mtc_status read_parts(struct mtc_engine *engine, uint64_t index, bool landmark,
                             struct parts *out, struct mtc_error *error) {
  struct mtc_store *store = engine->options.store;
  struct mtc_subtree_signature signatures[MAX_SIGNATURES];
  struct mtc_subtree subtree = {0, 0};
  size_t num_signatures = 0;
  uint64_t tree_size = 0;
  mtc_status status = read_entry(store, index, &tree_size, out, error);
  if (!status && landmark)
    status = landmark_subtree(engine, index, &subtree, &out->landmark, error);
  else if (!status)
    status = mtc_store_find_subtree(store, index, &subtree, error);
  if (!status && !landmark)
    status = mtc_store_read_signatures(store, subtree, false, signatures, MAX_SIGNATURES,
                                       &num_signatures, error);
  if (!status)
    status = append_proof(engine, tree_size, index, subtree, signatures, num_signatures,
                          &out->proof, error);
  for (size_t i = 0; i < num_signatures; i++)
    mtc_bytes_free(&signatures[i].signature);
  return status;
}

mtc_status mtc_engine_certificate(struct mtc_engine *engine, uint64_t index, bool landmark,
                                  struct mtc_bytes *out, uint64_t *out_landmark,
                                  struct mtc_error *error) {
  struct mtc_store *store = engine->options.store;
  struct parts parts = {0};
  mtc_status status = mtc_store_begin_reading(store, error);
  if (status) return status;
  status = read_parts(engine, index, landmark, &parts, error);
  status = mtc_store_end_reading(store, status, error);
  if (parts.is_uncommitted) status = fail_uncommitted(engine, index, error);
  if (!status)
    status = mtc_certificate_assemble(
        engine->options.wire, mtc_span_of_bytes(&parts.entry), mtc_span_of_bytes(&parts.public_key),
        engine->options.log_number, index, mtc_span_of_bytes(&parts.proof), out, error);
  if (!status && out_landmark) *out_landmark = parts.landmark;
  mtc_bytes_free(&parts.entry);
  mtc_bytes_free(&parts.public_key);
  mtc_bytes_free(&parts.proof);
  return status;
}
