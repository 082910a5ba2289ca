/* COMMIT: the signatures are kept and the head moves. */
#include "mtc/runtime.h"
#include "store/internal.h"

static mtc_status check_signature(const struct mtc_subtree_signature *signature,
                                  const struct mtc_head *head, struct mtc_error *error) {
  struct mtc_subtree subtree = signature->subtree;
  bool fits = mtc_subtree_is_valid(subtree) && subtree.end <= head->tree_size;
  if (signature->is_checkpoint) fits = subtree.start == 0 && subtree.end == head->tree_size;
  if (!fits) {
    return mtc_fail(error, MTC_INPUT, "[%llu, %llu) is no %s of tree size %llu",
                    (unsigned long long)subtree.start, (unsigned long long)subtree.end,
                    signature->is_checkpoint ? "checkpoint" : "subtree",
                    (unsigned long long)head->tree_size);
  }
  if (signature->signature.len < 1 || signature->signature.len > 65535 ||
      signature->cosigner_id.len < 1 || signature->cosigner_id.len > MTC_TAI_MAX_LEN) {
    return mtc_fail(error, MTC_INPUT, "signature on [%llu, %llu): %zu bytes, by an ID of %u bytes",
                    (unsigned long long)subtree.start, (unsigned long long)subtree.end,
                    signature->signature.len, signature->cosigner_id.len);
  }
  return MTC_OK;
}

static mtc_status insert_signatures(struct mtc_store *store, const struct mtc_head *head,
                                    const struct mtc_subtree_signature *signatures,
                                    size_t num_signatures, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO subtree_signatures(log_number, is_checkpoint, end_index,"
                 " start_index, cosigner_id, signature) VALUES(?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT DO NOTHING",
                 error);
  mtc_status status = MTC_OK;
  for (size_t i = 0; i < num_signatures && !status && !query.status; i++) {
    const struct mtc_subtree_signature *signature = &signatures[i];
    status = check_signature(signature, head, error);
    if (status) break;
    mtc_query_bind_uint(&query, 1, store->log_number);
    mtc_query_bind_uint(&query, 2, signature->is_checkpoint);
    mtc_query_bind_uint(&query, 3, signature->subtree.end);
    mtc_query_bind_uint(&query, 4, signature->subtree.start);
    mtc_query_bind_blob(&query, 5,
                        mtc_span_of(signature->cosigner_id.bytes, signature->cosigner_id.len));
    mtc_query_bind_blob(&query, 6, mtc_span_of_bytes(&signature->signature));
    if (mtc_query_run(&query) == 0 && !query.status) {
      status = mtc_fail(error, MTC_INPUT, "two signatures of one cosigner on [%llu, %llu)",
                        (unsigned long long)signature->subtree.start,
                        (unsigned long long)signature->subtree.end);
    }
  }
  mtc_status closed = mtc_query_close(&query);
  return status ? status : closed;
}

/* The compare-and-swap: both statements must find exactly what was staged. */
static mtc_status move_head(struct mtc_store *store, uint64_t old_size, const struct mtc_head *head,
                            struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "UPDATE checkpoints SET state = 'committed' WHERE log_number = ?"
                 " AND tree_size = ? AND root = ? AND timestamp_s = ? AND state = 'pending'",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, head->tree_size);
  mtc_query_bind_blob(&query, 3, mtc_span_of(head->root.bytes, MTC_HASH_LEN));
  mtc_query_bind_int(&query, 4, head->timestamp_s);
  uint64_t num_checkpoints = mtc_query_run(&query);
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  mtc_query_open(&query, store->db,
                 "UPDATE logs SET tree_size = ? WHERE log_number = ? AND tree_size = ?", error);
  mtc_query_bind_uint(&query, 1, head->tree_size);
  mtc_query_bind_uint(&query, 2, store->log_number);
  mtc_query_bind_uint(&query, 3, old_size);
  uint64_t num_logs = num_checkpoints ? mtc_query_run(&query) : 0;
  status = mtc_query_close(&query);
  if (status || (num_checkpoints == 1 && num_logs == 1)) return status;
  return mtc_fail(error, MTC_FATAL,
                  "cannot move the head from %llu to %llu entries: %s; another writer?",
                  (unsigned long long)old_size, (unsigned long long)head->tree_size,
                  num_checkpoints ? "it is no longer there" : "no such checkpoint is pending");
}

