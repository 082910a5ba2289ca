/* Authorizations in the database. */
#include <stdio.h>
#include <string.h>

#include "acme/rows.h"
#include "mtc/runtime.h"

#define COLUMNS                                                                              \
  "id, account_id, type, value, wildcard, status, expires_s, token, challenge, validated_s," \
  " claimed_s, error, attempts"

static mtc_status read_authorization(struct mtc_query *query, struct acme_authorization *out) {
  *out = (struct acme_authorization){0};
  if (mtc_query_next(query)) {
    out->id = mtc_query_uint(query, 0);
    out->account_id = mtc_query_uint(query, 1);
    out->identifier.type =
        strcmp(mtc_query_text(query, 2), "ip") == 0 ? ACME_IP_ADDRESS : ACME_DNS_NAME;
    (void)snprintf(out->identifier.value, sizeof out->identifier.value, "%s",
                   mtc_query_text(query, 3));
    out->is_wildcard = mtc_query_uint(query, 4) != 0;
    out->state = acme_query_state(query, 5);
    out->expires_s = mtc_query_int(query, 6);
    (void)snprintf(out->token, sizeof out->token, "%s", mtc_query_text(query, 7));
    int64_t challenge = mtc_query_int(query, 8);
    if (challenge < -1 || challenge >= ACME_NUM_CHALLENGES)
      mtc_query_corrupt(query, "an authorization's challenge is unknown");
    out->challenge = (int)challenge;
    out->validated_s = mtc_query_int(query, 9);
    out->claimed_s = mtc_query_int(query, 10);
    out->error = acme_query_copy(query, 11);
    out->attempts = (unsigned)mtc_query_uint(query, 12);
  }
  mtc_status status = mtc_query_close(query);
  if (status) acme_authorization_free(out);
  return status;
}

mtc_status acme_authorization_load(sqlite3 *db, uint64_t id, struct acme_authorization *out,
                                   struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT " COLUMNS " FROM authorizations WHERE id = ?", error);
  mtc_query_bind_uint(&query, 1, id);
  return read_authorization(&query, out);
}

mtc_status acme_authorization_find_valid(sqlite3 *db, uint64_t account_id,
                                         const struct acme_identifier *identifier,
                                         int64_t validated_after_s, int64_t expires_after_s,
                                         struct acme_authorization *out, struct mtc_error *error) {
  struct mtc_query query;
  bool is_wildcard = acme_identifier_is_wildcard(identifier);
  _Static_assert(ACME_VALID == 3, "the number in the text below");
  /* Of a status that is bound SQLite would see at each run whether the index of pending ones will
   * do, and compile the statement anew. */
  mtc_query_open(&query, db,
                 "SELECT " COLUMNS
                 " FROM authorizations WHERE account_id = ? AND value = ? AND wildcard = ?"
                 " AND status = 3 AND expires_s > ? AND validated_s > ? AND type = ?"
                 " ORDER BY expires_s DESC LIMIT 1",
                 error);
  mtc_query_bind_uint(&query, 1, account_id);
  mtc_query_bind_text(&query, 2, identifier->value + (is_wildcard ? 2 : 0));
  mtc_query_bind_int(&query, 3, is_wildcard);
  mtc_query_bind_int(&query, 4, expires_after_s);
  mtc_query_bind_int(&query, 5, validated_after_s);
  mtc_query_bind_text(&query, 6, identifier->type == ACME_IP_ADDRESS ? "ip" : "dns");
  return read_authorization(&query, out);
}

mtc_status acme_authorization_insert(sqlite3 *db, const struct acme_authorization *authorization,
                                     struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "INSERT INTO authorizations(" COLUMNS
                 ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 error);
  mtc_query_bind_uint(&query, 1, authorization->id);
  mtc_query_bind_uint(&query, 2, authorization->account_id);
  mtc_query_bind_text(&query, 3, authorization->identifier.type == ACME_IP_ADDRESS ? "ip" : "dns");
  mtc_query_bind_text(&query, 4, authorization->identifier.value);
  mtc_query_bind_int(&query, 5, authorization->is_wildcard);
  mtc_query_bind_int(&query, 6, authorization->state);
  mtc_query_bind_int(&query, 7, authorization->expires_s);
  mtc_query_bind_text(&query, 8, authorization->token);
  mtc_query_bind_int(&query, 9, authorization->challenge);
  mtc_query_bind_int(&query, 10, authorization->validated_s);
  mtc_query_bind_int(&query, 11, authorization->claimed_s);
  mtc_query_bind_text(&query, 12, authorization->error ? authorization->error : "");
  mtc_query_bind_uint(&query, 13, authorization->attempts);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_authorization_update(sqlite3 *db, const struct acme_authorization *authorization,
                                     struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "UPDATE authorizations SET status = ?, expires_s = ?, challenge = ?,"
                 " validated_s = ?, claimed_s = ?, error = ?, attempts = ? WHERE id = ?",
                 error);
  mtc_query_bind_int(&query, 1, authorization->state);
  mtc_query_bind_int(&query, 2, authorization->expires_s);
  mtc_query_bind_int(&query, 3, authorization->challenge);
  mtc_query_bind_int(&query, 4, authorization->validated_s);
  mtc_query_bind_int(&query, 5, authorization->claimed_s);
  mtc_query_bind_text(&query, 6, authorization->error ? authorization->error : "");
  mtc_query_bind_uint(&query, 7, authorization->attempts);
  mtc_query_bind_uint(&query, 8, authorization->id);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

void acme_authorization_free(struct acme_authorization *authorization) {
  mtc_free(authorization->error);
  *authorization = (struct acme_authorization){0};
}

enum acme_state acme_authorization_state(const struct acme_authorization *authorization,
                                         int64_t now_s) {
  bool can_expire = authorization->state == ACME_PENDING || authorization->state == ACME_VALID;
  return can_expire && authorization->expires_s <= now_s ? ACME_EXPIRED : authorization->state;
}

mtc_status acme_authorization_make(uint64_t account_id, const struct acme_identifier *identifier,
                                   int64_t expires_s, struct acme_authorization *out,
                                   struct mtc_error *error) {
  bool is_wildcard = acme_identifier_is_wildcard(identifier);
  *out = (struct acme_authorization){
      .account_id = account_id,
      .is_wildcard = is_wildcard,
      .state = ACME_PENDING,
      .expires_s = expires_s,
      .challenge = -1,
  };
  out->identifier.type = identifier->type;
  (void)snprintf(out->identifier.value, sizeof out->identifier.value, "%s",
                 identifier->value + (is_wildcard ? 2 : 0));
  mtc_status status = acme_draw_id(&out->id, error);
  return status ? status : acme_random_token(32, out->token, error);
}
