/* STAGE: a batch becomes durable before anything of it is signed. */
#include "mtc/runtime.h"
#include "store/internal.h"

#define MAX_BATCH (UINT64_C(1) << 20)

static mtc_status check_shape(const struct mtc_stage *stage, struct mtc_error *error) {
  uint64_t start = stage->old_size, end = stage->head.tree_size;
  if (end <= start || end - start > MAX_BATCH || end > MTC_MAX_INDEX + 1) {
    return mtc_fail(error, MTC_INPUT, "a batch cannot go from %llu to %llu entries",
                    (unsigned long long)start, (unsigned long long)end);
  }
  const struct mtc_hash_result *nodes = stage->nodes;
  bool fits = nodes->start == start && nodes->end == end;
  for (unsigned level = 0; fits && level < MTC_LEVELS; level += MTC_TILE_HEIGHT) {
    uint64_t first = start >> level;
    fits = nodes->first[level] == first && nodes->num_nodes[level] == (end >> level) - first &&
           (nodes->num_nodes[level] == 0 || nodes->nodes[level]);
  }
  if (fits) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "the hashes are not those of entries %llu to %llu",
                  (unsigned long long)start, (unsigned long long)end);
}

/* Parses one entry and raises *max_not_after where it expires later. */
static mtc_status check_entry(struct mtc_store *store, struct mtc_span entry,
                              struct mtc_span public_key, int64_t *max_not_after,
                              struct mtc_error *error) {
  struct mtc_log_entry parsed;
  struct mtc_tbs_entry tbs;
  mtc_status status = mtc_log_entry_parse(entry, &parsed, error);
  if (status) return status;
  bool is_null = parsed.type == MTC_ENTRY_NULL;
  if (public_key.len > MTC_MAX_ENTRY_LEN || is_null != (public_key.len == 0)) {
    return mtc_fail(error, MTC_INPUT, "a public key of %zu bytes for %s entry", public_key.len,
                    is_null ? "a null" : "a certificate's");
  }
  if (is_null) return MTC_OK;
  status = mtc_tbs_entry_parse(store->wire, &store->ca_id, parsed.tbs, &tbs, error);
  if (!status && tbs.not_after > *max_not_after) *max_not_after = tbs.not_after;
  return status;
}

static mtc_status check_entries(struct mtc_store *store, const struct mtc_stage *stage,
                                int64_t *max_not_after, struct mtc_error *error) {
  uint64_t num_entries = stage->head.tree_size - stage->old_size;
  for (uint64_t i = 0; i < num_entries; i++) {
    mtc_status status =
        check_entry(store, stage->entries[i], stage->public_keys[i], max_not_after, error);
    if (status) {
      return mtc_fail_within(error, status, "entry %llu", (unsigned long long)stage->old_size + i);
    }
  }
  return MTC_OK;
}

static mtc_status check_place(struct mtc_store *store, const struct mtc_stage *stage,
                              struct mtc_error *error) {
  struct mtc_log_state state;
  mtc_status status = mtc_store_load_state(store, &state, error);
  if (status) return status;
  if (state.head.tree_size != stage->old_size) {
    return mtc_fail(error, MTC_INPUT, "the batch begins at %llu, but the log has %llu entries",
                    (unsigned long long)stage->old_size, (unsigned long long)state.head.tree_size);
  }
  if (state.has_pending) {
    return mtc_fail(error, MTC_BUSY,
                    "the checkpoint of tree size %llu is pending: it must be committed first",
                    (unsigned long long)state.pending.tree_size);
  }
  return MTC_OK;
}

static mtc_status insert_pending(struct mtc_store *store, const struct mtc_head *head,
                                 struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO checkpoints(log_number, tree_size, root, timestamp_s, state)"
                 " VALUES(?, ?, ?, ?, 'pending')",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, head->tree_size);
  mtc_query_bind_blob(&query, 3, mtc_span_of(head->root.bytes, MTC_HASH_LEN));
  mtc_query_bind_int(&query, 4, head->timestamp_s);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

static mtc_status raise_max_not_after(struct mtc_store *store, int64_t max_not_after,
                                      struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "UPDATE logs SET max_not_after = ?1 WHERE log_number = ?2 AND max_not_after < ?1",
                 error);
  mtc_query_bind_int(&query, 1, max_not_after);
  mtc_query_bind_uint(&query, 2, store->log_number);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

/* A root that the tiles do not lead to, once signed, would end the log: the last place to see it.
 */
static mtc_status check_root(struct mtc_store *store, const struct mtc_head *head,
                             struct mtc_error *error) {
  struct mtc_hash root;
  mtc_status status = mtc_tiles_root(store, head->tree_size, &root, error);
  if (status || mtc_hash_equal(&root, &head->root)) return status;
  return mtc_fail(error, MTC_INPUT, "the hashes of the batch do not lead to the root of size %llu",
                  (unsigned long long)head->tree_size);
}

static mtc_status write_batch(struct mtc_store *store, const struct mtc_stage *stage,
                              int64_t max_not_after, struct mtc_error *error) {
  struct mtc_subtree batch = {stage->old_size, stage->head.tree_size};
  mtc_status status = check_place(store, stage, error);
  if (!status) status = mtc_tiles_write(store, stage->nodes, error);
  if (!status) status = check_root(store, &stage->head, error);
  if (!status) status = mtc_bundles_write(store, stage, error);
  if (!status) {
    status = mtc_requests_insert(store, stage->requests, stage->num_requests, batch, error);
  }
  if (!status) status = mtc_reservations_clear(store, batch.end, error);
  if (!status) status = raise_max_not_after(store, max_not_after, error);
  if (!status) status = insert_pending(store, &stage->head, error);
  /* A crash here leaves nothing of the batch; after the commit, all of it, and recovery signs it.
   */
  if (!status) mtc_fault_point("store.stage");
  return status;
}

mtc_status mtc_store_stage(struct mtc_store *store, const struct mtc_stage *stage,
                           struct mtc_error *error) {
  int64_t max_not_after = 0;
  mtc_status status = check_shape(stage, error);
  if (!status) status = check_entries(store, stage, &max_not_after, error);
  if (status) return status;
  status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = write_batch(store, stage, max_not_after, error);
  return mtc_store_end(store, status, error);
}