mtc_status mtc_store_commit(struct mtc_store *store, uint64_t old_size, const struct mtc_head *head,
                            const struct mtc_subtree_signature *signatures, size_t num_signatures,
                            struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = move_head(store, old_size, head, error);
  if (!status) status = insert_signatures(store, head, signatures, num_signatures, error);
  /* A crash here costs signing once more: same bytes, same pending checkpoint. */
  if (!status) mtc_fault_point("store.commit");
  return mtc_store_end(store, status, error);
}

static mtc_status find_subtree(struct mtc_store *store, uint64_t index, struct mtc_subtree *out,
                               struct mtc_error *error) {
  uint64_t tree_size;
  mtc_status status = mtc_store_load_size(store, &tree_size, error);
  if (status) return status;
  if (index >= tree_size) {
    return mtc_fail(error, MTC_BUSY, "entry %llu is not committed yet", (unsigned long long)index);
  }
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT start_index, end_index FROM subtree_signatures WHERE log_number = ?"
                 " AND is_checkpoint = 0 AND end_index > ? ORDER BY end_index LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, index);
  struct mtc_subtree found = {0, 0};
  if (mtc_query_next(&query)) {
    found.start = mtc_query_uint(&query, 0);
    found.end = mtc_query_uint(&query, 1);
  }
  /* The batches' subtrees end in ascending order and cover every entry: the first that ends behind
   * `index` contains it. */
  if (!mtc_subtree_contains(found, index) || !mtc_subtree_is_valid(found)) {
    mtc_query_corrupt(&query, "no signed subtree contains entry %llu", (unsigned long long)index);
  }
  *out = found;
  return mtc_query_close(&query);
}

mtc_status mtc_store_find_subtree(struct mtc_store *store, uint64_t index, struct mtc_subtree *out,
                                  struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find_subtree(store, index, out, error);
  return mtc_store_end(store, status, error);
}

/* Copies the current row; false when memory ran out. */
static bool copy_signature(struct mtc_query *query, struct mtc_subtree_signature *out) {
  struct mtc_span id = mtc_query_blob(query, 0, 1, MTC_TAI_MAX_LEN);
  if (id.len && mtc_tai_decode(id, &out->cosigner_id, NULL)) {
    mtc_query_corrupt(query, "malformed cosigner ID");
  }
  mtc_bytes_append_span(&out->signature, mtc_query_blob(query, 1, 1, 65535));
  return mtc_bytes_status(&out->signature) == MTC_OK;
}

static mtc_status load_signatures(struct mtc_store *store, struct mtc_subtree subtree,
                                  bool is_checkpoint, struct mtc_subtree_signature *out, size_t max,
                                  size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  bool has_memory = true;
  mtc_query_open(&query, store->db,
                 "SELECT cosigner_id, signature FROM subtree_signatures WHERE log_number = ?"
                 " AND is_checkpoint = ? AND end_index = ? AND start_index = ?"
                 " ORDER BY cosigner_id LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, is_checkpoint);
  mtc_query_bind_uint(&query, 3, subtree.end);
  mtc_query_bind_uint(&query, 4, subtree.start);
  mtc_query_bind_uint(&query, 5, max);
  while (has_memory && *out_num < max && mtc_query_next(&query)) {
    out[*out_num] =
        (struct mtc_subtree_signature){.subtree = subtree, .is_checkpoint = is_checkpoint};
    has_memory = copy_signature(&query, &out[(*out_num)++]);
  }
  mtc_status status = mtc_query_close(&query);
  if (!status && !has_memory) status = mtc_fail(error, MTC_NOMEM, "signatures: out of memory");
  for (; status && *out_num; --*out_num)
    mtc_bytes_free(&out[*out_num - 1].signature);
  return status;
}

mtc_status mtc_store_read_signatures(struct mtc_store *store, struct mtc_subtree subtree,
                                     bool is_checkpoint, struct mtc_subtree_signature *out,
                                     size_t max, size_t *out_num, struct mtc_error *error) {
  *out_num = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) {
    status = load_signatures(store, subtree, is_checkpoint, out, max, out_num, error);
  }
  return mtc_store_end(store, status, error);
}
