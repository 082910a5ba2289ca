/* The state machine, and the thread that drives it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

#define MAX_BACKOFF_MS 10000

/*
 * What a crash costs: before STAGE is durable, nothing was promised; the clients repeat. From STAGE
 * on, recovery finds the pending checkpoint and goes on at SIGN with the same bytes.
 */
static const struct state {
  const char *name;
  mtc_status (*run)(struct mtc_engine *engine, struct mtc_error *error);
} states[] = {
    [MTC_ENGINE_COLLECT] = {"collect", NULL},
    [MTC_ENGINE_SEAL] = {"seal", batch_seal},
    [MTC_ENGINE_HASH] = {"hash", batch_hash},
    [MTC_ENGINE_STAGE] = {"stage", batch_stage},
    [MTC_ENGINE_SIGN] = {"sign", batch_sign},
    [MTC_ENGINE_COMMIT] = {"commit", batch_commit},
    [MTC_ENGINE_PUBLISH] = {"publish", batch_publish},
    [MTC_ENGINE_COSIGN] = {"cosign", batch_cosign},
    [MTC_ENGINE_CERTIFY] = {"certify", batch_certify},
};

static void fault(const struct state *state, const char *when) {
  char name[32];
  (void)snprintf(name, sizeof name, "%s.%s", state->name, when);
  mtc_fault_point(name);
}

void engine_halt(struct mtc_engine *engine, mtc_status status, const char *text) {
  mtc_log(MTC_LOG_ERROR, "engine_halted", "status=%s why=\"%s\"", mtc_status_name(status), text);
  pthread_mutex_lock(&engine->lock);
  engine->halted = status;
  engine->stats.is_halted = true;
  (void)snprintf(engine->stats.last_error, sizeof engine->stats.last_error, "%s", text);
  pthread_mutex_unlock(&engine->lock);
}

/* Waits on `wake` for up to timeout_ms. Under engine->lock. */
static void wait_ms(struct mtc_engine *engine, int64_t timeout_ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += timeout_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  (void)pthread_cond_timedwait(&engine->wake, &engine->lock, &until);
}

/* After a failure that may pass: waits, and says whether to try again. */
static bool back_off(struct mtc_engine *engine, const struct state *state, mtc_status status,
                     const struct mtc_error *error) {
  unsigned shift = engine->batch.attempts < 8 ? engine->batch.attempts : 8;
  int64_t delay_ms = 50 << shift;
  if (delay_ms > MAX_BACKOFF_MS) delay_ms = MAX_BACKOFF_MS;
  mtc_log(MTC_LOG_WARNING, "state_failed", "state=%s status=%s retry_ms=%lld why=\"%s\"",
          state->name, mtc_status_name(status), (long long)delay_ms, error->text);
  int64_t until_ms = mtc_clock_monotonic_ms() + delay_ms;
  pthread_mutex_lock(&engine->lock);
  engine->stats.num_retries++;
  (void)snprintf(engine->stats.last_error, sizeof engine->stats.last_error, "%s: %s", state->name,
                 error->text);
  while (!engine->stopping && mtc_clock_monotonic_ms() < until_ms)
    wait_ms(engine, until_ms - mtc_clock_monotonic_ms());
  bool again = !engine->stopping;
  pthread_mutex_unlock(&engine->lock);
  engine->batch.attempts++;
  return again;
}

