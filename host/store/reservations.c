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

/* The indices are new, so no other row covers any of them. */
static mtc_status insert_subject(struct mtc_store *store, uint64_t first, uint64_t count,
                                 struct mtc_span subject, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO reserved_subjects(log_number, start_index, end_index, subject)"
                 " VALUES(?, ?, ?, ?)",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, first);
  mtc_query_bind_uint(&query, 3, first + count);
  mtc_query_bind_blob(&query, 4, subject);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_store_reserve(struct mtc_store *store, uint64_t first, uint64_t count,
                             int64_t expires_s, struct mtc_error *error) {
  return mtc_store_reserve_for(store, first, count, expires_s, mtc_span_of(NULL, 0), error);
}

mtc_status mtc_store_reserve_for(struct mtc_store *store, uint64_t first, uint64_t count,
                                 int64_t expires_s, struct mtc_span subject,
                                 struct mtc_error *error) {
  if (count < 1 || count > MAX_RESERVED_AT_ONCE || first > MTC_MAX_INDEX ||
      count > MTC_MAX_INDEX + 1 - first) {
    return mtc_fail(error, MTC_INPUT, "cannot reserve %llu indices (1 to %d) from %llu on",
                    (unsigned long long)count, MAX_RESERVED_AT_ONCE, (unsigned long long)first);
  }
  if (subject.len > MTC_MAX_SUBJECT_LEN) {
    return mtc_fail(error, MTC_INPUT, "a subject of %zu bytes; at most %u are allowed", subject.len,
                    MTC_MAX_SUBJECT_LEN);
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = insert_reservations(store, first, count, expires_s, error);
  if (!status && subject.len) status = insert_subject(store, first, count, subject, error);
  return mtc_store_end(store, status, error);
}

static mtc_status clear(struct mtc_store *store, const char *sql, uint64_t tree_size,
                        struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db, sql, error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, tree_size);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_reservations_clear(struct mtc_store *store, uint64_t tree_size,
                                  struct mtc_error *error) {
  mtc_status status = clear(
      store, "DELETE FROM reservations WHERE log_number = ? AND entry_index < ?", tree_size, error);
  if (status) return status;
  return clear(store, "DELETE FROM reserved_subjects WHERE log_number = ? AND end_index <= ?",
               tree_size, error);
}

static mtc_status load_reservations(struct mtc_store *store, struct mtc_reservation *out,
                                    size_t max, size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT entry_index, expires_s,"
                 " ifnull((SELECT CASE WHEN end_index > r.entry_index THEN start_index END"
                 "   FROM reserved_subjects WHERE log_number = ?1"
                 "   AND start_index <= r.entry_index ORDER BY start_index DESC LIMIT 1), -1)"
                 " FROM reservations AS r WHERE log_number = ?1"
                 " AND entry_index >= (SELECT tree_size FROM logs WHERE log_number = ?1)"
                 " ORDER BY entry_index LIMIT ?2",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, max);
  while (*out_num < max && mtc_query_next(&query)) {
    int64_t subject_start = mtc_query_int(&query, 2);
    out[(*out_num)++] = (struct mtc_reservation){
        .index = mtc_query_uint(&query, 0),
        .expires_s = mtc_query_int(&query, 1),
        .subject_start = subject_start < 0 ? UINT64_MAX : (uint64_t)subject_start};
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

static mtc_status load_subject(struct mtc_store *store, uint64_t subject_start,
                               struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT subject FROM reserved_subjects WHERE log_number = ? AND start_index = ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, subject_start);
  if (mtc_query_next(&query))
    mtc_bytes_append_span(out, mtc_query_blob(&query, 0, 2, MTC_MAX_SUBJECT_LEN));
  else
    mtc_query_corrupt(&query, "there is no subject for the indices reserved from %llu on",
                      (unsigned long long)subject_start);
  mtc_status status = mtc_query_close(&query);
  return status ? status : mtc_bytes_status(out);
}

mtc_status mtc_store_read_subject(struct mtc_store *store, uint64_t subject_start,
                                  struct mtc_bytes *out, struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_subject(store, subject_start, out, error);
  return mtc_store_end(store, status, error);
}
