/* The two stream threads of an exchange with the card, and their deadline. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "hash/card.h"
#include "mtc/runtime.h"

/* What the threads and the waiting caller share. */
struct exchange_state {
  struct mtc_card *card;
  const struct mtc_card_exchange *exchange;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned num_running;
  mtc_status status; /* of the half that failed first */
  struct mtc_error error;
};

static void *run_half(struct exchange_state *state,
                      mtc_status (*half)(struct mtc_card *, void *, struct mtc_error *)) {
  struct mtc_error error = {0};
  mtc_status status = half(state->card, state->exchange->context, &error);
  pthread_mutex_lock(&state->lock);
  state->num_running--;
  if (status && !state->status) {
    state->status = status;
    state->error = error;
  }
  pthread_cond_signal(&state->changed);
  pthread_mutex_unlock(&state->lock);
  return NULL;
}

static void *run_writer(void *context) {
  struct exchange_state *state = context;
  return run_half(state, state->exchange->write);
}

static void *run_reader(void *context) {
  struct exchange_state *state = context;
  return run_half(state, state->exchange->read);
}

static struct timespec deadline_of(uint64_t timeout_ms) {
  struct timespec deadline;
  (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += (time_t)(timeout_ms / 1000);
  deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000) {
    deadline.tv_sec++;
    deadline.tv_nsec -= 1000000000;
  }
  return deadline;
}

/* Waits until both halves ended, one failed, or the time is over. */
static void wait_for_end(struct exchange_state *state, uint64_t timeout_ms) {
  struct timespec deadline = deadline_of(timeout_ms);
  pthread_mutex_lock(&state->lock);
  while (state->num_running && !state->status) {
    if (pthread_cond_timedwait(&state->changed, &state->lock, &deadline) != 0 &&
        state->num_running && !state->status) {
      state->status = mtc_fail(&state->error, MTC_DEVICE, "the card was not done within %llu ms",
                               (unsigned long long)timeout_ms);
    }
  }
  pthread_mutex_unlock(&state->lock);
}

/* A thread that sits in a read or write of the card is cancelled there; one that ended is joined.
 */
static void end_thread(pthread_t thread) {
  (void)pthread_cancel(thread);
  (void)pthread_join(thread, NULL);
}

mtc_status mtc_card_run(struct mtc_card *card, const struct mtc_card_exchange *exchange,
                        uint64_t timeout_ms, struct mtc_error *error) {
  struct exchange_state state = {
      .card = card, .exchange = exchange, .lock = PTHREAD_MUTEX_INITIALIZER, .num_running = 2};
  pthread_condattr_t monotonic;
  if (pthread_condattr_init(&monotonic) != 0)
    return mtc_fail(error, MTC_NOMEM, "no condition variable for the card");
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  int failed = pthread_cond_init(&state.changed, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  if (failed) return mtc_fail(error, MTC_NOMEM, "no condition variable for the card");

  /* The threads take no signals: a card that is gone must not kill the process with SIGPIPE. */
  sigset_t all, saved;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &saved);
  pthread_t reader, writer;
  bool has_reader = pthread_create(&reader, NULL, run_reader, &state) == 0;
  bool has_writer = has_reader && pthread_create(&writer, NULL, run_writer, &state) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);

  /* The writer comes last: without it nothing was sent, and the card is as it was. */
  mtc_status status;
  if (has_writer) {
    wait_for_end(&state, timeout_ms);
    end_thread(writer);
  }
  if (has_reader) end_thread(reader);
  status = state.status;
  if (!has_writer)
    status = mtc_fail(error, MTC_NOMEM, "no threads for the card");
  else if (status)
    (void)mtc_fail(error, status, "%s", state.error.text);
  (void)pthread_cond_destroy(&state.changed);
  (void)pthread_mutex_destroy(&state.lock);
  return status;
}
