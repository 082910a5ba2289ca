/* The heads of the log, and what is published. */
#include "store/internal.h"

mtc_status mtc_store_load_size(struct mtc_store *store, uint64_t *out_tree_size,
                               struct mtc_error *error) {
  struct mtc_query query;
  *out_tree_size = 0;
  mtc_query_open(&query, store->db, "SELECT tree_size FROM logs WHERE log_number = ?", error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  if (mtc_query_next(&query)) {
    *out_tree_size = mtc_query_uint(&query, 0);
    if (*out_tree_size > MTC_MAX_INDEX + 1) mtc_query_corrupt(&query, "tree size over 2^48-1");
  } else {
    mtc_query_corrupt(&query, "log %llu is gone", (unsigned long long)store->log_number);
  }
  return mtc_query_close(&query);
}

static void read_head_columns(struct mtc_query *query, struct mtc_head *out) {
  out->tree_size = mtc_query_uint(query, 0);
  mtc_query_hash(query, 1, &out->root);
  out->timestamp_s = mtc_query_int(query, 2);
}

/* Reads the committed head and, where there is one, the pending one. */
static mtc_status load_heads(struct mtc_store *store, uint64_t tree_size, struct mtc_log_state *out,
                             struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT tree_size, root, timestamp_s FROM checkpoints"
                 " WHERE log_number = ?1 AND tree_size >= ?2 ORDER BY tree_size",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, tree_size);
  if (mtc_query_next(&query)) read_head_columns(&query, &out->head);
  if (out->head.tree_size != tree_size || query.status) {
    mtc_query_corrupt(&query, "the checkpoint of tree size %llu is gone",
                      (unsigned long long)tree_size);
  }
  if (mtc_query_next(&query)) {
    out->has_pending = true;
    read_head_columns(&query, &out->pending);
    if (out->pending.tree_size > MTC_MAX_INDEX + 1) {
      mtc_query_corrupt(&query, "pending tree size over 2^48-1");
    }
  }
  if (mtc_query_next(&query)) {
    mtc_query_corrupt(&query, "several checkpoints above the head of %llu entries",
                      (unsigned long long)tree_size);
  }
  return mtc_query_close(&query);
}

/* A pending checkpoint at or below the head, or a committed one above it, cannot have been written
 * by this program. */
static mtc_status check_states(struct mtc_store *store, uint64_t tree_size,
                               struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT tree_size FROM checkpoints WHERE log_number = ?1"
                 " AND state = 'pending' AND tree_size <= ?2"
                 " UNION ALL SELECT tree_size FROM checkpoints WHERE log_number = ?1"
                 " AND tree_size > ?2 AND state <> 'pending' LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, tree_size);
  if (mtc_query_next(&query)) {
    mtc_query_corrupt(&query, "the checkpoint of tree size %llu contradicts the head of %llu",
                      (unsigned long long)mtc_query_uint(&query, 0), (unsigned long long)tree_size);
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_load_state(struct mtc_store *store, struct mtc_log_state *out,
                                struct mtc_error *error) {
  *out = (struct mtc_log_state){.next_reserved = UINT64_MAX};
  uint64_t tree_size;
  mtc_status status = mtc_store_load_size(store, &tree_size, error);
  if (!status) status = load_heads(store, tree_size, out, error);
  if (!status) status = check_states(store, tree_size, error);
  if (status) return status;
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT published_size, ifnull((SELECT min(entry_index) FROM reservations AS r"
                 " WHERE r.log_number = l.log_number AND r.entry_index >= l.tree_size), -1)"
                 " FROM logs AS l WHERE log_number = ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  if (mtc_query_next(&query)) {
    out->published_size = mtc_query_uint(&query, 0);
    int64_t next_reserved = mtc_query_int(&query, 1);
    if (next_reserved >= 0) out->next_reserved = (uint64_t)next_reserved;
    if (out->published_size > tree_size) mtc_query_corrupt(&query, "more published than committed");
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_state(struct mtc_store *store, struct mtc_log_state *out,
                           struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = mtc_store_load_state(store, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status find_head(struct mtc_store *store, uint64_t tree_size, struct mtc_head *out,
                            struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT tree_size, root, timestamp_s FROM checkpoints"
                 " WHERE log_number = ? AND tree_size = ? AND state = 'committed'",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, tree_size);
  bool found = mtc_query_next(&query);
  if (found) read_head_columns(&query, out);
  mtc_status status = mtc_query_close(&query);
  if (status || found) return status;
  return mtc_fail(error, MTC_INPUT, "there is no checkpoint of tree size %llu",
                  (unsigned long long)tree_size);
}

mtc_status mtc_store_read_head(struct mtc_store *store, uint64_t tree_size, struct mtc_head *out,
                               struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find_head(store, tree_size, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status raise_published(struct mtc_store *store, uint64_t tree_size,
                                  struct mtc_error *error) {
  uint64_t committed;
  mtc_status status = mtc_store_load_size(store, &committed, error);
  if (status) return status;
  if (tree_size > committed) {
    return mtc_fail(error, MTC_INPUT, "tree size %llu is not committed (the head is %llu)",
                    (unsigned long long)tree_size, (unsigned long long)committed);
  }
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "UPDATE logs SET published_size = ?1 WHERE log_number = ?2"
                 " AND published_size < ?1",
                 error);
  mtc_query_bind_uint(&query, 1, tree_size);
  mtc_query_bind_uint(&query, 2, store->log_number);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_store_set_published(struct mtc_store *store, uint64_t tree_size,
                                   struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = raise_published(store, tree_size, error);
  return mtc_store_end(store, status, error);
}

static mtc_status load_max_not_after(struct mtc_store *store, int64_t *out_not_after,
                                     struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db, "SELECT max_not_after FROM logs WHERE log_number = ?", error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  if (mtc_query_next(&query)) *out_not_after = mtc_query_int(&query, 0);
  return mtc_query_close(&query);
}

mtc_status mtc_store_max_not_after(struct mtc_store *store, int64_t *out_not_after,
                                   struct mtc_error *error) {
  *out_not_after = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_max_not_after(store, out_not_after, error);
  return mtc_store_end(store, status, error);
}
