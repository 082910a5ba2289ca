#include "acme/limits.h"

#include <stdio.h>

#include "mtc/runtime.h"

#define HOUR_S 3600
#define WEEK_S (7 * 24 * HOUR_S)
/* A piece of what is cleaned, and how long others wait for it altogether. */
#define PIECE 1000
#define MAX_CLEANING_MS 50

struct rule {
  const char *name; /* of its windows */
  const char *what; /* for people */
  int64_t window_s;
  unsigned max;
};

static struct rule rule_of(const struct acme_server *server, enum acme_limit limit) {
  const struct acme_limits *limits = &server->config->limits;
  switch (limit) {
    case ACME_LIMIT_ACCOUNTS:
      return (struct rule){"accounts", "accounts for", HOUR_S, limits->accounts_per_address_hour};
    case ACME_LIMIT_ORDERS:
      return (struct rule){"orders", "orders for", HOUR_S, limits->orders_per_account_hour};
    case ACME_LIMIT_FAILURES:
      return (struct rule){"failures", "failures for", HOUR_S, limits->failures_per_name_hour};
    case ACME_LIMIT_SETS:
      return (struct rule){"sets", "certificates for exactly these names", WEEK_S,
                           limits->certificates_per_set_week};
    case ACME_LIMIT_CERTIFICATES:
      break;
  }
  return (struct rule){"certificates", "certificates for", WEEK_S,
                       limits->certificates_per_name_week};
}

static void name_window(const struct rule *rule, const char *subject, char out[340]) {
  (void)snprintf(out, 340, "%s/%s", rule->name, subject);
}

mtc_status acme_limit_name_set(const struct acme_identifier *identifiers, size_t num,
                               char out[ACME_SET_NAME_LEN + 1]) {
  struct mtc_bytes text = {0};
  for (size_t i = 0; i < num; i++) {
    mtc_bytes_append_text(&text, identifiers[i].type == ACME_IP_ADDRESS ? "ip:" : "dns:");
    mtc_bytes_append_text(&text, identifiers[i].value);
    mtc_bytes_append_text(&text, "\n");
  }
  mtc_status status = mtc_bytes_status(&text);
  if (!status) acme_sha256_hex(mtc_span_of_bytes(&text), out);
  mtc_bytes_free(&text);
  return status;
}

mtc_status acme_limit_check(const struct acme_server *server, enum acme_limit limit,
                            const char *subject, struct acme_problem *problem,
                            struct mtc_error *error) {
  struct rule rule = rule_of(server, limit);
  struct mtc_query query;
  int64_t now_s = acme_now_s(), end_s = 0;
  uint64_t uses = 0;
  char name[340];
  if (!rule.max) return MTC_OK;
  name_window(&rule, subject, name);
  mtc_query_open(&query, server->db,
                 "SELECT uses, end_s FROM rate_windows WHERE name = ? AND end_s > ?", error);
  mtc_query_bind_text(&query, 1, name);
  mtc_query_bind_int(&query, 2, now_s);
  if (mtc_query_next(&query)) {
    uses = mtc_query_uint(&query, 0);
    end_s = mtc_query_int(&query, 1);
  }
  mtc_status status = mtc_query_close(&query);
  if (status || uses < rule.max) return status;
  bool is_named = limit != ACME_LIMIT_SETS;
  (void)acme_fail(problem, ACME_RATE_LIMITED, "too many %s%s%s: %u in %lld hours are allowed",
                  rule.what, is_named ? " " : "", is_named ? subject : "", rule.max,
                  (long long)(rule.window_s / HOUR_S));
  problem->retry_after_s = (unsigned)(end_s - now_s);
  return MTC_OK;
}

mtc_status acme_limit_count(const struct acme_server *server, enum acme_limit limit,
                            const char *subject, struct mtc_error *error) {
  struct rule rule = rule_of(server, limit);
  struct mtc_query query;
  int64_t now_s = acme_now_s();
  char name[340];
  if (!rule.max) return MTC_OK;
  name_window(&rule, subject, name);
  mtc_query_open(&query, server->db,
                 "INSERT INTO rate_windows(name, start_s, end_s, uses) VALUES (?, ?, ?, 1)"
                 " ON CONFLICT (name) DO UPDATE SET"
                 " uses = CASE WHEN rate_windows.end_s > excluded.start_s"
                 "   THEN rate_windows.uses + 1 ELSE 1 END,"
                 " start_s = CASE WHEN rate_windows.end_s > excluded.start_s"
                 "   THEN rate_windows.start_s ELSE excluded.start_s END,"
                 " end_s = CASE WHEN rate_windows.end_s > excluded.start_s"
                 "   THEN rate_windows.end_s ELSE excluded.end_s END",
                 error);
  mtc_query_bind_text(&query, 1, name);
  mtc_query_bind_int(&query, 2, now_s);
  mtc_query_bind_int(&query, 3, now_s + rule.window_s);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_limit_give_back(const struct acme_server *server, enum acme_limit limit,
                                const char *subject, int64_t counted_s, struct mtc_error *error) {
  struct rule rule = rule_of(server, limit);
  struct mtc_query query;
  char name[340];
  if (!rule.max) return MTC_OK;
  name_window(&rule, subject, name);
  mtc_query_open(&query, server->db,
                 "UPDATE rate_windows SET uses = uses - 1 WHERE name = ? AND uses > 0"
                 " AND start_s <= ? AND end_s > ?",
                 error);
  mtc_query_bind_text(&query, 1, name);
  mtc_query_bind_int(&query, 2, counted_s);
  mtc_query_bind_int(&query, 3, acme_now_s());
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status acme_limit_check_pending(const struct acme_server *server, uint64_t account_id,
                                    size_t num_more, struct acme_problem *problem,
                                    struct mtc_error *error) {
  unsigned max = server->config->limits.pending_authorizations;
  struct mtc_query query;
  uint64_t num = 0;
  if (!max) return MTC_OK;
  /* 0 is ACME_PENDING: only for a number in the text is the index of the pending ones used. */
  mtc_query_open(&query, server->db,
                 "SELECT count(*) FROM (SELECT 1 FROM authorizations WHERE account_id = ?"
                 " AND status = 0 AND expires_s > ? LIMIT ?) AS some",
                 error);
  mtc_query_bind_uint(&query, 1, account_id);
  mtc_query_bind_int(&query, 2, acme_now_s());
  mtc_query_bind_uint(&query, 3, (uint64_t)max + 1);
  if (mtc_query_next(&query)) num = mtc_query_uint(&query, 0);
  mtc_status status = mtc_query_close(&query);
  if (status || num + num_more <= max) return status;
  (void)acme_fail(problem, ACME_RATE_LIMITED,
                  "the account has %llu pending authorizations; %u are allowed: answer or"
                  " deactivate them",
                  (unsigned long long)num, max);
  problem->retry_after_s = HOUR_S;
  return MTC_OK;
}

mtc_status acme_limits_clean(sqlite3 *db, int64_t now_s, bool *out_more, struct mtc_error *error) {
  struct mtc_query query;
  int64_t until_ms = mtc_clock_monotonic_ms() + MAX_CLEANING_MS;
  mtc_query_open(&query, db,
                 "DELETE FROM rate_windows WHERE name IN"
                 " (SELECT name FROM rate_windows WHERE end_s <= ? LIMIT ?)",
                 error);
  do {
    mtc_query_bind_int(&query, 1, now_s);
    mtc_query_bind_int(&query, 2, PIECE);
    *out_more = mtc_query_run(&query) == PIECE;
  } while (*out_more && mtc_clock_monotonic_ms() < until_ms);
  return mtc_query_close(&query);
}
