/* Walks over rows in key order, for whoever examines a log. */
#include <string.h>

#include "store/internal.h"

mtc_status mtc_store_check_file(struct mtc_store *store, struct mtc_bytes *out_problems,
                                struct mtc_error *error) {
  struct mtc_query query;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (status) return mtc_store_end(store, status, error);
  mtc_query_open(&query, store->db,
                 "SELECT CAST(integrity_check AS BLOB) FROM pragma_integrity_check", error);
  while (mtc_query_next(&query)) {
    struct mtc_span line = mtc_query_blob(&query, 0, 1, 4096);
    if (mtc_span_equal(line, mtc_span_of_text("ok"))) continue;
    mtc_bytes_append_span(out_problems, line);
    mtc_bytes_append_text(out_problems, "\n");
  }
  status = mtc_query_close(&query);
  status = mtc_store_end(store, status, error);
  return status ? status : mtc_bytes_status(out_problems);
}

static mtc_status load_heads(struct mtc_store *store, uint64_t from_size, struct mtc_head *out,
                             size_t max, size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT tree_size, root, timestamp_s FROM checkpoints WHERE log_number = ?"
                 " AND tree_size >= ? AND state = 'committed' ORDER BY tree_size LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, from_size);
  mtc_query_bind_uint(&query, 3, max);
  while (*out_num < max && mtc_query_next(&query)) {
    struct mtc_head *head = &out[(*out_num)++];
    head->tree_size = mtc_query_uint(&query, 0);
    mtc_query_hash(&query, 1, &head->root);
    head->timestamp_s = mtc_query_int(&query, 2);
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_read_heads(struct mtc_store *store, uint64_t from_size, struct mtc_head *out,
                                size_t max, size_t *out_num, struct mtc_error *error) {
  *out_num = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_heads(store, from_size, out, max, out_num, error);
  return mtc_store_end(store, status, error);
}

static mtc_status load_signature(struct mtc_store *store, const struct mtc_subtree_signature *after,
                                 bool *out_found, struct mtc_subtree_signature *out,
                                 struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT is_checkpoint, end_index, start_index, cosigner_id, signature"
                 " FROM subtree_signatures WHERE log_number = ?"
                 " AND (is_checkpoint, end_index, start_index, cosigner_id) > (?, ?, ?, ?)"
                 " ORDER BY is_checkpoint, end_index, start_index, cosigner_id LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_int(&query, 2, after ? after->is_checkpoint : -1);
  mtc_query_bind_uint(&query, 3, after ? after->subtree.end : 0);
  mtc_query_bind_uint(&query, 4, after ? after->subtree.start : 0);
  mtc_query_bind_blob(
      &query, 5,
      after ? mtc_span_of(after->cosigner_id.bytes, after->cosigner_id.len) : mtc_span_of("", 0));
  struct mtc_subtree_signature row = {0};
  *out_found = mtc_query_next(&query);
  if (*out_found) {
    row.is_checkpoint = mtc_query_uint(&query, 0) != 0;
    row.subtree.end = mtc_query_uint(&query, 1);
    row.subtree.start = mtc_query_uint(&query, 2);
    struct mtc_span id = mtc_query_blob(&query, 3, 1, MTC_TAI_MAX_LEN);
    if (id.len && mtc_tai_decode(id, &row.cosigner_id, NULL)) {
      mtc_query_corrupt(&query, "malformed cosigner ID");
    }
    mtc_bytes_append_span(&row.signature, mtc_query_blob(&query, 4, 1, 65535));
  }
  mtc_status status = mtc_query_close(&query);
  if (!status) status = mtc_bytes_status(&row.signature);
  if (status) {
    *out_found = false;
    mtc_bytes_free(&row.signature);
  }
  if (*out_found) *out = row;
  return status;
}

mtc_status mtc_store_next_signature(struct mtc_store *store,
                                    const struct mtc_subtree_signature *after, bool *out_found,
                                    struct mtc_subtree_signature *out, struct mtc_error *error) {
  *out_found = false;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_signature(store, after, out_found, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status load_requests(struct mtc_store *store, const char *after,
                                struct mtc_request_row *out, size_t max, size_t *out_num,
                                struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT CAST(request_id AS BLOB), digest, entry_index FROM requests"
                 " WHERE log_number = ? AND request_id > ? ORDER BY request_id LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_text(&query, 2, after);
  mtc_query_bind_uint(&query, 3, max);
  while (*out_num < max && mtc_query_next(&query)) {
    struct mtc_span request_id = mtc_query_blob(&query, 0, 1, 64);
    struct mtc_span digest = mtc_query_blob(&query, 1, sizeof out->digest, sizeof out->digest);
    struct mtc_request_row *row = &out[*out_num];
    *row = (struct mtc_request_row){.index = mtc_query_uint(&query, 2)};
    if (query.status) break;
    memcpy(row->request_id, request_id.data, request_id.len);
    memcpy(row->digest, digest.data, digest.len);
    (*out_num)++;
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_read_requests(struct mtc_store *store, const char *after,
                                   struct mtc_request_row *out, size_t max, size_t *out_num,
                                   struct mtc_error *error) {
  *out_num = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_requests(store, after, out, max, out_num, error);
  return mtc_store_end(store, status, error);
}