static void enter(struct mtc_engine *engine, enum mtc_engine_state state) {
  pthread_mutex_lock(&engine->lock);
  engine->stats.state = state;
  pthread_mutex_unlock(&engine->lock);
  engine->batch.attempts = 0;
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static mtc_status run_timed(struct mtc_engine *engine, enum mtc_engine_state at,
                            struct mtc_error *error) {
  uint64_t started_us = now_us();
  mtc_status status = states[at].run(engine, error);
  pthread_mutex_lock(&engine->lock);
  engine->stats.state_us[at] += now_us() - started_us;
  pthread_mutex_unlock(&engine->lock);
  return status;
}

mtc_status engine_run_states(struct mtc_engine *engine, enum mtc_engine_state from) {
  for (enum mtc_engine_state at = from; at <= MTC_ENGINE_CERTIFY;) {
    const struct state *state = &states[at];
    struct mtc_error error = {""};
    if (engine->batch.attempts == 0 || engine->stats.state != at) enter(engine, at);
    fault(state, "before");
    mtc_status status = run_timed(engine, at, &error);
    if (status == MTC_OK) {
      fault(state, "after");
      engine->batch.attempts = 0;
      at++;
      continue;
    }
    if (status == MTC_FATAL || status == MTC_CORRUPT || status == MTC_INPUT) {
      /* INPUT here is ours: everything in the batch was checked before it was queued. */
      char text[256];
      (void)snprintf(text, sizeof text, "%s: %s", state->name, error.text);
      engine_halt(engine, status == MTC_INPUT ? MTC_FATAL : status, text);
      return status == MTC_INPUT ? MTC_FATAL : status;
    }
    if (!back_off(engine, state, status, &error)) return status;
  }
  return MTC_OK;
}

/* COLLECT: waits until a batch is due. False: the engine stops. Under engine->lock. */
static bool collect(struct mtc_engine *engine) {
  for (;;) {
    if (engine->stopping || engine->halted) return false;
    if (engine->answered) return true;
    int64_t now_ms = mtc_clock_monotonic_ms(), now_s = mtc_clock_now_ms() / 1000;
    int64_t since_ms, expiry_s, wait = 60000;
    size_t num = queue_sealable(&engine->queue, engine->options.batch_max_entries, now_s, &since_ms,
                                &expiry_s);
    if (num >= engine->options.batch_max_entries) return true;
    if (num) {
      int64_t due_ms = since_ms + engine->options.batch_max_delay_ms;
      if (due_ms <= now_ms) return true;
      wait = due_ms - now_ms;
    }
    if (expiry_s) {
      int64_t expires_ms = expiry_s * 1000 - mtc_clock_now_ms();
      if (expires_ms < wait) wait = expires_ms < 1 ? 1 : expires_ms;
    }
    if (engine->next_landmark_ms) {
      if (engine->next_landmark_ms <= now_ms) return true;
      if (engine->next_landmark_ms - now_ms < wait) wait = engine->next_landmark_ms - now_ms;
    }
    wait_ms(engine, wait);
  }
}

/* Answers what the log knows already. Takes and releases the lock. */
static void answer_known(struct mtc_engine *engine) {
  pthread_mutex_lock(&engine->lock);
  struct item *known = engine->answered;
  engine->answered = NULL;
  pthread_mutex_unlock(&engine->lock);
  while (known) {
    struct item *item = known;
    known = item->next_by_request;
    item_answer(item, MTC_OK, engine->options.log_number, NULL);
    item_free(item);
  }
}

static void landmark_when_due(struct mtc_engine *engine) {
  int64_t now_ms = mtc_clock_monotonic_ms();
  struct mtc_landmark landmark;
  struct mtc_error error = {""};
  if (!engine->next_landmark_ms || engine->next_landmark_ms > now_ms) return;
  engine->next_landmark_ms = now_ms + engine->options.landmark_interval_s * 1000;
  mtc_status status = mtc_engine_allocate_landmark(engine, &landmark, &error);
  if (status && status != MTC_BUSY) /* BUSY: the tree has not grown */
    mtc_log(MTC_LOG_ERROR, "landmark_failed", "status=%s why=\"%s\"", mtc_status_name(status),
            error.text);
}

static bool batch_is_due(struct mtc_engine *engine) {
  int64_t since_ms, expiry_s;
  pthread_mutex_lock(&engine->lock);
  size_t num = queue_sealable(&engine->queue, engine->options.batch_max_entries,
                              mtc_clock_now_ms() / 1000, &since_ms, &expiry_s);
  pthread_mutex_unlock(&engine->lock);
  /* SEAL takes these: counting again, after the clock was set back, might find fewer. */
  engine->num_due = num;
  if (num >= engine->options.batch_max_entries) return true;
  return num && since_ms + engine->options.batch_max_delay_ms <= mtc_clock_monotonic_ms();
}

/* Answers what is still queued, now that nothing is accepted any more. */
static void answer_waiting(struct mtc_engine *engine) {
  pthread_mutex_lock(&engine->lock);
  mtc_status status = engine->halted ? engine->halted : MTC_BUSY;
  char text[sizeof engine->stats.last_error] = "the daemon is stopping";
  if (engine->halted) memcpy(text, engine->stats.last_error, sizeof text);
  struct queue queue = engine->queue;
  engine->queue = (struct queue){.first_index = queue.first_index + queue.num_slots};
  memset(engine->by_request, 0, sizeof engine->by_request);
  pthread_mutex_unlock(&engine->lock);
  for (size_t i = 0; i < queue.num_slots; i++) {
    struct item *item = queue_at(&queue, i)->item;
    if (!item) continue;
    item_answer(item, status, engine->options.log_number, text);
    item_free(item);
  }
  queue_free(&queue);
}

void *engine_thread(void *context) {
  struct mtc_engine *engine = context;
  for (;;) {
    fault(&states[MTC_ENGINE_COLLECT], "before");
    pthread_mutex_lock(&engine->lock);
    engine->stats.state = MTC_ENGINE_COLLECT;
    bool goes_on = collect(engine);
    pthread_mutex_unlock(&engine->lock);
    if (!goes_on) break;
    answer_known(engine);
    landmark_when_due(engine);
    if (!batch_is_due(engine)) continue;
    fault(&states[MTC_ENGINE_COLLECT], "after");
    mtc_status status = engine_run_states(engine, MTC_ENGINE_SEAL);
    /* A batch that could not be finished stays pending in the store; its clients may repeat. */
    for (size_t i = 0; status && i < engine->batch.num_entries; i++) {
      if (!engine->batch.items[i]) continue;
      pthread_mutex_lock(&engine->lock);
      request_remove(engine, engine->batch.items[i]);
      pthread_mutex_unlock(&engine->lock);
      item_answer(engine->batch.items[i],
                  status == MTC_FATAL || status == MTC_CORRUPT ? status : MTC_BUSY,
                  engine->options.log_number, "the log could not take the entry now");
    }
    batch_clear(&engine->batch);
    if (status) break;
  }
  /* Halted or stopping: submissions are refused, so what is found here is the last. */
  pthread_mutex_lock(&engine->lock);
  engine->stopping = true;
  pthread_mutex_unlock(&engine->lock);
  answer_known(engine);
  answer_waiting(engine);
  return NULL;
}
