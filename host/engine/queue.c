/* The queue of places: entries and reservations in the order of their indices. */
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

mtc_status queue_make_room(struct queue *queue, size_t num_slots) {
  size_t capacity = queue->capacity ? queue->capacity : 256;
  while (capacity < queue->num_slots + num_slots)
    capacity *= 2;
  if (capacity == queue->capacity) return MTC_OK;
  struct slot *slots = mtc_alloc(capacity, sizeof *slots);
  if (!slots) return MTC_NOMEM;
  for (size_t i = 0; i < queue->num_slots; i++)
    slots[i] = *queue_at(queue, i);
  mtc_free(queue->slots);
  queue->slots = slots;
  queue->head = 0;
  queue->capacity = capacity;
  return MTC_OK;
}

struct slot *queue_at(struct queue *queue, size_t offset) {
  return &queue->slots[(queue->head + offset) & (queue->capacity - 1)];
}

mtc_status queue_push(struct queue *queue, struct item *item, int64_t expires_s) {
  mtc_status status = queue_make_room(queue, 1);
  if (status) return status;
  queue->num_slots++;
  *queue_at(queue, queue->num_slots - 1) = (struct slot){.item = item, .expires_s = expires_s};
  if (item) {
    item->index = queue->first_index + queue->num_slots - 1;
    queue->num_items++;
  }
  return MTC_OK;
}

/* A subject of no place yet: it is pushed with one, or dropped. An empty name is nobody's: NULL. */
mtc_status queue_make_subject(struct queue *queue, struct mtc_span name, struct subject **out) {
  *out = NULL;
  if (!name.len) return MTC_OK;
  struct subject *subject = mtc_alloc(1, sizeof *subject + name.len);
  if (!subject) return MTC_NOMEM;
  subject->len = name.len;
  memcpy(subject->der, name.data, name.len);
  queue->subjects_len += name.len;
  *out = subject;
  return MTC_OK;
}

void queue_drop_subject(struct queue *queue, struct subject *subject) {
  if (!subject || subject->num_slots) return;
  queue->subjects_len -= subject->len;
  mtc_free(subject);
}

mtc_status queue_push_reserved(struct queue *queue, int64_t expires_s, struct subject *subject) {
  mtc_status status = queue_push(queue, NULL, expires_s);
  if (status || !subject) return status;
  subject->num_slots++;
  queue_at(queue, queue->num_slots - 1)->subject = subject;
  return MTC_OK;
}

void queue_pop(struct queue *queue, size_t num_slots) {
  for (size_t i = 0; i < num_slots; i++) {
    struct slot *slot = queue_at(queue, i);
    if (slot->item) queue->num_items--;
    if (slot->subject) slot->subject->num_slots--;
    queue_drop_subject(queue, slot->subject);
    slot->subject = NULL;
  }
  queue->head = (queue->head + num_slots) & (queue->capacity - 1);
  queue->num_slots -= num_slots;
  queue->first_index += num_slots;
}

void queue_free(struct queue *queue) {
  queue_pop(queue, queue->num_slots);
  mtc_free(queue->slots);
  *queue = (struct queue){0};
}

/*
 * How many places from the front a batch may take now: up to the first reservation that is neither
 * filled nor expired. *out_since_ms says since when they wait: the oldest entry's time, or for ever
 * when there are only expired reservations, which are null entries by now.
 */
size_t queue_sealable(struct queue *queue, size_t max, int64_t now_s, int64_t *out_since_ms,
                      int64_t *out_blocking_expiry_s) {
  size_t num = 0;
  bool has_item = false;
  *out_since_ms = INT64_MAX;
  *out_blocking_expiry_s = 0;
  for (; num < queue->num_slots && num < max; num++) {
    const struct slot *slot = queue_at(queue, num);
    if (!slot->item && slot->expires_s > now_s) {
      *out_blocking_expiry_s = slot->expires_s;
      break;
    }
    if (!slot->item) continue;
    has_item = true;
    if (slot->item->queued_ms < *out_since_ms) *out_since_ms = slot->item->queued_ms;
  }
  if (num && !has_item) *out_since_ms = 0;
  return num;
}
