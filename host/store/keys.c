/* Public keys that were revoked as compromised: a row for each certificate, never removed. */
#include "store/internal.h"

mtc_status mtc_keys_insert(struct mtc_store *store, struct mtc_span serial,
                           const struct mtc_hash *key, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO compromised_keys(serial, spki_sha256) VALUES(?, ?)"
                 " ON CONFLICT(serial) DO NOTHING",
                 error);
  mtc_query_bind_blob(&query, 1, serial);
  mtc_query_bind_blob(&query, 2, mtc_span_of(key->bytes, sizeof key->bytes));
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

static mtc_status find(struct mtc_store *store, const struct mtc_hash *key, bool *out,
                       struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db, "SELECT 1 FROM compromised_keys WHERE spki_sha256 = ?", error);
  mtc_query_bind_blob(&query, 1, mtc_span_of(key->bytes, sizeof key->bytes));
  *out = mtc_query_next(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_store_check_key(struct mtc_store *store, const struct mtc_hash *key,
                               struct mtc_error *error) {
  bool is_compromised = false;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find(store, key, &is_compromised, error);
  status = mtc_store_end(store, status, error);
  if (status || !is_compromised) return status;
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, mtc_span_of(key->bytes, sizeof key->bytes));
  status = mtc_fail(error, MTC_INPUT,
                    "the public key with the SHA-256 %.*s was revoked for keyCompromise: make"
                    " another key",
                    (int)hex.len, (const char *)hex.data);
  mtc_bytes_free(&hex);
  return status;
}

static mtc_status load(struct mtc_store *store, uint64_t first, struct mtc_revocation *out,
                       uint64_t *out_number, bool *out_found, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT serial, time_s, reason, number FROM revocations AS r WHERE number >= ?"
                 " AND reason = 1 AND NOT EXISTS (SELECT 1 FROM compromised_keys AS k"
                 " WHERE k.serial = r.serial) ORDER BY number LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, first);
  *out_found = mtc_query_next(&query);
  if (*out_found) {
    mtc_revocation_read(&query, out);
    *out_number = mtc_query_uint(&query, 3);
  }
  return mtc_query_close(&query);
}

mtc_status mtc_store_next_unkeyed(struct mtc_store *store, uint64_t first,
                                  struct mtc_revocation *out, uint64_t *out_number, bool *out_found,
                                  struct mtc_error *error) {
  *out_found = false;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load(store, first, out, out_number, out_found, error);
  return mtc_store_end(store, status, error);
}
