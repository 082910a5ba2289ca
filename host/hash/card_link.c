/* The batches of a session: queued, open, done or failed; and the end of the session. */
#include "hash/card_link.h"

#include <signal.h>
#include <time.h>

#include "hash/card_threads.h"
#include "mtc/runtime.h"

#define COUNTERS_TIMEOUT_MS 100u

/* Under the lock. */
static void fail(struct mtc_card_link *link, const struct mtc_error *fault) {
  if (link->has_failed) return;
  link->has_failed = true;
  link->fault = *fault;
  mtc_card_diagnose(&link->card, &link->fault);
  for (struct mtc_link_batch *batch = link->first; batch; batch = batch->next)
    batch->state = MTC_LINK_FAILED;
  link->first = NULL;
  link->last = &link->first;
  link->sending = NULL;
  link->num_open = 0;
  link->num_entries = 0;
  pthread_cond_broadcast(&link->changed);
}

void mtc_card_link_fail(struct mtc_card_link *link, const struct mtc_error *fault) {
  pthread_mutex_lock(&link->lock);
  fail(link, fault);
  pthread_mutex_unlock(&link->lock);
}

mtc_status mtc_card_link_status(struct mtc_card_link *link, struct mtc_error *error) {
  pthread_mutex_lock(&link->lock);
  mtc_status status =
      link->has_failed ? mtc_fail(error, MTC_DEVICE, "%s", link->fault.text) : MTC_OK;
  pthread_mutex_unlock(&link->lock);
  return status;
}

uint64_t mtc_card_link_load(struct mtc_card_link *link) {
  pthread_mutex_lock(&link->lock);
  uint64_t load = link->num_entries;
  pthread_mutex_unlock(&link->lock);
  return load;
}

mtc_status mtc_card_link_submit(struct mtc_card_link *link, struct mtc_link_batch *batch) {
  pthread_mutex_lock(&link->lock);
  mtc_status status = link->has_failed ? MTC_DEVICE : MTC_OK;
  if (!status) {
    batch->wire.number = ++link->num_submitted;
    batch->state = MTC_LINK_QUEUED;
    batch->next = NULL;
    link->num_entries += batch->wire.job->num_entries;
    if (!link->first) mtc_card_link_restart_clock(link, batch);
    *link->last = batch;
    link->last = &batch->next;
    if (!link->sending) link->sending = batch;
    pthread_cond_broadcast(&link->changed);
  }
  pthread_mutex_unlock(&link->lock);
  return status;
}

/*
 * Waits until something changed, or the oldest batch is late: one that the writer has not begun,
 * too, because a card can answer the batch before without taking all of it. Under the lock, by the
 * owner of a batch that is not done.
 */
static void wait_for_change(struct mtc_card_link *link) {
  if (mtc_clock_monotonic_ms() < link->deadline_ms) {
    struct timespec deadline = {.tv_sec = link->deadline_ms / 1000,
                                .tv_nsec = link->deadline_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(&link->changed, &link->lock, &deadline);
    return;
  }
  struct mtc_error late = {""};
  (void)mtc_fail(&late, MTC_DEVICE, "the card was not done within %llu ms (batch %u)",
                 (unsigned long long)link->first->timeout_ms, link->first->wire.number);
  fail(link, &late);
}

mtc_status mtc_card_link_wait(struct mtc_card_link *link, struct mtc_link_batch *batch,
                              struct mtc_error *error) {
  pthread_mutex_lock(&link->lock);
  while (batch->state == MTC_LINK_QUEUED || batch->state == MTC_LINK_OPEN)
    wait_for_change(link);
  mtc_status status =
      batch->state == MTC_LINK_DONE ? MTC_OK : mtc_fail(error, MTC_DEVICE, "%s", link->fault.text);
  pthread_mutex_unlock(&link->lock);
  return status;
}

bool mtc_card_link_counters(struct mtc_card_link *link, struct mtc_card_counters *out) {
  struct mtc_error error = {""};
  pthread_mutex_lock(&link->command_lock);
  bool has_answered =
      link->card.registers &&
      mtc_card_read_counters(&link->card, COUNTERS_TIMEOUT_MS, out, &error) == MTC_OK;
  pthread_mutex_unlock(&link->command_lock);
  return has_answered;
}

static mtc_status init(struct mtc_card_link *link) {
  link->last = &link->first;
  link->num_holders = 1;
  if (pthread_mutex_init(&link->lock, NULL) != 0) return MTC_NOMEM;
  if (pthread_mutex_init(&link->command_lock, NULL) == 0) {
    if (mtc_card_init_condition(&link->changed) == MTC_OK) return MTC_OK;
    (void)pthread_mutex_destroy(&link->command_lock);
  }
  (void)pthread_mutex_destroy(&link->lock);
  return MTC_NOMEM;
}

/* The threads take no signals: a card that is gone must not kill the process with SIGPIPE. */
static mtc_status start_threads(struct mtc_card_link *link, struct mtc_error *error) {
  sigset_t all, saved;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &saved);
  bool has_reader = pthread_create(&link->reader, NULL, mtc_card_reader, link) == 0;
  link->is_running = has_reader && pthread_create(&link->writer, NULL, mtc_card_writer, link) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
  if (link->is_running) return MTC_OK;
  mtc_status status = mtc_fail(error, MTC_NOMEM, "no threads for the card");
  mtc_card_link_fail(link, error);
  if (has_reader) (void)pthread_join(link->reader, NULL);
  return status;
}

mtc_status mtc_card_link_open(const char *path, unsigned lane, unsigned timeout_ms,
                              struct mtc_card_link **out, struct mtc_error *error) {
  struct mtc_card_link *link = mtc_alloc(1, sizeof *link);
  if (!link || init(link)) {
    mtc_free(link);
    return mtc_fail(error, MTC_NOMEM, "no memory to open the card");
  }
  mtc_status status = mtc_card_open(&link->card, path, lane, timeout_ms, error);
  if (!status) status = start_threads(link, error);
  if (status) {
    mtc_card_link_stop(link);
    mtc_card_link_release(link);
    return status;
  }
  *out = link;
  return MTC_OK;
}

void mtc_card_link_stop(struct mtc_card_link *link) {
  struct mtc_error closed = {"the card was closed"};
  mtc_card_link_fail(link, &closed);
  if (link->is_running) {
    (void)pthread_cancel(link->writer);
    (void)pthread_cancel(link->reader);
    (void)pthread_join(link->writer, NULL);
    (void)pthread_join(link->reader, NULL);
    link->is_running = false;
  }
  pthread_mutex_lock(&link->command_lock);
  mtc_card_close(&link->card);
  pthread_mutex_unlock(&link->command_lock);
}

void mtc_card_link_hold(struct mtc_card_link *link) {
  pthread_mutex_lock(&link->lock);
  link->num_holders++;
  pthread_mutex_unlock(&link->lock);
}

void mtc_card_link_release(struct mtc_card_link *link) {
  pthread_mutex_lock(&link->lock);
  bool is_last = --link->num_holders == 0;
  pthread_mutex_unlock(&link->lock);
  if (!is_last) return;
  (void)pthread_cond_destroy(&link->changed);
  (void)pthread_mutex_destroy(&link->command_lock);
  (void)pthread_mutex_destroy(&link->lock);
  mtc_free(link);
}
