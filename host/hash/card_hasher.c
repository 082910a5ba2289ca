/* The card backend: a batch goes to the lane that has the least to do; what a lane does not finish
 * rightly is the CPU's. */
#include "hash/card_hasher.h"

#include <string.h>
#include <sys/random.h>

#include "hash/card_threads.h"
#include "mtc/runtime.h"

/* The card's part of a ticket. It holds its link until the ticket is waited for. */
struct card_part {
  struct mtc_link_batch batch;
  struct card_lane *lane;
  struct mtc_card_link *link;
};

/*
 * Without a timeout of the caller's, a large batch has more time: 100 microseconds a SHA-256 block,
 * several times what even the model takes.
 */
static uint64_t timeout_of(const struct card_hasher *self, const struct mtc_hash_job *job) {
  if (self->timeout_ms) return self->timeout_ms;
  uint64_t num_blocks = 0;
  for (size_t i = 0; i < job->num_entries; i++)
    num_blocks += job->entries[i].len / 64 + 4;
  return MTC_CARD_TIMEOUT_MS + num_blocks / 10;
}

static size_t longest_entry(const struct mtc_hash_job *job) {
  size_t longest = 0;
  for (size_t i = 0; i < job->num_entries; i++)
    if (job->entries[i].len > longest) longest = job->entries[i].len;
  return longest;
}

/*
 * Gives the lane in service that takes such a batch and has the fewest entries on their way, in
 * turn where several have; its link has a holder more. NULL when there is none.
 */
static struct card_lane *choose_lane(struct card_hasher *self, size_t num_entries, size_t longest,
                                     struct mtc_card_link **out_link) {
  struct card_lane *chosen = NULL;
  uint64_t least = 0;
  pthread_mutex_lock(&self->lock);
  for (unsigned i = 0; i < self->num_lanes; i++) {
    struct card_lane *lane = &self->lanes[(self->next_lane + i) % self->num_lanes];
    if (!lane->link || num_entries > lane->link->card.max_batch ||
        longest > lane->link->card.max_entry)
      continue;
    uint64_t load = mtc_card_link_load(lane->link);
    if (chosen && load >= least) continue;
    chosen = lane;
    least = load;
  }
  if (chosen) {
    self->next_lane = chosen->number + 1;
    *out_link = chosen->link;
    mtc_card_link_hold(*out_link);
  }
  pthread_mutex_unlock(&self->lock);
  return chosen;
}

/* Takes the link out of service, unless that was done; the keeper stops it. */
static void retire(struct card_lane *lane, struct mtc_card_link *link,
                   const struct mtc_error *fault) {
  struct card_hasher *self = lane->hasher;
  pthread_mutex_lock(&self->lock);
  if (lane->link == link) {
    lane->link = NULL;
    lane->retired = link;
    mtc_card_note_retired(lane, fault);
    pthread_cond_broadcast(&self->changed);
  }
  pthread_mutex_unlock(&self->lock);
}

/* A link that has failed before is retired, and another lane asked. Where there is none, and where
 * there is no memory for the card's part, the batch stays the CPU's. */
static void submit(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  size_t longest = longest_entry(&ticket->job);
  struct card_part *part = mtc_alloc(1, sizeof *part);
  if (!part || mtc_card_batch_init(&part->batch.wire, &ticket->job, &ticket->result) != MTC_OK) {
    mtc_free(part);
    return;
  }
  part->batch.timeout_ms = timeout_of(self, &ticket->job);
  while ((part->lane = choose_lane(self, ticket->job.num_entries, longest, &part->link)) != NULL) {
    if (mtc_card_link_submit(part->link, &part->batch) == MTC_OK) {
      ticket->on_card = part;
      return;
    }
    struct mtc_error fault = {""};
    if (mtc_card_link_status(part->link, &fault)) retire(part->lane, part->link, &fault);
    mtc_card_link_release(part->link);
  }
  mtc_card_batch_free(&part->batch.wire);
  mtc_free(part);
}

static mtc_status check(const struct card_hasher *self, const struct mtc_hash_ticket *ticket,
                        size_t *out_num_checked, struct mtc_error *error) {
  struct mtc_card_checking checking = self->checking;
  /* Where the samples begin must not be known to the card, nor be the same in every small batch. */
  if (checking.mode == MTC_CARD_CHECK_SAMPLE &&
      getrandom(&checking.phase, sizeof checking.phase, 0) != (ssize_t)sizeof checking.phase)
    checking.mode = MTC_CARD_CHECK_FULL;
  return mtc_card_check_batch(&checking, &ticket->job, &ticket->result, out_num_checked, error);
}

/*
 * A lane that lied in one batch is believed in no other that is not returned yet: its leaf hashes
 * may not all have been checked. Without memory for the check the batch is hashed again instead.
 */
static mtc_status finish_on_card(struct card_hasher *self, struct mtc_hash_ticket *ticket,
                                 struct card_part *part) {
  struct mtc_error fault = {""};
  size_t num_checked = 0;
  mtc_status status = mtc_card_link_wait(part->link, &part->batch, &fault);
  if (!status) {
    status = check(self, ticket, &num_checked, &fault);
    if (status == MTC_DEVICE) mtc_card_link_fail(part->link, &fault);
  }
  mtc_status link_status = mtc_card_link_status(part->link, &fault);
  if (link_status) {
    status = link_status;
    retire(part->lane, part->link, &fault);
  }
  mtc_card_note_batch(part->lane, &ticket->result, status, num_checked);
  return status;
}

