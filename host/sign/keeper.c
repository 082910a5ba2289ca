/*
 * Fail-back, and standby tokens that are known to work before they are needed: a thread tries what
 * is down when its time has come, and what has not served for a minute. Requests never wait for it.
 */
#include "mtc/runtime.h"
#include "sign/signer.h"

#define TEST_EVERY_MS 60000
#define LONGEST_WAIT_MS 60000

/* When the source is to be tried; INT64_MAX: not before an operator has looked. */
static int64_t due_ms(const struct signer_source *source) {
  if (source->stats.latched) return INT64_MAX;
  if (source->stats.down) return source->not_before_ms;
  return source->tested_ms ? source->tested_ms + TEST_EVERY_MS : 0;
}

/* The source whose test is due longest; else NULL, and for how long nothing is. Under the lock. */
static struct signer_source *find_due(struct mtc_signer *signer, int64_t *out_wait_ms) {
  int64_t now_ms = mtc_clock_monotonic_ms(), soonest_ms = now_ms + LONGEST_WAIT_MS;
  struct signer_source *found = NULL;
  for (unsigned i = 0; i < signer->num_sources; i++) {
    int64_t at_ms = due_ms(&signer->sources[i]);
    if (at_ms >= soonest_ms) continue;
    soonest_ms = at_ms;
    found = &signer->sources[i];
  }
  *out_wait_ms = soonest_ms - now_ms;
  return soonest_ms <= now_ms ? found : NULL;
}

static void *keep(void *context) {
  struct mtc_signer *signer = context;
  (void)pthread_mutex_lock(&signer->lock);
  while (!signer->stopping) {
    int64_t wait_ms;
    struct signer_source *source = find_due(signer, &wait_ms);
    if (!source) {
      int64_t until_ms = mtc_clock_monotonic_ms() + wait_ms + 1;
      struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
      (void)pthread_cond_timedwait(&signer->changed, &signer->lock, &until);
      continue;
    }
    (void)pthread_mutex_unlock(&signer->lock);
    struct mtc_error error = {""};
    mtc_status status = source_test(signer, source, &error);
    (void)pthread_mutex_lock(&signer->lock);
    /* Out of memory is nobody's fault: do not spin on it. */
    if (status == MTC_NOMEM) source->tested_ms = mtc_clock_monotonic_ms();
  }
  (void)pthread_mutex_unlock(&signer->lock);
  return NULL;
}

mtc_status keeper_start(struct mtc_signer *signer, struct mtc_error *error) {
  if (pthread_create(&signer->keeper, NULL, keep, signer) != 0)
    return mtc_fail(error, MTC_NOMEM, "signer: the thread for standby tokens cannot be started");
  signer->keeper_runs = true;
  return MTC_OK;
}

void keeper_stop(struct mtc_signer *signer) {
  if (!signer->keeper_runs) return;
  (void)pthread_mutex_lock(&signer->lock);
  signer->stopping = true;
  (void)pthread_cond_broadcast(&signer->changed);
  (void)pthread_mutex_unlock(&signer->lock);
  (void)pthread_join(signer->keeper, NULL);
  signer->keeper_runs = false;
}
