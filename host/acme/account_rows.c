/* Accounts in the database. */
#include <stdio.h>

#include "acme/rows.h"
#include "mtc/runtime.h"

#define COLUMNS "id, thumbprint, jwk, status, contacts, terms, binding_kid, created_s"

const char *acme_state_name(enum acme_state state) {
  static const char *const names[] = {
      [ACME_PENDING] = "pending", [ACME_READY] = "ready",     [ACME_PROCESSING] = "processing",
      [ACME_VALID] = "valid",     [ACME_INVALID] = "invalid", [ACME_DEACTIVATED] = "deactivated",
      [ACME_EXPIRED] = "expired", [ACME_REVOKED] = "revoked",
  };
  return names[state];
}

enum acme_state acme_query_state(struct mtc_query *query, int column) {
  uint64_t state = mtc_query_uint(query, column);
  if (state <= ACME_REVOKED) return (enum acme_state)state;
  mtc_query_corrupt(query, "status %llu is unknown", (unsigned long long)state);
  return ACME_INVALID;
}

static mtc_status read_account(struct mtc_query *query, struct acme_account *out) {
  *out = (struct acme_account){0};
  if (mtc_query_next(query)) {
    out->id = mtc_query_uint(query, 0);
    (void)snprintf(out->thumbprint, sizeof out->thumbprint, "%s", mtc_query_text(query, 1));
    out->jwk = acme_query_copy(query, 2);
    out->state = acme_query_state(query, 3);
    out->contacts = acme_query_copy(query, 4);
    out->terms = acme_query_copy(query, 5);
    out->binding_kid = acme_query_copy(query, 6);
    out->created_s = mtc_query_int(query, 7);
  }
  mtc_status status = mtc_query_close(query);
  if (status) acme_account_free(out);
  return status;
}

mtc_status acme_account_load(sqlite3 *db, uint64_t id, struct acme_account *out,
                             struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT " COLUMNS " FROM accounts WHERE id = ?", error);
  mtc_query_bind_uint(&query, 1, id);
  return read_account(&query, out);
}

mtc_status acme_account_is_valid(sqlite3 *db, uint64_t id, bool *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT status FROM accounts WHERE id = ?", error);
  mtc_query_bind_uint(&query, 1, id);
  *out = mtc_query_next(&query) && acme_query_state(&query, 0) == ACME_VALID;
  return mtc_query_close(&query);
}

mtc_status acme_account_find(sqlite3 *db, const char *thumbprint, struct acme_account *out,
                             struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT " COLUMNS " FROM accounts WHERE thumbprint = ?", error);
  mtc_query_bind_text(&query, 1, thumbprint);
  return read_account(&query, out);
}

mtc_status acme_account_insert(sqlite3 *db, const struct acme_account *account,
                               struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "INSERT INTO accounts(" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                 error);
  mtc_query_bind_uint(&query, 1, account->id);
  mtc_query_bind_text(&query, 2, account->thumbprint);
  mtc_query_bind_text(&query, 3, account->jwk);
  mtc_query_bind_int(&query, 4, account->state);
  mtc_query_bind_text(&query, 5, account->contacts);
  mtc_query_bind_text(&query, 6, account->terms);
  mtc_query_bind_text(&query, 7, account->binding_kid);
  mtc_query_bind_int(&query, 8, account->created_s);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_account_update(sqlite3 *db, const struct acme_account *account,
                               struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "UPDATE accounts SET thumbprint = ?, jwk = ?, status = ?, contacts = ?, terms = ?"
                 " WHERE id = ?",
                 error);
  mtc_query_bind_text(&query, 1, account->thumbprint);
  mtc_query_bind_text(&query, 2, account->jwk);
  mtc_query_bind_int(&query, 3, account->state);
  mtc_query_bind_text(&query, 4, account->contacts);
  mtc_query_bind_text(&query, 5, account->terms);
  mtc_query_bind_uint(&query, 6, account->id);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

void acme_account_free(struct acme_account *account) {
  mtc_free(account->jwk);
  mtc_free(account->contacts);
  mtc_free(account->terms);
  mtc_free(account->binding_kid);
  *account = (struct acme_account){0};
}
