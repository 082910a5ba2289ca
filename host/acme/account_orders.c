/* The list of an account's orders, page by page. Source: RFC 8555, "Orders List" */
#include <string.h>

#include "acme/core.h"
#include "mtc/runtime.h"

#define PAGE 100u
/* A page also ends behind so many rows, which may all be orders that are not shown. */
#define MAX_ROWS 400u
#define MAX_AUTHORIZATIONS 1000u

/* "cursor=" and the ID that the page begins behind; false: anything else. */
static bool read_cursor(const char *query, uint64_t *out) {
  *out = 0;
  if (!query) return true;
  return strncmp(query, "cursor=", 7) == 0 && acme_parse_id(query + 7, strlen(query + 7), out);
}

/* The orders of a page, read before their states are looked at. */
struct page {
  uint64_t ids[MAX_ROWS];
  size_t num;
};

/* Pending ones are looked at, for they may have expired or failed without a word in their row. */
static mtc_status read_page(sqlite3 *db, uint64_t account_id, uint64_t cursor, int64_t now_s,
                            struct page *out, struct mtc_error *error) {
  struct mtc_query query;
  out->num = 0;
  mtc_query_open(&query, db,
                 "SELECT id FROM orders WHERE account_id = ? AND id > ? AND status <> ?"
                 " AND (status <> ? OR expires_s > ?) ORDER BY id LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, account_id);
  mtc_query_bind_uint(&query, 2, cursor);
  mtc_query_bind_int(&query, 3, ACME_INVALID);
  mtc_query_bind_int(&query, 4, ACME_PENDING);
  mtc_query_bind_int(&query, 5, now_s);
  mtc_query_bind_uint(&query, 6, MAX_ROWS);
  while (out->num < MAX_ROWS && mtc_query_next(&query))
    out->ids[out->num++] = mtc_query_uint(&query, 0);
  return mtc_query_close(&query);
}

/* Adds an order that is not invalid. Source: RFC 8555, "Orders List" */
static mtc_status show(const struct acme_server *server, uint64_t id, int64_t now_s, json_t *urls,
                       size_t *num_authorizations, struct mtc_error *error) {
  struct acme_order order;
  enum acme_state state = ACME_INVALID;
  mtc_status status = acme_order_load(server->db, id, &order, error);
  if (!status && order.id) {
    if (order.state == ACME_PENDING) *num_authorizations += order.num_authorizations;
    status = acme_order_state(server->db, &order, now_s, &state, error);
  }
  acme_order_free(&order);
  if (!status && state != ACME_INVALID)
    (void)json_array_append_new(urls, acme_url(server, "order", id, ""));
  return status;
}

static mtc_status show_page(struct acme_request *request, uint64_t cursor, json_t *urls,
                            struct mtc_error *error) {
  const struct acme_server *server = request->server;
  int64_t now_s = acme_now_s();
  size_t num_authorizations = 0, i = 0;
  struct page *page = mtc_alloc(1, sizeof *page);
  if (!page) return MTC_NOMEM;
  mtc_status status = read_page(server->db, request->account.id, cursor, now_s, page, error);
  for (; i < page->num && !status && json_array_size(urls) < PAGE &&
         num_authorizations < MAX_AUTHORIZATIONS;
       i++)
    status = show(server, page->ids[i], now_s, urls, &num_authorizations, error);
  if (!status && i && (i < page->num || page->num == MAX_ROWS))
    acme_request_header(request, "Link", "<%s/account/%016llx/orders?cursor=%016llx>;rel=\"next\"",
                        server->config->url, (unsigned long long)request->account.id,
                        (unsigned long long)page->ids[i - 1]);
  mtc_free(page);
  return status;
}

mtc_status acme_account_orders(struct acme_request *request, struct mtc_error *error) {
  uint64_t cursor;
  if (request->id != request->account.id)
    return acme_refuse(request, ACME_UNAUTHORIZED, "this is not your account");
  if (request->jws.json)
    return acme_refuse(request, ACME_MALFORMED, "lists are read by POST-as-GET (empty payload)");
  if (!read_cursor(http_request_query(request->http), &cursor))
    return acme_refuse(request, ACME_MALFORMED, "the query is no cursor of this server");
  json_t *urls = json_array();
  mtc_status status = show_page(request, cursor, urls, error);
  request->json = json_pack("{s:o}", "orders", urls);
  return status;
}
