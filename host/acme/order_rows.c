/* Orders in the database. */
#include <stdio.h>

#include "acme/rows.h"
#include "mtc/runtime.h"

#define COLUMNS                                                                         \
  "id, account_id, status, identifiers, authorizations, profile, created_s, expires_s," \
  " replaces, csr, claimed_s, serial, landmark_token, error"

static void read_authorizations(struct mtc_query *query, int column, struct acme_order *out) {
  json_t *ids = json_loads(mtc_query_text(query, column), 0, NULL);
  size_t num = json_array_size(ids);
  if (num < 1 || num > ACME_MAX_IDENTIFIERS)
    mtc_query_corrupt(query, "an order's authorizations are no list of them");
  for (size_t i = 0; i < num && !query->status; i++) {
    const json_t *id = json_array_get(ids, i);
    const char *text = json_string_value(id);
    if (!text || !acme_parse_id(text, json_string_length(id), &out->authorizations[i]))
      mtc_query_corrupt(query, "an order's authorization is no ID");
    out->num_authorizations = i + 1;
  }
  json_decref(ids);
}

static mtc_status read_order(struct mtc_query *query, struct acme_order *out) {
  *out = (struct acme_order){0};
  if (mtc_query_next(query)) {
    out->id = mtc_query_uint(query, 0);
    out->account_id = mtc_query_uint(query, 1);
    out->state = acme_query_state(query, 2);
    out->identifiers = acme_query_copy(query, 3);
    read_authorizations(query, 4, out);
    out->profile = acme_query_copy(query, 5);
    out->created_s = mtc_query_int(query, 6);
    out->expires_s = mtc_query_int(query, 7);
    out->replaces = acme_query_copy(query, 8);
    out->csr = acme_query_copy(query, 9);
    out->claimed_s = mtc_query_int(query, 10);
    out->serial = acme_query_copy(query, 11);
    (void)snprintf(out->landmark_token, sizeof out->landmark_token, "%s",
                   mtc_query_text(query, 12));
    out->error = acme_query_copy(query, 13);
  }
  mtc_status status = mtc_query_close(query);
  if (status) acme_order_free(out);
  return status;
}

mtc_status acme_order_load(sqlite3 *db, uint64_t id, struct acme_order *out,
                           struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, "SELECT " COLUMNS " FROM orders WHERE id = ?", error);
  mtc_query_bind_uint(&query, 1, id);
  return read_order(&query, out);
}

mtc_status acme_order_find(sqlite3 *db, const char *landmark_token, struct acme_order *out,
                           struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "SELECT " COLUMNS " FROM orders WHERE landmark_token = ? AND landmark_token <> ''",
                 error);
  mtc_query_bind_text(&query, 1, landmark_token);
  return read_order(&query, out);
}

static const char *text_of(const char *text) {
  return text ? text : "";
}

mtc_status acme_order_insert(sqlite3 *db, const struct acme_order *order, struct mtc_error *error) {
  struct mtc_query query;
  struct mtc_bytes ids = {0};
  for (size_t i = 0; i < order->num_authorizations; i++)
    mtc_bytes_append_format(&ids, "%s\"%016llx\"", i ? "," : "[",
                            (unsigned long long)order->authorizations[i]);
  mtc_bytes_append_text(&ids, "]");
  mtc_bytes_append_uint(&ids, 0, 1);
  mtc_status status = mtc_bytes_status(&ids);
  if (status) return status;
  mtc_query_open(
      &query, db,
      "INSERT INTO orders(" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);
  mtc_query_bind_uint(&query, 1, order->id);
  mtc_query_bind_uint(&query, 2, order->account_id);
  mtc_query_bind_int(&query, 3, order->state);
  mtc_query_bind_text(&query, 4, order->identifiers);
  mtc_query_bind_text(&query, 5, (const char *)ids.data);
  mtc_query_bind_text(&query, 6, order->profile);
  mtc_query_bind_int(&query, 7, order->created_s);
  mtc_query_bind_int(&query, 8, order->expires_s);
  mtc_query_bind_text(&query, 9, text_of(order->replaces));
  mtc_query_bind_text(&query, 10, text_of(order->csr));
  mtc_query_bind_int(&query, 11, order->claimed_s);
  mtc_query_bind_text(&query, 12, text_of(order->serial));
  mtc_query_bind_text(&query, 13, order->landmark_token);
  mtc_query_bind_text(&query, 14, text_of(order->error));
  (void)mtc_query_run(&query);
  status = mtc_query_close(&query);
  mtc_bytes_free(&ids);
  return status;
}

mtc_status acme_order_update(sqlite3 *db, const struct acme_order *order, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "UPDATE orders SET status = ?, csr = ?, claimed_s = ?, serial = ?,"
                 " landmark_token = ?, error = ? WHERE id = ?",
                 error);
  mtc_query_bind_int(&query, 1, order->state);
  mtc_query_bind_text(&query, 2, text_of(order->csr));
  mtc_query_bind_int(&query, 3, order->claimed_s);
  mtc_query_bind_text(&query, 4, text_of(order->serial));
  mtc_query_bind_text(&query, 5, order->landmark_token);
  mtc_query_bind_text(&query, 6, text_of(order->error));
  mtc_query_bind_uint(&query, 7, order->id);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

void acme_order_free(struct acme_order *order) {
  mtc_free(order->identifiers);
  mtc_free(order->profile);
  mtc_free(order->replaces);
  mtc_free(order->csr);
  mtc_free(order->serial);
  mtc_free(order->error);
  *order = (struct acme_order){0};
}

mtc_status acme_order_state(sqlite3 *db, const struct acme_order *order, int64_t now_s,
                            enum acme_state *out, struct mtc_error *error) {
  bool is_ready = true;
  *out = order->state;
  if (order->state != ACME_PENDING) return MTC_OK;
  *out = ACME_INVALID;
  if (order->expires_s <= now_s) return MTC_OK;
  for (size_t i = 0; i < order->num_authorizations; i++) {
    struct acme_authorization authorization;
    mtc_status status =
        acme_authorization_load(db, order->authorizations[i], &authorization, error);
    if (status) return status;
    enum acme_state state = acme_authorization_state(&authorization, now_s);
    if (!authorization.id) state = ACME_INVALID;
    acme_authorization_free(&authorization);
    if (state != ACME_PENDING && state != ACME_VALID) return MTC_OK;
    is_ready = is_ready && state == ACME_VALID;
  }
  *out = is_ready ? ACME_READY : ACME_PENDING;
  return MTC_OK;
}

mtc_status acme_order_identifiers(const struct acme_order *order, struct acme_identifier *out,
                                  size_t *out_num, struct mtc_error *error) {
  json_t *list = json_loads(order->identifiers, 0, NULL);
  struct acme_problem problem = {0};
  size_t num = json_array_size(list);
  mtc_status status = MTC_OK;
  if (num < 1 || num > ACME_MAX_IDENTIFIERS)
    status = mtc_fail(error, MTC_CORRUPT, "an order's identifiers are no list of them");
  for (size_t i = 0; i < num && !status; i++)
    if (acme_identifier_parse(json_array_get(list, i), &out[i], &problem))
      status = mtc_fail(error, MTC_CORRUPT, "an order's identifier: %s", problem.detail);
  json_decref(list);
  acme_problem_free(&problem);
  *out_num = status ? 0 : acme_identifiers_sort(out, num);
  return status;
}
