/* SEAL, HASH, STAGE: from the front of the queue to durable bytes. */
#include <string.h>

#include "engine/engine.h"
#include "hash/hasher.h"
#include "mtc/runtime.h"

static const uint8_t null_entry[4];

void batch_clear(struct batch *batch) {
  for (size_t i = 0; i < batch->num_entries; i++) {
    if (batch->items) item_free(batch->items[i]);
  }
  mtc_free(batch->items);
  mtc_free(batch->entries);
  mtc_free(batch->public_keys);
  mtc_hash_result_free(&batch->nodes);
  for (size_t i = 0; i < sizeof batch->signatures / sizeof *batch->signatures; i++)
    mtc_bytes_free(&batch->signatures[i].signature);
  memset(batch, 0, sizeof *batch);
}

/* Gives the batch its entries; their indices became theirs when they were queued. */
mtc_status batch_seal(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  size_t num = engine->num_due;
  pthread_mutex_lock(&engine->lock);
  batch->items = mtc_alloc(num, sizeof *batch->items);
  batch->entries = mtc_alloc(num, sizeof *batch->entries);
  batch->public_keys = mtc_alloc(num, sizeof *batch->public_keys);
  if (!batch->items || !batch->entries || !batch->public_keys) {
    pthread_mutex_unlock(&engine->lock);
    batch_clear(batch);
    return mtc_fail(error, MTC_NOMEM, "a batch of %zu entries: out of memory", num);
  }
  batch->old_size = engine->queue.first_index;
  batch->num_entries = num;
  batch->sealed_ms = mtc_clock_monotonic_ms();
  for (size_t i = 0; i < num; i++) {
    struct item *item = queue_at(&engine->queue, i)->item;
    batch->items[i] = item;
    batch->entries[i] =
        item ? mtc_span_of_bytes(&item->entry) : mtc_span_of(null_entry, sizeof null_entry);
    if (item) batch->public_keys[i] = mtc_span_of_bytes(&item->public_key);
    if (!item) engine->stats.num_null_entries++;
  }
  queue_pop(&engine->queue, num);
  engine->stats.num_waiting = engine->queue.num_items;
  pthread_mutex_unlock(&engine->lock);
  return MTC_OK;
}

/* The frontier after the batch, from its leaf hashes alone. */
static void extend_frontier(const struct mtc_frontier *before, const struct mtc_hash_result *nodes,
                            struct mtc_frontier *out) {
  *out = *before;
  for (size_t i = 0; i < nodes->num_nodes[0]; i++)
    mtc_frontier_append(out, &nodes->nodes[0][i]);
}

/* Tells whether the interior nodes that were delivered are those of the leaf hashes' frontier. */
static bool nodes_agree(const struct mtc_frontier *after, const struct mtc_hash_result *nodes) {
  for (uint64_t rest = after->tree_size; rest; rest &= rest - 1) {
    unsigned level = (unsigned)__builtin_ctzll(rest);
    uint64_t index = (after->tree_size >> level) - 1;
    if (index < nodes->first[level]) continue; /* it was there before */
    if (!mtc_hash_equal(&nodes->nodes[level][index - nodes->first[level]], &after->peaks[level]))
      return false;
  }
  return true;
}

mtc_status batch_hash(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  const struct mtc_hash_job job = {&engine->frontier, batch->entries, batch->num_entries};
  mtc_hash_result_free(&batch->nodes);
  mtc_status status = mtc_hasher_run_large(engine->options.hasher, &job, &batch->nodes, error);
  if (status) return status;
  extend_frontier(&engine->frontier, &batch->nodes, &batch->frontier);
  if (!nodes_agree(&batch->frontier, &batch->nodes)) {
    /* Whatever let this through, a tree that nobody can reproduce must not be signed. */
    mtc_log(MTC_LOG_ERROR, "hash_mismatch", "start=%llu end=%llu action=rehashed_on_cpu",
            (unsigned long long)batch->nodes.start, (unsigned long long)batch->nodes.end);
    mtc_hash_on_cpu(&job, &batch->nodes);
    extend_frontier(&engine->frontier, &batch->nodes, &batch->frontier);
  }
  return MTC_OK;
}

static bool same_head(const struct mtc_head *a, const struct mtc_head *b) {
  return a->tree_size == b->tree_size && mtc_hash_equal(&a->root, &b->root) &&
         a->timestamp_s == b->timestamp_s;
}

mtc_status batch_stage(struct mtc_engine *engine, struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_log_state state;
  mtc_status status = mtc_store_state(engine->options.store, &state, error);
  if (status) return status;
  /* An earlier attempt may have become durable although it reported a failure. */
  if (batch->head.tree_size && state.has_pending) {
    if (same_head(&state.pending, &batch->head)) return MTC_OK;
    return mtc_fail(error, MTC_FATAL, "tree size %llu is pending, which is not this batch's",
                    (unsigned long long)state.pending.tree_size);
  }
  struct mtc_request_row *requests = mtc_alloc(batch->num_entries, sizeof *requests);
  if (!requests) return MTC_NOMEM;
  size_t num_requests = 0;
  for (size_t i = 0; i < batch->num_entries; i++) {
    const struct item *item = batch->items[i];
    if (!item || !request_is_stored(item)) continue;
    struct mtc_request_row *row = &requests[num_requests++];
    memcpy(row->request_id, item->request_id, sizeof row->request_id);
    memcpy(row->digest, item->request_digest.bytes, sizeof row->digest);
    row->index = item->index;
  }
  if (!batch->head.tree_size) {
    /* The time goes into the checkpoint's signature: fixed here, so that recovery signs the same
     * bytes, and never before the last one's. */
    int64_t now_s = mtc_clock_now_ms() / 1000;
    batch->head.tree_size = batch->nodes.end;
    batch->head.timestamp_s = now_s > state.head.timestamp_s ? now_s : state.head.timestamp_s;
    mtc_frontier_root(&batch->frontier, &batch->head.root);
  }
  const struct mtc_stage stage = {
      .old_size = batch->old_size,
      .head = batch->head,
      .entries = batch->entries,
      .public_keys = batch->public_keys,
      .nodes = &batch->nodes,
      .requests = requests,
      .num_requests = num_requests,
  };
  status = mtc_store_stage(engine->options.store, &stage, error);
  mtc_free(requests);
  return status;
}
