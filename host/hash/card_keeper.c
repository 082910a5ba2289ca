/* What happens to a card after its retirement. */
#include <stdio.h>
#include <time.h>

#include "hash/card_hasher.h"
#include "mtc/runtime.h"

mtc_status mtc_card_open_tested(const struct card_hasher *self, struct mtc_card_link **out,
                                struct mtc_error *error) {
  unsigned timeout_ms = self->timeout_ms ? self->timeout_ms : MTC_CARD_TIMEOUT_MS;
  struct mtc_card_link *link = NULL;
  mtc_status status = mtc_card_link_open(self->path, timeout_ms, &link, error);
  if (status) return status;
  status = mtc_card_link_test(link, timeout_ms, error);
  if (status) {
    mtc_card_link_stop(link);
    mtc_card_link_release(link);
    return status;
  }
  *out = link;
  return MTC_OK;
}

void mtc_card_admit(struct card_hasher *self, struct mtc_card_link *link) {
  self->link = link;
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  stats->card_in_service = true;
  stats->card_fault[0] = 0;
  stats->card_test_fault[0] = 0;
  stats->max_card_batches = link->card.max_open;
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

static void stop(struct card_hasher *self, struct mtc_card_link *link) {
  pthread_mutex_unlock(&self->lock);
  mtc_card_link_stop(link);
  mtc_card_link_release(link);
  pthread_mutex_lock(&self->lock);
}

static void set_in_test(struct card_hasher *self, bool is_in_test) {
  pthread_mutex_lock(&self->hasher.stats_lock);
  self->hasher.stats.card_in_test = is_in_test;
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

static void note_failed_test(struct card_hasher *self, const struct mtc_error *fault) {
  mtc_log(MTC_LOG_WARNING, "card_test_failed", "fault=\"%s\"", fault->text);
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  (void)snprintf(stats->card_test_fault, sizeof stats->card_test_fault, "%s", fault->text);
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

static void readmit(struct card_hasher *self, struct mtc_card_link *link, unsigned num_clean) {
  pthread_mutex_lock(&self->hasher.stats_lock);
  self->hasher.stats.num_card_readmissions++;
  pthread_mutex_unlock(&self->hasher.stats_lock);
  mtc_card_admit(self, link);
  mtc_log(MTC_LOG_WARNING, "card_readmitted", "clean_tests=%u asked=%s", num_clean,
          self->is_asked ? "true" : "false");
}

/* One self-test; the last of those that were asked for brings the card back. Under the lock. */
static void test(struct card_hasher *self, unsigned *num_clean) {
  struct mtc_card_link *link = NULL;
  struct mtc_error fault = {""};
  set_in_test(self, true);
  pthread_mutex_unlock(&self->lock);
  mtc_status status = mtc_card_open_tested(self, &link, &fault);
  pthread_mutex_lock(&self->lock);
  *num_clean = status ? 0 : *num_clean + 1;
  bool is_enough = self->is_asked || (self->readmit_after && *num_clean >= self->readmit_after);
  if (status) {
    note_failed_test(self, &fault);
  } else if (is_enough && !self->is_closing) {
    readmit(self, link, *num_clean);
    *num_clean = 0;
  } else {
    stop(self, link);
  }
  self->is_asked = false;
  set_in_test(self, false);
}

void *mtc_card_keeper(void *hasher) {
  struct card_hasher *self = hasher;
  unsigned num_clean = 0;
  int64_t next_ms = 0; /* when the next self-test is due */
  pthread_mutex_lock(&self->lock);
  while (!self->is_closing) {
    int64_t now_ms = mtc_clock_monotonic_ms();
    if (self->retired) {
      struct mtc_card_link *link = self->retired;
      self->retired = NULL;
      next_ms = now_ms + self->readmit_interval_ms;
      stop(self, link);
    } else if (self->link || (!self->is_asked && !self->readmit_after)) {
      pthread_cond_wait(&self->changed, &self->lock);
    } else if (!self->is_asked && now_ms < next_ms) {
      struct timespec next = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
      (void)pthread_cond_timedwait(&self->changed, &self->lock, &next);
    } else {
      test(self, &num_clean);
      next_ms = mtc_clock_monotonic_ms() + self->readmit_interval_ms;
    }
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}
