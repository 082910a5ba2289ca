/* Issued certificates in the database. */
#include <stdio.h>

#include "acme/rows.h"

#define COLUMNS                                                                             \
  "cert_id, order_id, account_id, profile, serial, spki_sha256, not_before_s, not_after_s," \
  " replaced_by, revoked_s, reason"

mtc_status acme_issued_load(sqlite3 *db, const char *cert_id, struct acme_issued *out,
                            struct mtc_error *error) {
  struct mtc_query query;
  *out = (struct acme_issued){0};
  mtc_query_open(&query, db, "SELECT " COLUMNS " FROM certificates WHERE cert_id = ?", error);
  mtc_query_bind_text(&query, 1, cert_id);
  if (mtc_query_next(&query)) {
    (void)snprintf(out->cert_id, sizeof out->cert_id, "%s", mtc_query_text(&query, 0));
    out->order_id = mtc_query_uint(&query, 1);
    out->account_id = mtc_query_uint(&query, 2);
    (void)snprintf(out->profile, sizeof out->profile, "%s", mtc_query_text(&query, 3));
    (void)snprintf(out->serial, sizeof out->serial, "%s", mtc_query_text(&query, 4));
    (void)snprintf(out->spki_sha256, sizeof out->spki_sha256, "%s", mtc_query_text(&query, 5));
    out->not_before_s = mtc_query_int(&query, 6);
    out->not_after_s = mtc_query_int(&query, 7);
    out->replaced_by = mtc_query_uint(&query, 8);
    out->revoked_s = mtc_query_int(&query, 9);
    out->reason = (unsigned)mtc_query_uint(&query, 10);
  }
  return mtc_query_close(&query);
}

mtc_status acme_issued_insert(sqlite3 *db, const struct acme_issued *issued,
                              struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "INSERT INTO certificates(" COLUMNS
                 ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cert_id) DO NOTHING",
                 error);
  mtc_query_bind_text(&query, 1, issued->cert_id);
  mtc_query_bind_uint(&query, 2, issued->order_id);
  mtc_query_bind_uint(&query, 3, issued->account_id);
  mtc_query_bind_text(&query, 4, issued->profile);
  mtc_query_bind_text(&query, 5, issued->serial);
  mtc_query_bind_text(&query, 6, issued->spki_sha256);
  mtc_query_bind_int(&query, 7, issued->not_before_s);
  mtc_query_bind_int(&query, 8, issued->not_after_s);
  mtc_query_bind_uint(&query, 9, issued->replaced_by);
  mtc_query_bind_int(&query, 10, issued->revoked_s);
  mtc_query_bind_uint(&query, 11, issued->reason);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_issued_update(sqlite3 *db, const struct acme_issued *issued,
                              struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(
      &query, db,
      "UPDATE certificates SET replaced_by = ?, revoked_s = ?, reason = ? WHERE cert_id = ?",
      error);
  mtc_query_bind_uint(&query, 1, issued->replaced_by);
  mtc_query_bind_int(&query, 2, issued->revoked_s);
  mtc_query_bind_uint(&query, 3, issued->reason);
  mtc_query_bind_text(&query, 4, issued->cert_id);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_compromised_insert(sqlite3 *db, const char *spki_sha256, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "INSERT INTO compromised_keys(spki_sha256) VALUES (?) ON CONFLICT DO NOTHING",
                 error);
  mtc_query_bind_text(&query, 1, spki_sha256);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_compromised_find(sqlite3 *db, const char *spki_sha256, bool *out,
                                 struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT 1 FROM compromised_keys WHERE spki_sha256 = ?", error);
  mtc_query_bind_text(&query, 1, spki_sha256);
  *out = mtc_query_next(&query);
  return mtc_query_close(&query);
}
