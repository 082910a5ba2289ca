/* The list of an account's orders, page by page. Source: RFC 8555, "Orders List" */
#include <string.h>

#include "acme/core.h"

#define PAGE 100u

/* "cursor=" and the ID that the page begins behind; false: anything else. */
static bool read_cursor(const char *query, uint64_t *out) {
  *out = 0;
  if (!query) return true;
  return strncmp(query, "cursor=", 7) == 0 && acme_parse_id(query + 7, strlen(query + 7), out);
}

mtc_status acme_account_orders(struct acme_request *request, struct mtc_error *error) {
  const struct acme_server *server = request->server;
  struct mtc_query query;
  uint64_t cursor, id = 0;
  unsigned num = 0;
  if (request->id != request->account.id)
    return acme_refuse(request, ACME_UNAUTHORIZED, "this is not your account");
  if (request->jws.json)
    return acme_refuse(request, ACME_MALFORMED, "lists are read by POST-as-GET (empty payload)");
  if (!read_cursor(http_request_query(request->http), &cursor))
    return acme_refuse(request, ACME_MALFORMED, "the query is no cursor of this server");
  json_t *urls = json_array();
  mtc_query_open(&query, server->db,
                 "SELECT id FROM orders WHERE account_id = ? AND id > ? AND status <> ?"
                 " ORDER BY id LIMIT ?",
                 error);
  mtc_query_bind_uint(&query, 1, request->account.id);
  mtc_query_bind_uint(&query, 2, cursor);
  mtc_query_bind_int(&query, 3, ACME_INVALID);
  mtc_query_bind_uint(&query, 4, PAGE + 1);
  while (mtc_query_next(&query)) {
    if (num++ == PAGE) {
      acme_request_header(
          request, "Link", "<%s/account/%016llx/orders?cursor=%016llx>;rel=\"next\"",
          server->config->url, (unsigned long long)request->account.id, (unsigned long long)id);
      break;
    }
    id = mtc_query_uint(&query, 0);
    (void)json_array_append_new(urls, acme_url(server, "order", id, ""));
  }
  request->json = json_pack("{s:o}", "orders", urls);
  return mtc_query_close(&query);
}
