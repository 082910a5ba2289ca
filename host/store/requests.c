/* Idempotency keys: a client that asks twice gets one index. */
#include <string.h>

#include "store/internal.h"

static bool is_well_formed(const char *request_id) {
  size_t len = strnlen(request_id, 65);
  if (len < 1 || len > 64) return false;
  for (size_t i = 0; i < len; i++) {
    if (request_id[i] < 0x20 || request_id[i] > 0x7E) return false;
  }
  return true;
}

static mtc_status check_request(const struct mtc_request_row *request, struct mtc_subtree batch,
                                struct mtc_error *error) {
  if (!is_well_formed(request->request_id)) {
    return mtc_fail(error, MTC_INPUT, "a request ID is 1 to 64 printable ASCII characters");
  }
  if (!mtc_subtree_contains(batch, request->index)) {
    return mtc_fail(error, MTC_INPUT, "request %s: entry %llu is not in the batch [%llu, %llu)",
                    request->request_id, (unsigned long long)request->index,
                    (unsigned long long)batch.start, (unsigned long long)batch.end);
  }
  return MTC_OK;
}

mtc_status mtc_requests_insert(struct mtc_store *store, const struct mtc_request_row *requests,
                               size_t num_requests, struct mtc_subtree batch,
                               struct mtc_error *error) {
  struct mtc_query query;
  mtc_status status = MTC_OK;
  mtc_query_open(&query, store->db,
                 "INSERT INTO requests(log_number, request_id, digest, entry_index)"
                 " VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
                 error);
  for (size_t i = 0; i < num_requests && !status && !query.status; i++) {
    status = check_request(&requests[i], batch, error);
    if (status) break;
    mtc_query_bind_uint(&query, 1, store->log_number);
    mtc_query_bind_text(&query, 2, requests[i].request_id);
    mtc_query_bind_blob(&query, 3, mtc_span_of(requests[i].digest, sizeof requests[i].digest));
    mtc_query_bind_uint(&query, 4, requests[i].index);
    if (mtc_query_run(&query) == 0 && !query.status) {
      status = mtc_fail(error, MTC_INPUT, "request ID %s is used already", requests[i].request_id);
    }
  }
  mtc_status closed = mtc_query_close(&query);
  return status ? status : closed;
}

/* In any of the database's logs: the next log does not do again what the last one did. */
static mtc_status find_request(struct mtc_store *store, const char *request_id, bool *out_found,
                               struct mtc_request_row *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT digest, entry_index, false, log_number FROM requests WHERE log_number IN"
                 " (SELECT log_number FROM logs) AND request_id = ?1 UNION ALL"
                 " SELECT zeroblob(32), 0, true, 0 FROM withdrawn_requests WHERE kind = 0"
                 " AND request_id = ?1",
                 error);
  mtc_query_bind_text(&query, 1, request_id);
  *out_found = mtc_query_next(&query);
  if (*out_found) {
    struct mtc_span digest = mtc_query_blob(&query, 0, sizeof out->digest, sizeof out->digest);
    *out = (struct mtc_request_row){.index = mtc_query_uint(&query, 1),
                                    .is_withdrawn = mtc_query_uint(&query, 2) != 0,
                                    .log_number = mtc_query_uint(&query, 3)};
    memcpy(out->request_id, request_id, strlen(request_id) + 1);
    if (digest.len) memcpy(out->digest, digest.data, digest.len);
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_find_request(struct mtc_store *store, const char *request_id, bool *out_found,
                                  struct mtc_request_row *out, struct mtc_error *error) {
  *out_found = false;
  if (!is_well_formed(request_id)) {
    return mtc_fail(error, MTC_INPUT, "a request ID is 1 to 64 printable ASCII characters");
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find_request(store, request_id, out_found, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status is_used(struct mtc_store *store, bool is_direct, const char *request_id,
                          bool *out, struct mtc_error *error) {
  struct mtc_request_row row;
  struct mtc_query query;
  if (!is_direct) {
    mtc_status status = find_request(store, request_id, out, &row, error);
    *out = *out && !row.is_withdrawn;
    return status;
  }
  mtc_query_open(&query, store->db, "SELECT 1 FROM direct_certificates WHERE request_id = ?",
                 error);
  mtc_query_bind_text(&query, 1, request_id);
  *out = mtc_query_next(&query);
  return mtc_query_close(&query);
}

static mtc_status withdraw(struct mtc_store *store, bool is_direct, const char *request_id,
                           struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO withdrawn_requests(kind, request_id) VALUES(?, ?)"
                 " ON CONFLICT DO NOTHING",
                 error);
  mtc_query_bind_int(&query, 1, is_direct);
  mtc_query_bind_text(&query, 2, request_id);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_store_withdraw_request(struct mtc_store *store, bool is_direct,
                                      const char *request_id, bool *out_is_used,
                                      struct mtc_error *error) {
  *out_is_used = false;
  if (!is_well_formed(request_id)) {
    return mtc_fail(error, MTC_INPUT, "a request ID is 1 to 64 printable ASCII characters");
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = is_used(store, is_direct, request_id, out_is_used, error);
  if (!status && !*out_is_used) status = withdraw(store, is_direct, request_id, error);
  return mtc_store_end(store, status, error);
}