static void wait(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  struct card_part *part = ticket->on_card;
  mtc_status status = part ? finish_on_card(self, ticket, part) : MTC_DEVICE;
  if (part) {
    mtc_card_link_release(part->link);
    mtc_card_batch_free(&part->batch.wire);
    mtc_free(part);
  }
  if (status) mtc_hasher_run_on_cpu(hasher, ticket);
}

static mtc_status readmit(struct mtc_hasher *hasher, struct mtc_error *error) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  mtc_status status = MTC_INPUT;
  pthread_mutex_lock(&self->lock);
  for (unsigned i = 0; i < self->num_lanes; i++) {
    struct card_lane *lane = &self->lanes[i];
    if (lane->link) continue;
    lane->is_asked = true;
    mtc_card_note_test(lane, true);
    status = MTC_OK;
  }
  pthread_cond_broadcast(&self->changed);
  pthread_mutex_unlock(&self->lock);
  return status ? mtc_fail(error, status, "the card is in service") : MTC_OK;
}

/* Lanes that do not answer keep the counters they had. */
static void refresh(struct mtc_hasher *hasher) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  for (unsigned i = 0; i < MTC_MAX_LANES; i++) {
    struct mtc_card_counters counters;
    pthread_mutex_lock(&self->lock);
    struct mtc_card_link *link = i < self->num_lanes ? self->lanes[i].link : NULL;
    if (link) mtc_card_link_hold(link);
    pthread_mutex_unlock(&self->lock);
    if (!link) continue;
    if (mtc_card_link_counters(link, &counters)) {
      pthread_mutex_lock(&hasher->stats_lock);
      hasher->stats.lanes[i].counters = counters;
      pthread_mutex_unlock(&hasher->stats_lock);
    }
    mtc_card_link_release(link);
  }
  pthread_mutex_lock(&hasher->stats_lock);
  mtc_card_add_up(&hasher->stats);
  pthread_mutex_unlock(&hasher->stats_lock);
}

static void close_card(struct mtc_hasher *hasher) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  pthread_mutex_lock(&self->lock);
  self->is_closing = true;
  pthread_cond_broadcast(&self->changed);
  unsigned num_lanes = self->num_lanes; /* final now */
  pthread_mutex_unlock(&self->lock);
  for (unsigned i = 0; i < num_lanes; i++) {
    struct card_lane *lane = &self->lanes[i];
    (void)pthread_join(lane->keeper, NULL);
    struct mtc_card_link *const links[] = {lane->link, lane->retired};
    for (size_t j = 0; j < 2; j++) {
      if (!links[j]) continue;
      mtc_card_link_stop(links[j]);
      mtc_card_link_release(links[j]);
    }
  }
  (void)pthread_cond_destroy(&self->changed);
  (void)pthread_mutex_destroy(&self->lock);
  (void)pthread_mutex_destroy(&self->hasher.stats_lock);
  mtc_free(self->path);
  mtc_free(self);
}

static const struct mtc_hasher_backend card_backend = {
    .submit = submit,
    .wait = wait,
    .readmit = readmit,
    .refresh = refresh,
    .close = close_card,
};

static mtc_status init(struct card_hasher *self, const struct mtc_card_options *options) {
  if (mtc_hasher_init(&self->hasher, &card_backend)) return MTC_NOMEM;
  self->path = mtc_strdup(options->path);
  self->timeout_ms = options->timeout_ms;
  self->checking =
      (struct mtc_card_checking){.mode = options->check, .sample_every = options->sample_every};
  self->readmit_after = options->readmit_after;
  self->readmit_interval_ms = options->readmit_interval_ms ? options->readmit_interval_ms : 1000;
  if (self->path && pthread_mutex_init(&self->lock, NULL) == 0) {
    if (mtc_card_init_condition(&self->changed) == MTC_OK) return MTC_OK;
    (void)pthread_mutex_destroy(&self->lock);
  }
  mtc_free(self->path);
  (void)pthread_mutex_destroy(&self->hasher.stats_lock);
  return MTC_NOMEM;
}

/*
 * Starts lane 0, which brings the others with it, and waits until each was tried. The fault is that
 * of the first lane that cannot be had; a lane with a broken device is no error where the card is
 * optional.
 */
static mtc_status try_lanes(struct card_hasher *self, bool is_optional, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  pthread_mutex_lock(&self->lock);
  mtc_card_add_lanes(self, 1);
  if (!self->num_lanes) status = mtc_fail(error, MTC_NOMEM, "no thread for the card");
  for (unsigned i = 0; i < self->num_lanes && !status; i++) {
    struct card_lane *lane = &self->lanes[i];
    while (!lane->was_tried)
      pthread_cond_wait(&self->changed, &self->lock);
    if (!lane->first_status || (lane->first_status == MTC_DEVICE && is_optional)) continue;
    status = mtc_fail(error, lane->first_status, "%s", lane->first_fault.text);
    if (self->num_lanes > 1) (void)mtc_fail_within(error, status, "lane %u", i);
  }
  pthread_mutex_unlock(&self->lock);
  return status;
}

mtc_status mtc_hasher_open_card(const struct mtc_card_options *options, struct mtc_hasher **out,
                                struct mtc_error *error) {
  struct card_hasher *self = mtc_alloc(1, sizeof *self);
  if (!self || init(self, options)) {
    mtc_free(self);
    return mtc_fail(error, MTC_NOMEM, "no memory to open the card");
  }
  mtc_status status = try_lanes(self, options->is_optional, error);
  if (status)
    close_card(&self->hasher);
  else
    *out = &self->hasher;
  return status;
}
