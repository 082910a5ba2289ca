/*
 * Rows that nobody asks for any more. A pass goes through certificates (with their orders), orders
 * and authorizations in the order of their keys, a step at a time: each looks at a few rows,
 * removes what is due within the transaction that others share, and waits. No index is kept for it.
 * Several servers may do so on one database: a row that another has removed is not there.
 */
#include <stdio.h>

#include "acme/order.h"
#include "mtc/runtime.h"

/* 10,000 rows a second at most, in transactions of one or two milliseconds. */
#define STEP_ROWS 200u
#define STEP_DUE 100u
#define PAUSE_MS 20
#define PASS_MS 3600000

enum stage { CERTIFICATES, ORDERS, AUTHORIZATIONS, NUM_STAGES };

struct due {
  uint64_t id;
  char cert_id[128];
};

struct purging {
  struct acme_job job; /* first */
  struct acme_retry retry;
  struct acme_server *server;
  int64_t before_s; /* what ended before then is due */
  enum stage stage;
  char cert_id[128]; /* where the step begins, and the next one will: */
  uint64_t id;
  struct due at; /* where it ended */
  bool is_stage_done;
  struct due due[STEP_DUE];
  size_t num_due;
  uint64_t num_purged[NUM_STAGES];
};

/*
 * Columns: the row's ID, when it ended, 1 where it can be due. A certificate's end is its notAfter:
 * until then and the retention it can be fetched, revoked, asked about and replaced. A processing
 * order's outcome is open; a valid one goes with its certificate. A validation that runs ends
 * first.
 */
static const char *const selects[NUM_STAGES] = {
    [CERTIFICATES] =
        "SELECT order_id, not_after_s, 1, cert_id FROM certificates WHERE cert_id > ?"
        " ORDER BY cert_id LIMIT ?",
    [ORDERS] =
        "SELECT id, expires_s, CASE WHEN status IN (0, 4) THEN 1 ELSE 0 END FROM orders"
        " WHERE id > ? ORDER BY id LIMIT ?", /* ACME_PENDING, ACME_INVALID */
    [AUTHORIZATIONS] =
        "SELECT id, expires_s, CASE WHEN claimed_s = 0 THEN 1 ELSE 0 END"
        " FROM authorizations WHERE id > ? ORDER BY id LIMIT ?",
};

static const char *const deletes[NUM_STAGES] = {
    [CERTIFICATES] = "DELETE FROM orders WHERE id = ? AND status = 3", /* ACME_VALID */
    [ORDERS] = "DELETE FROM orders WHERE id = ?",
    [AUTHORIZATIONS] = "DELETE FROM authorizations WHERE id = ?",
};

static mtc_status find_due(struct purging *purging, struct mtc_error *error) {
  struct mtc_query query;
  size_t num_rows = 0;
  purging->num_due = 0;
  mtc_query_open(&query, purging->server->db, selects[purging->stage], error);
  if (purging->stage == CERTIFICATES)
    mtc_query_bind_text(&query, 1, purging->cert_id);
  else
    mtc_query_bind_uint(&query, 1, purging->id);
  mtc_query_bind_uint(&query, 2, STEP_ROWS);
  while (purging->num_due < STEP_DUE && mtc_query_next(&query)) {
    bool is_due = mtc_query_int(&query, 1) < purging->before_s && mtc_query_uint(&query, 2) == 1;
    purging->at.id = mtc_query_uint(&query, 0);
    if (purging->stage == CERTIFICATES)
      (void)snprintf(purging->at.cert_id, sizeof purging->at.cert_id, "%s",
                     mtc_query_text(&query, 3));
    if (is_due && !query.status) purging->due[purging->num_due++] = purging->at;
    num_rows++;
  }
  purging->is_stage_done = num_rows < STEP_ROWS && purging->num_due < STEP_DUE;
  return mtc_query_close(&query);
}

static mtc_status delete_certificates(struct purging *purging, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, purging->server->db, "DELETE FROM certificates WHERE cert_id = ?", error);
  for (size_t i = 0; i < purging->num_due; i++) {
    mtc_query_bind_text(&query, 1, purging->due[i].cert_id);
    (void)mtc_query_run(&query);
  }
  return mtc_query_close(&query);
}

static mtc_status purge_run(struct acme_job *job, struct mtc_error *error) {
  struct purging *purging = (struct purging *)job;
  struct mtc_query query;
  mtc_status status = find_due(purging, error);
  if (status || !purging->num_due) return status;
  if (purging->stage == CERTIFICATES) status = delete_certificates(purging, error);
  if (status) return status;
  mtc_query_open(&query, purging->server->db, deletes[purging->stage], error);
  for (size_t i = 0; i < purging->num_due; i++) {
    mtc_query_bind_uint(&query, 1, purging->due[i].id);
    (void)mtc_query_run(&query);
  }
  return mtc_query_close(&query);
}

static void finish(struct purging *purging) {
  const uint64_t *num = purging->num_purged;
  if (num[CERTIFICATES] + num[ORDERS] + num[AUTHORIZATIONS])
    mtc_log(MTC_LOG_INFO, "purged", "certificates=%llu orders=%llu authorizations=%llu",
            (unsigned long long)num[CERTIFICATES], (unsigned long long)num[ORDERS],
            (unsigned long long)num[AUTHORIZATIONS]);
  purging->server->purge_ms = mtc_clock_monotonic_ms() + PASS_MS;
  mtc_free(purging);
}

static void step(struct acme_retry *retry) {
  struct purging *purging = (struct purging *)((char *)retry - offsetof(struct purging, retry));
  if (purging->server->is_stopping)
    finish(purging);
  else
    acme_jobs_put(purging->server->jobs, &purging->job);
}

/* A step that failed is done again: its rows are as they were. */
static void purged(struct acme_job *job, mtc_status status, const char *text) {
  struct purging *purging = (struct purging *)job;
  (void)text;
  if (!status) {
    purging->num_purged[purging->stage] += purging->num_due;
    purging->id = purging->at.id;
    (void)snprintf(purging->cert_id, sizeof purging->cert_id, "%s", purging->at.cert_id);
    if (purging->is_stage_done) {
      purging->stage++;
      purging->id = 0;
    }
  }
  if (purging->stage == NUM_STAGES) {
    finish(purging);
    return;
  }
  purging->retry.call = step;
  acme_retry_later(purging->server, &purging->retry, status ? PASS_MS / 60 : PAUSE_MS);
}

void acme_purge(struct acme_server *server) {
  struct purging *purging = mtc_alloc(1, sizeof *purging);
  if (!purging) {
    server->purge_ms = mtc_clock_monotonic_ms() + PASS_MS;
    return;
  }
  server->purge_ms = INT64_MAX; /* until this pass is done */
  purging->server = server;
  purging->before_s = acme_now_s() - server->config->retention_s;
  purging->job.run = purge_run;
  purging->job.done = purged;
  acme_jobs_put(server->jobs, &purging->job);
}
