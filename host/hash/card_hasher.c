/* The card backend: a batch goes to the card while it is in service; what the card does not finish
 * rightly is the CPU's. */
#include "hash/card_hasher.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "hash/card_threads.h"
#include "mtc/runtime.h"

/* The card's part of a ticket. It holds its link until the ticket is waited for. */
struct card_part {
  struct mtc_link_batch batch;
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

static bool fits(const struct mtc_card *card, const struct mtc_hash_job *job) {
  if (job->num_entries > card->max_batch) return false;
  for (size_t i = 0; i < job->num_entries; i++)
    if (job->entries[i].len > card->max_entry) return false;
  return true;
}

/* Gives the link in service with a holder more, or NULL. */
static struct mtc_card_link *hold_link(struct card_hasher *self) {
  pthread_mutex_lock(&self->lock);
  struct mtc_card_link *link = self->link;
  if (link) mtc_card_link_hold(link);
  pthread_mutex_unlock(&self->lock);
  return link;
}

static void set_retired(struct card_hasher *self, const struct mtc_error *fault) {
  mtc_log(MTC_LOG_ERROR, "card_retired", "fault=\"%s\"", fault->text);
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  stats->num_card_retirements++;
  stats->card_in_service = false;
  (void)snprintf(stats->card_fault, sizeof stats->card_fault, "%s", fault->text);
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

/* Takes the link out of service, unless that was done; the keeper stops it. */
static void retire(struct card_hasher *self, struct mtc_card_link *link,
                   const struct mtc_error *fault) {
  pthread_mutex_lock(&self->lock);
  if (self->link == link) {
    self->link = NULL;
    self->retired = link;
    set_retired(self, fault);
    pthread_cond_signal(&self->changed);
  }
  pthread_mutex_unlock(&self->lock);
}

/* What cannot be given to the card stays the CPU's: no memory for it, or a link that has failed. */
static void submit(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  struct mtc_card_link *link = hold_link(self);
  if (!link) return;
  struct card_part *part = fits(&link->card, &ticket->job) ? mtc_alloc(1, sizeof *part) : NULL;
  if (part && mtc_card_batch_init(&part->batch.wire, &ticket->job, &ticket->result) == MTC_OK) {
    part->link = link;
    part->batch.timeout_ms = timeout_of(self, &ticket->job);
    if (mtc_card_link_submit(link, &part->batch) == MTC_OK) {
      ticket->on_card = part;
      return;
    }
    struct mtc_error fault = {""};
    if (mtc_card_link_status(link, &fault)) retire(self, link, &fault);
    mtc_card_batch_free(&part->batch.wire);
  }
  mtc_free(part);
  mtc_card_link_release(link);
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

static void count(struct card_hasher *self, const struct mtc_hash_result *result, mtc_status status,
                  size_t num_checked) {
  pthread_mutex_lock(&self->hasher.stats_lock);
  struct mtc_hash_stats *stats = &self->hasher.stats;
  stats->num_checked_hashes += num_checked;
  if (!status) {
    stats->num_card_batches++;
    stats->num_card_leaves += result->num_nodes[0];
    for (unsigned level = 1; level < MTC_LEVELS; level++)
      stats->num_card_nodes += result->num_nodes[level];
  } else if (status == MTC_DEVICE) {
    stats->num_card_faults++;
  }
  pthread_mutex_unlock(&self->hasher.stats_lock);
}

/*
 * A card that lied in one batch is believed in no other that is not returned yet: its leaf hashes
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
    retire(self, part->link, &fault);
  }
  count(self, &ticket->result, status, num_checked);
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
  pthread_mutex_lock(&self->lock);
  mtc_status status = MTC_OK;
  if (self->link) {
    status = mtc_fail(error, MTC_INPUT, "the card is in service");
  } else {
    self->is_asked = true;
    pthread_mutex_lock(&hasher->stats_lock);
    hasher->stats.card_in_test = true;
    pthread_mutex_unlock(&hasher->stats_lock);
    pthread_cond_signal(&self->changed);
  }
  pthread_mutex_unlock(&self->lock);
  return status;
}

static void refresh(struct mtc_hasher *hasher) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  struct mtc_card_counters counters;
  struct mtc_card_link *link = hold_link(self);
  if (!link) return;
  if (mtc_card_link_counters(link, &counters)) {
    pthread_mutex_lock(&hasher->stats_lock);
    hasher->stats.card = counters;
    pthread_mutex_unlock(&hasher->stats_lock);
  }
  mtc_card_link_release(link);
}

static void free_hasher(struct card_hasher *self) {
  struct mtc_card_link *const links[] = {self->link, self->retired};
  for (size_t i = 0; i < 2; i++) {
    if (!links[i]) continue;
    mtc_card_link_stop(links[i]);
    mtc_card_link_release(links[i]);
  }
  (void)pthread_cond_destroy(&self->changed);
  (void)pthread_mutex_destroy(&self->lock);
  (void)pthread_mutex_destroy(&self->hasher.stats_lock);
  mtc_free(self->path);
  mtc_free(self);
}

static void close_card(struct mtc_hasher *hasher) {
  struct card_hasher *self = (struct card_hasher *)hasher;
  pthread_mutex_lock(&self->lock);
  self->is_closing = true;
  pthread_cond_signal(&self->changed);
  pthread_mutex_unlock(&self->lock);
  (void)pthread_join(self->keeper, NULL);
  free_hasher(self);
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

mtc_status mtc_hasher_open_card(const struct mtc_card_options *options, struct mtc_hasher **out,
                                struct mtc_error *error) {
  struct card_hasher *self = mtc_alloc(1, sizeof *self);
  struct mtc_card_link *link = NULL;
  struct mtc_error fault = {""};
  if (!self || init(self, options)) {
    mtc_free(self);
    return mtc_fail(error, MTC_NOMEM, "no memory to open the card");
  }
  mtc_status status = mtc_card_open_tested(self, &link, &fault);
  if (!status)
    mtc_card_admit(self, link);
  else if (status == MTC_DEVICE && options->is_optional)
    set_retired(self, &fault);
  else
    goto failed;
  if (pthread_create(&self->keeper, NULL, mtc_card_keeper, self) != 0) {
    status = mtc_fail(&fault, MTC_NOMEM, "no thread for the card");
    goto failed;
  }
  *out = &self->hasher;
  return MTC_OK;
failed:
  free_hasher(self);
  return mtc_fail(error, status, "%s", fault.text);
}
