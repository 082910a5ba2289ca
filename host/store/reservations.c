/* Indices promised to a client before it has its certificate's contents. */
#include "store/internal.h"

#define MAX_RESERVED_AT_ONCE 65536

static mtc_status insert_reservations(struct mtc_store *store, uint64_t first, uint64_t count,
                                      int64_t expires_s, struct mtc_error *error) {
  struct mtc_log_state state;
  mtc_status status = mtc_store_load_state(store, &state, error);
  if (status) return status;
  uint64_t tree_size = state.has_pending ? state.pending.tree_size : state.head.tree_size;
  if (first < tree_size) {
    return mtc_fail(error, MTC_INPUT, "index %llu is given out: the log has %llu entries",
                    (unsigned long long)first, (unsigned long long)tree_size);
  }
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO reservations(log_number, entry_index, expires_s) VALUES(?, ?, ?)"
                 " ON CONFLICT DO NOTHING",
                 error);
  for (uint64_t i = 0; i < count && !status && !query.status; i++) {
    mtc_query_bind_uint(&query, 1, store->log_number);
    mtc_query_bind_uint(&query, 2, first + i);
    mtc_query_bind_int(&query, 3, expires_s);
    if (mtc_query_run(&query) == 0 && !query.status) {
      status = mtc_fail(error, MTC_INPUT, "index %llu is reserved already",
                        (unsigned long long)(first + i));
    }
  }
  mtc_status closed = mtc_query_close(&query);
  return status ? status : closed;
}

mtc_status mtc_store_reserve(struct mtc_store *store, uint64_t first, uint64_t count,
                             int64_t expires_s, struct mtc_error *error) {
  if (count < 1 || count > MAX_RESERVED_AT_ONCE || first > MTC_MAX_INDEX ||
      count > MTC_MAX_INDEX + 1 - first) {
    return mtc_fail(error, MTC_INPUT, "cannot reserve %llu indices (1 to %d) from %llu on",
                    (unsigned long long)count, MAX_RESERVED_AT_ONCE, (unsigned long long)first);
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = insert_reservations(store, first, count, expires_s, error);
  return mtc_store_end(store, status, error);
}

mtc_status mtc_reservations_clear(struct mtc_store *store, uint64_t tree_size,
                                  struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "DELETE FROM reservations WHERE log_number = ? AND entry_index < ?", error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, tree_size);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

static mtc_status load_reservations(struct mtc_store *store, struct mtc_reservation *out,
                                    size_t max, size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT entry_index, expires_s FROM reservations AS r WHERE log_number = ?1"
                 " AND entry_index >= (SELECT tree_size FROM logs WHERE log_number = ?1)"
                 " ORDER BY entry_index LIMIT ?2",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, max);
  while (*out_num < max && mtc_query_next(&query)) {
    out[*out_num].index = mtc_query_uint(&query, 0);
    out[(*out_num)++].expires_s = mtc_query_int(&query, 1);
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_read_reservations(struct mtc_store *store, struct mtc_reservation *out,
                                       size_t max, size_t *out_num, struct mtc_error *error) {
  *out_num = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_reservations(store, out, max, out_num, error);
  return mtc_store_end(store, status, error);
}
