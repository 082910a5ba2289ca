#include "acme/job.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "mtc/runtime.h"

/* Larger groups would make the first of them wait for the last without saving anything. */
#define MAX_GROUP 512u
#define MAX_WAIT_MS 1000
/* Under load a commit waits this long for others to share it: behind a group of so many, more come
 * soon. It costs an order some ms, and saves most of its page writes and flushes. */
#define GATHER_MS 4
#define GATHER_BEHIND 8u

struct acme_jobs {
  sqlite3 *db;
  acme_jobs_tick *tick;
  void *context;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  struct acme_job *first, **end;
  unsigned num_queued, last_group; /* jobs of the group before */
  bool is_awaited;                 /* the thread waits for a job: it is to be woken */
  bool is_stopping;
};

static struct timespec in_ms(int64_t wait_ms) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + wait_ms * 1000000;
  until.tv_sec += (time_t)(ns / 1000000000);
  until.tv_nsec = (long)(ns % 1000000000);
  return until;
}

/* Takes what is queued, waiting for it at most `wait_ms`. */
static struct acme_job *take(struct acme_jobs *jobs, int64_t wait_ms, bool *out_stop) {
  struct timespec until = in_ms(wait_ms), gathered = in_ms(GATHER_MS);
  struct acme_job *group = NULL;
  (void)pthread_mutex_lock(&jobs->mutex);
  if (jobs->last_group >= GATHER_BEHIND)
    while (jobs->num_queued < MAX_GROUP && !jobs->is_stopping)
      if (pthread_cond_timedwait(&jobs->wake, &jobs->mutex, &gathered) == ETIMEDOUT) break;
  jobs->is_awaited = true;
  while (!jobs->first && !jobs->is_stopping)
    if (pthread_cond_timedwait(&jobs->wake, &jobs->mutex, &until) == ETIMEDOUT) break;
  jobs->is_awaited = false;
  group = jobs->first;
  struct acme_job **link = &group;
  jobs->last_group = 0;
  for (; jobs->last_group < MAX_GROUP && *link; jobs->last_group++)
    link = &(*link)->next;
  jobs->num_queued -= jobs->last_group;
  jobs->first = *link;
  if (!jobs->first) jobs->end = &jobs->first;
  *link = NULL;
  *out_stop = jobs->is_stopping && !group;
  (void)pthread_mutex_unlock(&jobs->mutex);
  return group;
}

/* Runs the group's jobs; its failure is that of the first job that failed with something written.
 */
static mtc_status run_group(struct acme_jobs *jobs, struct acme_job *group,
                            struct mtc_error *error) {
  for (struct acme_job *job = group; job; job = job->next) {
    if (!job->run) continue;
    int64_t num_changes = sqlite3_total_changes64(jobs->db);
    error->text[0] = 0;
    job->status = job->run(job, error);
    if (!job->status) continue;
    mtc_log(MTC_LOG_ERROR, "database", "status=%s error=%s", mtc_status_name(job->status),
            error->text);
    /* Some failures make SQLite roll back by itself. */
    if (sqlite3_total_changes64(jobs->db) != num_changes || sqlite3_get_autocommit(jobs->db))
      return job->status;
  }
  return MTC_OK;
}

static mtc_status transact(struct acme_jobs *jobs, struct acme_job *group,
                           struct mtc_error *error) {
  bool is_needed = false;
  for (struct acme_job *job = group; job; job = job->next) {
    job->status = MTC_OK;
    is_needed = is_needed || job->run;
  }
  if (!is_needed) return MTC_OK;
  mtc_status status = mtc_sql_run_kept(jobs->db, "BEGIN IMMEDIATE", error);
  if (!status) status = run_group(jobs, group, error);
  if (!status) status = mtc_sql_run_kept(jobs->db, "COMMIT", error);
  if (!status) return MTC_OK;
  mtc_log(MTC_LOG_ERROR, "database", "rolled_back=yes status=%s error=%s", mtc_status_name(status),
          error->text);
  if (!sqlite3_get_autocommit(jobs->db) && mtc_sql_run(jobs->db, "ROLLBACK", NULL))
    mtc_log(MTC_LOG_ERROR, "database", "rollback=failed");
  return status;
}

static void *work(void *context) {
  struct acme_jobs *jobs = context;
  struct mtc_error error;
  bool is_stopping = false;
  while (!is_stopping) {
    int64_t wait_ms = jobs->tick ? jobs->tick(jobs->context) : MAX_WAIT_MS;
    if (wait_ms > MAX_WAIT_MS) wait_ms = MAX_WAIT_MS;
    struct acme_job *group = take(jobs, wait_ms < 0 ? 0 : wait_ms, &is_stopping);
    error.text[0] = 0;
    mtc_status status = transact(jobs, group, &error);
    while (group) {
      struct acme_job *job = group;
      group = job->next;
      /* What needs no transaction is not failed by one. */
      mtc_status own = job->status || !job->run ? job->status : status;
      job->done(job, own, own ? error.text : "");
    }
  }
  return NULL;
}

mtc_status acme_jobs_open(sqlite3 *db, acme_jobs_tick *tick, void *context, struct acme_jobs **out,
                          struct mtc_error *error) {
  struct acme_jobs *jobs = mtc_alloc(1, sizeof *jobs);
  pthread_condattr_t attributes;
  *out = NULL;
  if (!jobs) return MTC_NOMEM;
  *jobs = (struct acme_jobs){.db = db, .tick = tick, .context = context};
  jobs->end = &jobs->first;
  (void)pthread_mutex_init(&jobs->mutex, NULL);
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&jobs->wake, &attributes);
  (void)pthread_condattr_destroy(&attributes);
  /* Set before the thread is there, whose tick uses it. */
  *out = jobs;
  int result = pthread_create(&jobs->thread, NULL, work, jobs);
  if (!result) return MTC_OK;
  *out = NULL;
  (void)pthread_cond_destroy(&jobs->wake);
  (void)pthread_mutex_destroy(&jobs->mutex);
  mtc_free(jobs);
  return mtc_fail(error, MTC_IO, "thread of the database: %s", strerror(result));
}

void acme_jobs_put(struct acme_jobs *jobs, struct acme_job *job) {
  job->next = NULL;
  (void)pthread_mutex_lock(&jobs->mutex);
  *jobs->end = job;
  jobs->end = &job->next;
  jobs->num_queued++;
  if (jobs->is_awaited || jobs->num_queued == MAX_GROUP) (void)pthread_cond_signal(&jobs->wake);
  (void)pthread_mutex_unlock(&jobs->mutex);
}

void acme_jobs_close(struct acme_jobs *jobs) {
  if (!jobs) return;
  (void)pthread_mutex_lock(&jobs->mutex);
  jobs->is_stopping = true;
  (void)pthread_cond_signal(&jobs->wake);
  (void)pthread_mutex_unlock(&jobs->mutex);
  (void)pthread_join(jobs->thread, NULL);
  (void)pthread_cond_destroy(&jobs->wake);
  (void)pthread_mutex_destroy(&jobs->mutex);
  mtc_free(jobs);
}
