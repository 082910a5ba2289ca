/* What was begun and not ended: by a process that is no more, or that had to give up for a while.
 */
#include "acme/limits.h"
#include "acme/order.h"
#include "acme/validating.h"
#include "mtc/runtime.h"

#define MAX_SWEPT 1000u

/* A row and the claim that it has now. */
struct swept {
  uint64_t id;
  int64_t claimed_s;
};

struct sweeping {
  struct acme_job job; /* first */
  struct acme_server *server;
  int64_t began_s;
  int64_t before_s, orders_before_s; /* claimed before then */
  struct swept authorizations[MAX_SWEPT], orders[MAX_SWEPT];
  size_t num_authorizations, num_orders;
  bool has_more; /* there may be more of it */
};

static void go_on(const struct sweeping *sweeping);

/* Reads the claims first: a table that is written while it is read shows rows twice. `is_other`:
 * the new claim differs from the old one, also within its second, so that whoever had that one sees
 * it. */
static mtc_status list(sqlite3 *db, const char *select, const char *update, int64_t before_s,
                       bool is_other, struct swept *out, size_t *out_num, struct mtc_error *error) {
  struct mtc_query query;
  int64_t now_s = acme_now_s();
  *out_num = 0;
  mtc_query_open(&query, db, select, error);
  mtc_query_bind_int(&query, 1, before_s);
  while (*out_num < MAX_SWEPT && mtc_query_next(&query)) {
    int64_t claimed_s = mtc_query_int(&query, 1);
    out[(*out_num)++] = (struct swept){mtc_query_uint(&query, 0),
                                       is_other && claimed_s >= now_s ? claimed_s + 1 : now_s};
  }
  mtc_status status = mtc_query_close(&query);
  if (status || !*out_num) return status;
  mtc_query_open(&query, db, update, error);
  for (size_t i = 0; i < *out_num; i++) {
    mtc_query_bind_int(&query, 1, out[i].claimed_s);
    mtc_query_bind_uint(&query, 2, out[i].id);
    (void)mtc_query_run(&query);
  }
  return mtc_query_close(&query);
}

/* Who waits longest comes first: what is put off again and again is in nobody's way. */
static mtc_status sweep_run(struct acme_job *job, struct mtc_error *error) {
  struct sweeping *sweeping = (struct sweeping *)job;
  sqlite3 *db = sweeping->server->db;
  bool has_windows = false;
  mtc_status status = acme_validating_renew(sweeping->server, acme_now_s(), error);
  if (!status)
    status = list(db,
                  "SELECT id, claimed_s FROM authorizations WHERE claimed_s > 0 AND claimed_s < ?"
                  " ORDER BY claimed_s LIMIT 1000",
                  "UPDATE authorizations SET claimed_s = ? WHERE id = ?", sweeping->before_s, false,
                  sweeping->authorizations, &sweeping->num_authorizations, error);
  if (!status)
    status = list(db,
                  "SELECT id, claimed_s FROM orders WHERE claimed_s > 0 AND claimed_s < ?"
                  " ORDER BY claimed_s LIMIT 1000",
                  "UPDATE orders SET claimed_s = ? WHERE id = ?", sweeping->orders_before_s, true,
                  sweeping->orders, &sweeping->num_orders, error);
  if (!status) status = acme_limits_clean(db, acme_now_s(), &has_windows, error);
  sweeping->has_more =
      has_windows || sweeping->num_authorizations == MAX_SWEPT || sweeping->num_orders == MAX_SWEPT;
  return status;
}

static void swept(struct acme_job *job, mtc_status status, const char *text) {
  struct sweeping *sweeping = (struct sweeping *)job;
  (void)text;
  for (size_t i = 0; i < sweeping->num_authorizations && !status; i++)
    acme_validate_begin(sweeping->server, sweeping->authorizations[i].id, true);
  for (size_t i = 0; i < sweeping->num_orders && !status; i++)
    acme_issue_resume(sweeping->server, sweeping->orders[i].id, sweeping->orders[i].claimed_s);
  if (!status && sweeping->num_authorizations + sweeping->num_orders)
    mtc_log(MTC_LOG_INFO, "taken-up", "validations=%zu orders=%zu", sweeping->num_authorizations,
            sweeping->num_orders);
  if (!status && sweeping->has_more) go_on(sweeping);
  mtc_free(sweeping);
}

static void sweep(struct acme_server *server, int64_t before_s, int64_t orders_before_s) {
  struct sweeping *sweeping = mtc_alloc(1, sizeof *sweeping);
  if (!sweeping) return;
  sweeping->server = server;
  sweeping->began_s = acme_now_s();
  sweeping->before_s = before_s;
  sweeping->orders_before_s = orders_before_s;
  sweeping->job.run = sweep_run;
  sweeping->job.done = swept;
  acme_jobs_put(server->jobs, &sweeping->job);
}

static int64_t earlier(int64_t a_s, int64_t b_s) {
  return a_s < b_s ? a_s : b_s;
}

/* As a job of its own, so that others come between. What this one claimed, it claimed later than it
 * began. */
static void go_on(const struct sweeping *sweeping) {
  sweep(sweeping->server, earlier(sweeping->before_s, sweeping->began_s),
        earlier(sweeping->orders_before_s, sweeping->began_s));
}

void acme_sweep(struct acme_server *server, bool all) {
  int64_t old_s = acme_now_s() - ACME_CLAIM_S;
  /* Nobody is at what was claimed, where nobody else is there. A claim may be of a time to come: of
   * one of several starts within a second, or of a clock that was put back. */
  sweep(server, all && server->was_alone ? INT64_MAX : old_s, all ? INT64_MAX : old_s);
}
