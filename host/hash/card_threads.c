/* Writer and reader of a session: what they move belongs to them, batches are looked at under the
 * lock only. */
#include "hash/card_threads.h"

#include "hash/card_regs.h"
#include "mtc/runtime.h"

#define CHUNK_LEN 16384u

mtc_status mtc_card_init_condition(pthread_cond_t *condition) {
  pthread_condattr_t monotonic;
  if (pthread_condattr_init(&monotonic) != 0) return MTC_NOMEM;
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  int failed = pthread_cond_init(condition, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  return failed ? MTC_NOMEM : MTC_OK;
}

/* Where the card makes us wait, it may have forgotten the session. */
static mtc_status nap(const struct mtc_card *card, struct mtc_error *error) {
  uint32_t nonce = mtc_card_register(card, MTC_REG_SYNC_ACK);
  if (nonce != card->nonce)
    return mtc_fail(error, MTC_DEVICE, "the card is in session 0x%x, not in 0x%x", nonce,
                    card->nonce);
  mtc_card_nap();
  return MTC_OK;
}

/* Writes beats, never more than the card has room for; a card that was reset grants fewer than were
 * written. Without the lock; may be cancelled. */
static mtc_status write_beats(struct mtc_card *card, const uint8_t *data, size_t len,
                              struct mtc_error *error) {
  mtc_status status = MTC_OK;
  while (len && !status) {
    uint32_t credit = mtc_card_register(card, MTC_REG_IN_CREDIT) - card->beats_written;
    if (credit == 0) {
      status = nap(card, error);
      continue;
    }
    if (credit > card->input_beats)
      return mtc_fail(error, MTC_DEVICE,
                      "the card grants %u beats in all; %u were written, and its buffer has %u",
                      card->beats_written + credit, card->beats_written, card->input_beats);
    size_t count = len < (size_t)credit * MTC_BEAT_LEN ? len : (size_t)credit * MTC_BEAT_LEN;
    status = mtc_card_write(card, data, count, error);
    card->beats_written += (uint32_t)(count / MTC_BEAT_LEN);
    data += count;
    len -= count;
  }
  return status;
}

/* Reads the next frame. Without the lock; may be cancelled. */
static mtc_status read_frame(struct mtc_card_link *link, uint8_t *frame, struct mtc_error *error) {
  struct mtc_card *card = &link->card;
  uint32_t available;
  while ((available = mtc_card_register(card, MTC_REG_OUT_AVAIL) - card->frames_read) == 0) {
    mtc_status status = nap(card, error);
    if (status) return status;
  }
  /* Looked at after the register: a batch is counted before its first beat is written. */
  uint32_t promised = __atomic_load_n(&link->frames_promised, __ATOMIC_ACQUIRE);
  if (available > promised - card->frames_read)
    return mtc_fail(error, MTC_DEVICE,
                    "the card offers %u frames in all; %u were read, and %u are to come in all",
                    card->frames_read + available, card->frames_read, promised);
  mtc_status status = mtc_card_read(card, frame, MTC_FRAME_LEN, error);
  card->frames_read++;
  return status;
}

void mtc_card_link_restart_clock(struct mtc_card_link *link, const struct mtc_link_batch *oldest) {
  link->deadline_ms = mtc_clock_monotonic_ms() + (int64_t)oldest->timeout_ms;
}

/* The batch is the card's from here on. Under the lock. */
static void begin(struct mtc_card_link *link, struct mtc_link_batch *batch) {
  size_t num_frames =
      (batch->wire.num_records + MTC_CARD_FRAME_RECORDS - 1) / MTC_CARD_FRAME_RECORDS;
  batch->state = MTC_LINK_OPEN;
  __atomic_store_n(&link->frames_promised, link->frames_promised + (uint32_t)num_frames,
                   __ATOMIC_RELEASE);
  link->num_open++;
  pthread_cond_broadcast(&link->changed);
}

/* Takes a complete batch off the list. Under the lock. */
static void finish(struct mtc_card_link *link, struct mtc_link_batch *batch) {
  struct mtc_link_batch **place = &link->first;
  bool was_oldest = link->first == batch;
  while (*place != batch)
    place = &(*place)->next;
  *place = batch->next;
  if (!batch->next) link->last = place;
  batch->state = MTC_LINK_DONE;
  link->num_open--;
  link->num_entries -= batch->wire.job->num_entries;
  if (was_oldest && link->first) mtc_card_link_restart_clock(link, link->first);
  pthread_cond_broadcast(&link->changed);
}

/* Gives a frame to the open batch that it is of. Under the lock. */
static mtc_status take_frame(struct mtc_card_link *link, const uint8_t *frame,
                             struct mtc_error *error) {
  uint32_t number;
  mtc_status status = mtc_card_frame_batch(frame, link->card.nonce, &number, error);
  if (status) return status;
  struct mtc_link_batch *batch = link->first;
  while (batch && !(batch->state == MTC_LINK_OPEN && batch->wire.number == number))
    batch = batch->next;
  if (!batch) return mtc_fail(error, MTC_DEVICE, "a frame of batch %u, which is not open", number);
  status = mtc_card_batch_take(&batch->wire, frame, error);
  if (status || batch->wire.num_taken < batch->wire.num_records) return status;
  if (!mtc_card_batch_gathered(&batch->wire))
    return mtc_fail(error, MTC_DEVICE, "batch %u was answered before it was sent", number);
  finish(link, batch);
  return MTC_OK;
}

static bool can_send(const struct mtc_card_link *link) {
  return link->sending &&
         (link->sending->state == MTC_LINK_OPEN || link->num_open < link->card.max_open);
}

/* Everything below runs with cancellation off but for the transfers. */
void *mtc_card_writer(void *context) {
  struct mtc_card_link *link = context;
  _Alignas(4096) uint8_t chunk[CHUNK_LEN];
  struct mtc_error error = {""};
  int previous;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
  pthread_mutex_lock(&link->lock);
  while (!link->has_failed) {
    if (!can_send(link)) {
      pthread_cond_wait(&link->changed, &link->lock);
      continue;
    }
    /* Small batches go together. */
    size_t len = 0;
    while (len < CHUNK_LEN && can_send(link)) {
      struct mtc_link_batch *batch = link->sending;
      if (batch->state == MTC_LINK_QUEUED) begin(link, batch);
      len += mtc_card_batch_gather(&batch->wire, link->card.nonce, chunk + len, CHUNK_LEN - len);
      if (mtc_card_batch_gathered(&batch->wire)) link->sending = batch->next;
    }
    pthread_mutex_unlock(&link->lock);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &previous);
    mtc_status status = write_beats(&link->card, chunk, len, &error);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
    if (status) mtc_card_link_fail(link, &error);
    pthread_mutex_lock(&link->lock);
  }
  pthread_mutex_unlock(&link->lock);
  return NULL;
}

void *mtc_card_reader(void *context) {
  struct mtc_card_link *link = context;
  _Alignas(4096) uint8_t frame[MTC_FRAME_LEN];
  struct mtc_error error = {""};
  int previous;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
  pthread_mutex_lock(&link->lock);
  while (!link->has_failed) {
    if (!link->num_open) {
      pthread_cond_wait(&link->changed, &link->lock);
      continue;
    }
    pthread_mutex_unlock(&link->lock);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &previous);
    mtc_status status = read_frame(link, frame, &error);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
    pthread_mutex_lock(&link->lock);
    if (!status && !link->has_failed) status = take_frame(link, frame, &error);
    if (!status) continue;
    pthread_mutex_unlock(&link->lock);
    mtc_card_link_fail(link, &error);
    pthread_mutex_lock(&link->lock);
  }
  pthread_mutex_unlock(&link->lock);
  return NULL;
}
