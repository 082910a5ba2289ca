/* What happens to a lane while it is out of service: a thread for each, so that neither a batch nor
 * another lane waits for it. */
#include <time.h>

#include "hash/card_hasher.h"
#include "mtc/runtime.h"

/* Opens the lane and runs the known-answer test. Without the lock. */
static mtc_status open_tested(const struct card_lane *lane, struct mtc_card_link **out,
                              struct mtc_error *error) {
  const struct card_hasher *self = lane->hasher;
  unsigned timeout_ms = self->timeout_ms ? self->timeout_ms : MTC_CARD_TIMEOUT_MS;
  struct mtc_card_link *link = NULL;
  mtc_status status = mtc_card_link_open(self->path, lane->number, timeout_ms, &link, error);
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

static void stop(struct card_hasher *self, struct mtc_card_link *link) {
  pthread_mutex_unlock(&self->lock);
  mtc_card_link_stop(link);
  mtc_card_link_release(link);
  pthread_mutex_lock(&self->lock);
}

/* The lane's first test: what comes of it is told to whoever opens the card. Under the lock. */
static void end_first_test(struct card_lane *lane, struct mtc_card_link *link, mtc_status status,
                           const struct mtc_error *fault) {
  lane->link = link;
  if (link)
    mtc_card_note_admitted(lane, 1);
  else
    mtc_card_note_retired(lane, fault);
  lane->first_status = status;
  lane->first_fault = *fault;
  lane->was_tried = true;
  pthread_cond_broadcast(&lane->hasher->changed);
}

/* A later one: the last of those that were asked for brings the lane back. Under the lock. */
static void end_test(struct card_lane *lane, struct mtc_card_link *link, mtc_status status,
                     const struct mtc_error *fault, unsigned *num_clean) {
  struct card_hasher *self = lane->hasher;
  *num_clean = status ? 0 : *num_clean + 1;
  bool is_enough = lane->is_asked || (self->readmit_after && *num_clean >= self->readmit_after);
  if (status) {
    mtc_card_note_failed_test(lane, fault);
  } else if (is_enough && !self->is_closing) {
    lane->link = link;
    mtc_card_note_admitted(lane, *num_clean);
    *num_clean = 0;
  } else {
    stop(self, link);
  }
}

/*
 * One self-test. Lane 0 asks for the number of lanes before it: the card may be another one than
 * before, and that lane may be the one that is broken. Under the lock.
 */
static void test(struct card_lane *lane, unsigned *num_clean) {
  struct card_hasher *self = lane->hasher;
  struct mtc_card_link *link = NULL;
  struct mtc_error fault = {""};
  unsigned num_lanes = 0;
  mtc_card_note_test(lane, true);
  if (lane->number == 0) {
    pthread_mutex_unlock(&self->lock);
    mtc_status counted = mtc_card_count_lanes(self->path, &num_lanes, &fault);
    pthread_mutex_lock(&self->lock);
    if (!counted) mtc_card_add_lanes(self, num_lanes);
  }
  pthread_mutex_unlock(&self->lock);
  mtc_status status = open_tested(lane, &link, &fault);
  pthread_mutex_lock(&self->lock);
  if (lane->was_tried)
    end_test(lane, link, status, &fault, num_clean);
  else
    end_first_test(lane, link, status, &fault);
  lane->is_asked = false;
  mtc_card_note_test(lane, false);
}

static void *keep(void *context) {
  struct card_lane *lane = context;
  struct card_hasher *self = lane->hasher;
  unsigned num_clean = 0;
  int64_t next_ms = 0; /* when the next self-test is due */
  pthread_mutex_lock(&self->lock);
  while (!self->is_closing) {
    int64_t now_ms = mtc_clock_monotonic_ms();
    if (lane->retired) {
      struct mtc_card_link *link = lane->retired;
      lane->retired = NULL;
      next_ms = now_ms + self->readmit_interval_ms;
      stop(self, link);
    } else if (lane->link || (!lane->is_asked && !self->readmit_after)) {
      pthread_cond_wait(&self->changed, &self->lock);
    } else if (!lane->is_asked && now_ms < next_ms) {
      struct timespec next = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
      (void)pthread_cond_timedwait(&self->changed, &self->lock, &next);
    } else {
      test(lane, &num_clean);
      next_ms = mtc_clock_monotonic_ms() + self->readmit_interval_ms;
    }
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}

void mtc_card_add_lanes(struct card_hasher *self, unsigned num_lanes) {
  if (num_lanes > MTC_MAX_LANES) {
    if (self->num_lanes < MTC_MAX_LANES)
      mtc_log(MTC_LOG_WARNING, "card_lanes_unused", "lanes=%u used=%u", num_lanes, MTC_MAX_LANES);
    num_lanes = MTC_MAX_LANES;
  }
  while (self->num_lanes < num_lanes && !self->is_closing) {
    struct card_lane *lane = &self->lanes[self->num_lanes];
    *lane = (struct card_lane){.hasher = self, .number = self->num_lanes, .is_asked = true};
    if (pthread_create(&lane->keeper, NULL, keep, lane) != 0) {
      mtc_log(MTC_LOG_ERROR, "card_lanes_unused", "lanes=%u used=%u fault=\"no thread\"", num_lanes,
              self->num_lanes);
      return;
    }
    self->num_lanes++;
    pthread_mutex_lock(&self->hasher.stats_lock);
    self->hasher.stats.num_lanes = self->num_lanes;
    pthread_mutex_unlock(&self->hasher.stats_lock);
  }
}
