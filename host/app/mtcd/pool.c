#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

static void *work(void *context) {
  struct pool *pool = context;
  pthread_mutex_lock(&pool->lock);
  for (;;) {
    while (!pool->first && !pool->stopping)
      pthread_cond_wait(&pool->wake, &pool->lock);
    struct job *job = pool->first;
    if (!job) break;
    pool->first = job->next;
    if (!pool->first) pool->last = &pool->first;
    pool->num_jobs--;
    pthread_mutex_unlock(&pool->lock);
    daemon_run_job(job);
    pthread_mutex_lock(&pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

mtc_status pool_open(struct pool *pool, struct mtc_error *error) {
  pool->last = &pool->first;
  if (pthread_mutex_init(&pool->lock, NULL) || pthread_cond_init(&pool->wake, NULL))
    return mtc_fail(error, MTC_NOMEM, "the worker threads cannot be prepared");
  while (pool->num_threads < NUM_WORKERS) {
    if (pthread_create(&pool->threads[pool->num_threads], NULL, work, pool) != 0) {
      pool_close(pool);
      return mtc_fail(error, MTC_NOMEM, "a worker thread cannot be started");
    }
    pool->num_threads++;
  }
  return MTC_OK;
}

mtc_status pool_push(struct pool *pool, struct job *job) {
  pthread_mutex_lock(&pool->lock);
  mtc_status status = !job->is_receipt && pool->num_jobs >= MAX_JOBS ? MTC_BUSY : MTC_OK;
  if (!status) {
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    pool->num_jobs++;
    pthread_cond_signal(&pool->wake);
  }
  pthread_mutex_unlock(&pool->lock);
  return status;
}

void pool_close(struct pool *pool) {
  if (!pool->num_threads) return;
  pthread_mutex_lock(&pool->lock);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (unsigned i = 0; i < pool->num_threads; i++)
    pthread_join(pool->threads[i], NULL);
  pool->num_threads = 0;
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
}
