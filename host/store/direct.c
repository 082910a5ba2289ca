/* Certificates that CA instances sign themselves: stored, then signed, then kept. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define MAX_DER_LEN (1u << 20)

void mtc_direct_row_free(struct mtc_direct_row *row) {
  mtc_bytes_free(&row->issuer);
  mtc_bytes_free(&row->tbs);
  mtc_bytes_free(&row->certificate);
  *row = (struct mtc_direct_row){0};
}

static mtc_status add_issuer(struct mtc_store *store, struct mtc_span certificate,
                             uint64_t *out_number, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "INSERT INTO direct_issuers(certificate) VALUES(?) ON CONFLICT DO NOTHING", error);
  mtc_query_bind_blob(&query, 1, certificate);
  (void)mtc_query_run(&query);
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  mtc_query_open(&query, store->db,
                 "SELECT issuer_number FROM direct_issuers WHERE certificate = ?", error);
  mtc_query_bind_blob(&query, 1, certificate);
  if (mtc_query_next(&query)) *out_number = mtc_query_uint(&query, 0);
  return mtc_query_close(&query);
}

static mtc_status insert(struct mtc_store *store, const struct mtc_direct_row *row,
                         struct mtc_error *error) {
  struct mtc_query query;
  uint64_t issuer = 0;
  mtc_status status = add_issuer(store, mtc_span_of_bytes(&row->issuer), &issuer, error);
  if (status) return status;
  mtc_query_open(&query, store->db,
                 "INSERT INTO direct_certificates(serial, issuer_number, profile, request_id,"
                 " digest, tbs, certificate) SELECT ?1, ?2, ?3, nullif(?4, ''), ?5, ?6, NULL"
                 " WHERE NOT EXISTS (SELECT 1 FROM withdrawn_requests WHERE kind = 1"
                 " AND request_id = ?4) ON CONFLICT DO NOTHING",
                 error);
  mtc_query_bind_blob(&query, 1, mtc_span_of(row->serial, sizeof row->serial));
  mtc_query_bind_uint(&query, 2, issuer);
  mtc_query_bind_text(&query, 3, row->profile);
  mtc_query_bind_text(&query, 4, row->request_id);
  mtc_query_bind_blob(&query, 5, mtc_span_of(row->digest, sizeof row->digest));
  mtc_query_bind_blob(&query, 6, mtc_span_of_bytes(&row->tbs));
  bool is_added = mtc_query_run(&query) == 1;
  status = mtc_query_close(&query);
  if (!status && !is_added)
    status = mtc_fail(error, MTC_INPUT,
                      "the serial number or the request ID %s is used already, or withdrawn",
                      row->request_id);
  return status;
}

mtc_status mtc_store_add_direct(struct mtc_store *store, const struct mtc_direct_row *row,
                                struct mtc_error *error) {
  if (row->profile[0] == 0 || strnlen(row->profile, 65) > 64 || strnlen(row->request_id, 65) > 64 ||
      row->issuer.len == 0 || row->issuer.len > MAX_DER_LEN || row->tbs.len == 0 ||
      row->tbs.len > MAX_DER_LEN)
    return mtc_fail(error, MTC_INPUT, "a certificate to be signed directly is malformed");
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status) status = insert(store, row, error);
  return mtc_store_end(store, status, error);
}

#define SELECT                                                                               \
  "SELECT serial, CAST(profile AS BLOB), CAST(ifnull(request_id, '') AS BLOB), digest, tbs," \
  " ifnull(d.certificate, x''), i.certificate FROM direct_certificates AS d JOIN"            \
  " direct_issuers AS i USING(issuer_number) WHERE "

static void read_text(struct mtc_query *query, int column, char out[72]) {
  struct mtc_span text = mtc_query_blob(query, column, 0, 64);
  if (text.len) memcpy(out, text.data, text.len);
  out[text.len] = 0;
}

static void read_row(struct mtc_query *query, struct mtc_direct_row *out) {
  struct mtc_span serial = mtc_query_blob(query, 0, sizeof out->serial, sizeof out->serial);
  if (serial.len) memcpy(out->serial, serial.data, serial.len);
  read_text(query, 1, out->profile);
  read_text(query, 2, out->request_id);
  struct mtc_span digest = mtc_query_blob(query, 3, sizeof out->digest, sizeof out->digest);
  if (digest.len) memcpy(out->digest, digest.data, digest.len);
  mtc_bytes_append_span(&out->tbs, mtc_query_blob(query, 4, 1, MAX_DER_LEN));
  mtc_bytes_append_span(&out->certificate, mtc_query_blob(query, 5, 0, MAX_DER_LEN));
  mtc_bytes_append_span(&out->issuer, mtc_query_blob(query, 6, 1, MAX_DER_LEN));
}

static mtc_status finish(struct mtc_query *query, bool *out_found, struct mtc_direct_row *out) {
  *out_found = mtc_query_next(query);
  if (*out_found) read_row(query, out);
  mtc_status status = mtc_query_close(query);
  if (!status) status = mtc_bytes_status(&out->tbs);
  if (!status) status = mtc_bytes_status(&out->certificate);
  return status ? status : mtc_bytes_status(&out->issuer);
}

static mtc_status find(struct mtc_store *store, struct mtc_span serial, bool *out_found,
                       struct mtc_direct_row *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db, SELECT "serial = ?", error);
  mtc_query_bind_blob(&query, 1, serial);
  return finish(&query, out_found, out);
}

mtc_status mtc_store_find_direct(struct mtc_store *store, struct mtc_span serial, bool *out_found,
                                 struct mtc_direct_row *out, struct mtc_error *error) {
  *out_found = false;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find(store, serial, out_found, out, error);
  return mtc_store_end(store, status, error);
}

static mtc_status find_request(struct mtc_store *store, const char *request_id, bool *out_found,
                               struct mtc_direct_row *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db, SELECT "request_id = ?", error);
  mtc_query_bind_text(&query, 1, request_id);
  return finish(&query, out_found, out);
}

mtc_status mtc_store_find_direct_request(struct mtc_store *store, const char *request_id,
                                         bool *out_found, struct mtc_direct_row *out,
                                         struct mtc_error *error) {
  *out_found = false;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = find_request(store, request_id, out_found, out, error);
  return mtc_store_end(store, status, error);
}

/* Under the same transaction: of two that sign the same row, the second gets the first's. */
static mtc_status keep(struct mtc_store *store, struct mtc_span serial, struct mtc_span certificate,
                       struct mtc_bytes *out_kept, struct mtc_error *error) {
  struct mtc_query query;
  struct mtc_direct_row row = {0};
  bool is_found = false;
  mtc_query_open(&query, store->db,
                 "UPDATE direct_certificates SET certificate = ? WHERE serial = ?"
                 " AND certificate IS NULL",
                 error);
  mtc_query_bind_blob(&query, 1, certificate);
  mtc_query_bind_blob(&query, 2, serial);
  (void)mtc_query_run(&query);
  mtc_status status = mtc_query_close(&query);
  if (!status) status = find(store, serial, &is_found, &row, error);
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT, "no directly signed certificate has this serial number");
  if (!status) {
    mtc_bytes_clear(out_kept);
    mtc_bytes_append_span(out_kept, mtc_span_of_bytes(&row.certificate));
    status = mtc_bytes_status(out_kept);
  }
  mtc_direct_row_free(&row);
  return status;
}

mtc_status mtc_store_sign_direct(struct mtc_store *store,
                                 const uint8_t serial[MTC_DIRECT_SERIAL_LEN],
                                 struct mtc_span certificate, struct mtc_bytes *out_kept,
                                 struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_WRITE, error);
  if (!status)
    status = keep(store, mtc_span_of(serial, MTC_DIRECT_SERIAL_LEN), certificate, out_kept, error);
  return mtc_store_end(store, status, error);
}
