/* The landmark sequence: numbers without gaps, sizes rising, expiries never falling. */
#include "store/internal.h"

static void read_columns(struct mtc_query *query, struct mtc_landmark *out) {
  out->number = mtc_query_uint(query, 0);
  out->tree_size = mtc_query_uint(query, 1);
  out->expiry_s = mtc_query_int(query, 2);
}

/* Reads up to `max` landmarks, newest first. */
static mtc_status load_landmarks(struct mtc_store *store, struct mtc_landmark *out, size_t max,
                                 size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT number, tree_size, expiry_s FROM landmarks WHERE log_number = ?"
                 " ORDER BY number DESC LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, max);
  while (*out_num < max && mtc_query_next(&query))
    read_columns(&query, &out[(*out_num)++]);
  return mtc_query_close(&query);
}

static mtc_status check_sequence(struct mtc_store *store, const struct mtc_landmark *landmark,
                                 const struct mtc_landmark *last, uint64_t tree_size,
                                 struct mtc_error *error) {
  if (landmark->number != last->number + 1) {
    return mtc_fail(error, MTC_INPUT, "landmark %llu cannot follow landmark %llu",
                    (unsigned long long)landmark->number, (unsigned long long)last->number);
  }
  if (landmark->tree_size <= last->tree_size || landmark->tree_size > tree_size) {
    return mtc_fail(error, MTC_INPUT,
                    "landmark %llu: tree size %llu is not above %llu and within the log's %llu",
                    (unsigned long long)landmark->number, (unsigned long long)landmark->tree_size,
                    (unsigned long long)last->tree_size, (unsigned long long)tree_size);
  }
  bool expiry_fits = store->wire->landmarks_have_expiry
                         ? landmark->expiry_s > 0 && landmark->expiry_s >= last->expiry_s
                         : landmark->expiry_s == 0;
  if (!expiry_fits) {
    return mtc_fail(error, MTC_INPUT, "landmark %llu: expiry %lld does not fit after %lld (%s)",
                    (unsigned long long)landmark->number, (long long)landmark->expiry_s,
                    (long long)last->expiry_s, store->wire->name);
  }
  return MTC_OK;
}

static mtc_status insert_landmark(struct mtc_store *store, const struct mtc_landmark *landmark,
                                  struct mtc_error *error) {
  struct mtc_landmark last = {0};
  size_t num = 0;
  uint64_t tree_size;
  mtc_status status = mtc_store_load_size(store, &tree_size, error);
  if (!status) status = load_landmarks(store, &last, 1, &num, error);
  if (!status) status = check_sequence(store, landmark, &last, tree_size, error);
  if (status) return status;
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO landmarks(log_number, number, tree_size, expiry_s)"
                 " VALUES(?, ?, ?, ?)",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, landmark->number);
  mtc_query_bind_uint(&query, 3, landmark->tree_size);
  mtc_query_bind_int(&query, 4, landmark->expiry_s);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_store_add_landmark(struct mtc_store *store, const struct mtc_landmark *landmark,
                                  struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = insert_landmark(store, landmark, error);
  return mtc_store_end(store, status, error);
}

mtc_status mtc_store_read_landmarks(struct mtc_store *store, struct mtc_landmark *out, size_t max,
                                    size_t *out_num, struct mtc_error *error) {
  *out_num = 0;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_landmarks(store, out, max, out_num, error);
  return mtc_store_end(store, status, error);
}

/* Sizes and numbers rise together, so the smallest size is the lowest number. */
static mtc_status find_landmark(struct mtc_store *store, uint64_t index, struct mtc_landmark *out,
                                uint64_t *out_previous_size, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT number, tree_size, expiry_s, ifnull((SELECT p.tree_size FROM landmarks"
                 " AS p WHERE p.log_number = l.log_number AND p.number = l.number - 1), 0)"
                 " FROM landmarks AS l WHERE log_number = ? AND tree_size > ?"
                 " ORDER BY tree_size LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, index);
  bool found = mtc_query_next(&query);
  if (found) {
    read_columns(&query, out);
    *out_previous_size = mtc_query_uint(&query, 3);
    if (*out_previous_size > index) {
      mtc_query_corrupt(&query, "landmark %llu is smaller than the one before it",
                        (unsigned long long)out->number);
    }
  }
  mtc_status status = mtc_query_close(&query);
  if (status || found) return status;
  return mtc_fail(error, MTC_BUSY, "no landmark contains entry %llu yet",
                  (unsigned long long)index);
}

mtc_status mtc_store_find_landmark(struct mtc_store *store, uint64_t index,
                                   struct mtc_landmark *out, uint64_t *out_previous_size,
                                   struct mtc_error *error) {
  if (index > MTC_MAX_INDEX) {
    return mtc_fail(error, MTC_INPUT, "no log has an entry %llu", (unsigned long long)index);
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find_landmark(store, index, out, out_previous_size, error);
  return mtc_store_end(store, status, error);
}
