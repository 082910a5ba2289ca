/* The one thread that has the database: what is waiting goes into one transaction together. */
#ifndef ACME_JOB_H
#define ACME_JOB_H

#include "store/sqlite.h"

/*
 * A unit of work, embedded in what it is about. `run` works within the transaction; a failure of
 * one that has written fails the whole group, which is rolled back. `done` comes after the commit,
 * on the same thread, with MTC_OK only when everything that `run` wrote is durable; it may free the
 * job. A job without `run` needs no transaction.
 */
struct acme_job {
  struct acme_job *next;
  mtc_status (*run)(struct acme_job *job, struct mtc_error *error);
  void (*done)(struct acme_job *job, mtc_status status, const char *text);
  mtc_status status;
};

/* Runs on the thread outside of transactions; gives the milliseconds until it wants to again. */
typedef int64_t acme_jobs_tick(void *context);

struct acme_jobs;

/*
 * acme_jobs_open starts the thread; nobody else uses `db` until acme_jobs_close.
 *
 * Requires: tick may be NULL.
 * Errors:   NOMEM, IO (no thread).
 */
mtc_status acme_jobs_open(sqlite3 *db, acme_jobs_tick *tick, void *context, struct acme_jobs **out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_jobs_put queues a job. Threads: any, also from `run`, `done` and the tick.
 */
void acme_jobs_put(struct acme_jobs *jobs, struct acme_job *job);

/*
 * acme_jobs_close runs what is queued, ends the thread and releases; NULL is ignored.
 */
void acme_jobs_close(struct acme_jobs *jobs);

#endif
