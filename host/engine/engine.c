#include "engine/engine.h"

#include <time.h>

#include "mtc/runtime.h"

static unsigned or_default(unsigned value, unsigned fallback) {
  return value ? value : fallback;
}

static mtc_status copy_options(struct mtc_engine *engine, const struct mtc_engine_options *options,
                               struct mtc_error *error) {
  engine->options = *options;
  engine->options.batch_max_entries = or_default(options->batch_max_entries, 4096);
  engine->options.batch_max_delay_ms = or_default(options->batch_max_delay_ms, 100);
  engine->options.queue_max_entries = or_default(options->queue_max_entries, 16384);
  engine->options.reservation_ttl_s = or_default(options->reservation_ttl_s, 60);
  if (engine->options.batch_max_entries > 1u << 20)
    return mtc_fail(error, MTC_INPUT, "batch_max_entries is above 2^20");
  if (engine->options.queue_max_entries > 1u << 20)
    return mtc_fail(error, MTC_INPUT, "queue_max_entries is above 2^20");
  mtc_bytes_append_span(&engine->public_key, options->public_key);
  engine->publish_folder = mtc_strdup(options->publish_folder);
  if (mtc_bytes_status(&engine->public_key) || !engine->publish_folder) return MTC_NOMEM;
  engine->options.public_key = mtc_span_of_bytes(&engine->public_key);
  engine->options.publish_folder = engine->publish_folder;
  if (mtc_tai_log_id(&options->ca_id, options->log_number, &engine->log_id))
    return mtc_fail(error, MTC_INPUT, "log number %llu, or the CA ID is too long for a log ID",
                    (unsigned long long)options->log_number);
  struct mtc_bytes name = {0};
  mtc_tai_append_origin(&options->ca_id, &name);
  mtc_status status = mtc_bytes_status(&name);
  if (!status)
    status = mtc_note_key_id(mtc_span_of_bytes(&name), options->public_key, engine->key_id);
  mtc_bytes_free(&name);
  return status ? mtc_fail(error, status, "the CA key has no form in checkpoint notes") : MTC_OK;
}

static mtc_status make_locks(struct mtc_engine *engine) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes)) return MTC_NOMEM;
  /* Deadlines are durations: they must not move when somebody sets the clock. */
  int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) ||
               pthread_cond_init(&engine->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  if (failed) return MTC_NOMEM;
  if (pthread_mutex_init(&engine->lock, NULL) || pthread_mutex_init(&engine->landmark_lock, NULL))
    return MTC_NOMEM;
  return MTC_OK;
}

static void release(struct mtc_engine *engine) {
  batch_clear(&engine->batch);
  queue_free(&engine->queue);
  mtc_bytes_free(&engine->public_key);
  mtc_free(engine->publish_folder);
  mtc_free(engine);
}

mtc_status mtc_engine_open(const struct mtc_engine_options *options, struct mtc_engine **out,
                           struct mtc_error *error) {
  struct mtc_engine *engine = mtc_alloc(1, sizeof *engine);
  if (!engine) return MTC_NOMEM;
  mtc_status status = make_locks(engine);
  if (!status) status = copy_options(engine, options, error);
  if (!status) status = engine_recover(engine, error);
  if (!status) status = engine_schedule_landmark(engine, error);
  if (!status && pthread_create(&engine->thread, NULL, engine_thread, engine) != 0)
    status = mtc_fail(error, MTC_NOMEM, "the engine's thread cannot be started");
  if (status) {
    release(engine);
    return status;
  }
  engine->thread_runs = true;
  *out = engine;
  return MTC_OK;
}

void mtc_engine_stats(struct mtc_engine *engine, struct mtc_engine_stats *out) {
  pthread_mutex_lock(&engine->lock);
  *out = engine->stats;
  out->num_waiting = engine->queue.num_items;
  pthread_mutex_unlock(&engine->lock);
}

void mtc_engine_stop(struct mtc_engine *engine) {
  if (!engine || !engine->thread_runs) return;
  pthread_mutex_lock(&engine->lock);
  engine->stopping = true;
  pthread_cond_broadcast(&engine->wake);
  pthread_mutex_unlock(&engine->lock);
  pthread_join(engine->thread, NULL);
  engine->thread_runs = false;
}

void mtc_engine_close(struct mtc_engine *engine) {
  if (!engine) return;
  mtc_engine_stop(engine);
  pthread_mutex_destroy(&engine->lock);
  pthread_mutex_destroy(&engine->landmark_lock);
  pthread_cond_destroy(&engine->wake);
  release(engine);
}
