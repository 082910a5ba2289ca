/* Revocations: made once, kept for ever. */
#include <string.h>

#include "store/internal.h"

#define MAX_REASON 10

void mtc_revocation_read(struct mtc_query *query, struct mtc_revocation *out) {
  struct mtc_span serial = mtc_query_blob(query, 0, 1, sizeof out->serial);
  *out = (struct mtc_revocation){.serial_len = (uint8_t)serial.len,
                                 .time_s = mtc_query_int(query, 1),
                                 .reason = (uint8_t)mtc_query_uint(query, 2)};
  if (serial.len) memcpy(out->serial, serial.data, serial.len);
}

static mtc_status revoke(struct mtc_store *store, const struct mtc_revocation *revocation,
                         const struct mtc_hash *compromised_key, struct mtc_revocation *out,
                         struct mtc_error *error) {
  struct mtc_span serial = mtc_span_of(revocation->serial, revocation->serial_len);
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO revocations(number, serial, time_s, reason)"
                 " SELECT ifnull(max(number) + 1, 0), ?1, ?2, ?3 FROM revocations WHERE true"
                 " ON CONFLICT(serial) DO NOTHING",
                 error);
  mtc_query_bind_blob(&query, 1, serial);
  mtc_query_bind_int(&query, 2, revocation->time_s);
  mtc_query_bind_uint(&query, 3, revocation->reason);
  (void)mtc_query_run(&query);
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  mtc_query_open(&query, store->db,
                 "SELECT serial, time_s, reason FROM revocations WHERE serial = ?", error);
  mtc_query_bind_blob(&query, 1, serial);
  if (mtc_query_next(&query)) mtc_revocation_read(&query, out);
  status = mtc_query_close(&query);
  if (!status && compromised_key) status = mtc_keys_insert(store, serial, compromised_key, error);
  return status;
}

mtc_status mtc_store_revoke(struct mtc_store *store, const struct mtc_revocation *revocation,
                            const struct mtc_hash *compromised_key, struct mtc_revocation *out,
                            struct mtc_error *error) {
  if (revocation->serial_len < 1 || revocation->serial_len > sizeof revocation->serial ||
      revocation->reason > MAX_REASON)
    return mtc_fail(error, MTC_INPUT, "serial number of %u bytes, or reason %u, to revoke",
                    revocation->serial_len, revocation->reason);
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = revoke(store, revocation, compromised_key, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status load(struct mtc_store *store, uint64_t first, struct mtc_revocation *out,
                       size_t max, size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT serial, time_s, reason FROM revocations WHERE number >= ?"
                 " ORDER BY number LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, first);
  mtc_query_bind_uint(&query, 2, max);
  while (*out_num < max && mtc_query_next(&query))
    mtc_revocation_read(&query, &out[(*out_num)++]);
  return mtc_query_close(&query);
}

mtc_status mtc_store_read_revocations(struct mtc_store *store, uint64_t first,
                                      struct mtc_revocation *out, size_t max, size_t *out_num,
                                      struct mtc_error *error) {
  *out_num = 0;
  if (first > INT64_MAX) return MTC_OK;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load(store, first, out, max, out_num, error);
  return mtc_store_end(store, status, error);
}
